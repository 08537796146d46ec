import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { redact, redactData } from "./redact.ts";

describe("redact()", () => {
  for (
    const [text, expected] of [
      ["Authorization: Bearer abc.def-123", "Authorization: Bearer [redacted]"],
      ['{"authorization": "Basic dXNlcjpwdw=="}', '{"authorization": "Basic [redacted]"}'],
      ["sent bearer abcdefgh12345", "sent bearer [redacted]"],
      ["postgres://me:hunter2@db/x", "postgres://me:[redacted]@db/x"],
      ["connect(password='hunter2', user='me')", "connect(password=[redacted], user='me')"],
      ['{"api_key": "k\\"1", "n": 1}', '{"api_key": [redacted], "n": 1}'],
      ["API_KEY=abc123 run", "API_KEY=[redacted] run"],
      ["AWS_SECRET_ACCESS_KEY=abc/123 run", "AWS_SECRET_ACCESS_KEY=[redacted] run"],
      ["tool --token abc123 run", "tool --token [redacted] run"],
      ["Incorrect key: sk-proj-0123456789abcdef.", "Incorrect key: [redacted]."],
      ["ghp_0123456789abcdef0123", "[redacted]"],
      ["AKIAIOSFODNN7EXAMPLE", "[redacted]"],
      ["jwt eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abc-_1 end", "jwt [redacted] end"],
      [
        "-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----\nrest",
        "-----BEGIN RSA PRIVATE KEY----- [redacted]\nrest",
      ],
    ] as const
  ) {
    it(`takes the secret out of ${JSON.stringify(text)}`, () => assert.equal(redact(text), expected));
  }

  for (
    const text of [
      "unexpected token '<' at position 3",
      "invalid password",
      "the tokenizer has no pad token",
      "max_tokens=100",
      "https://example.org/a:b@c",
      "task-0123456789abcdef",
      "KeyError: 'secretary'",
    ]
  ) {
    it(`leaves ${JSON.stringify(text)}`, () => assert.equal(redact(text), text));
  }
});

describe("redactData()", () => {
  it("gives what JSON can hold, without secrets", () => {
    const data = { n: 1n, list: [NaN, "token=abc"], password: "x", made: new Map(), deep: { api_key: "k", f() {} } };
    const expected = {
      n: "1",
      list: ["NaN", "token=[redacted]"],
      password: "[redacted]",
      made: "[Map]",
      deep: { api_key: "[redacted]", f: "[function]" },
    };
    assert.deepEqual(redactData(data), expected);
  });

  it("ends in data that contains itself", () => {
    const data: Record<string, unknown> = {};
    data.self = data;
    assert.match(JSON.stringify(redactData(data)), /too deep/);
  });
});
