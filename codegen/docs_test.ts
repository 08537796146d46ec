import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { comment, escapeComment, parseDocstring } from "./docs.ts";

const NUMPY = `Add things.

More about :func:\`adding <np.add>\` and \`\`code\`\`.

.. versionadded:: 1.0
   Not kept.

Parameters
----------
a, b : int
    What to add.

    Much more text.
c : float, optional
    A third.

Returns
-------
total : int
    The sum.

Raises
------
ValueError
    If they do not fit.

Examples
--------
Some words.

>>> add(1, 2)
3
`;

const GOOGLE = `Add things.

Args:
    a (int): The first.
    b: The second,
        on two lines.

Returns:
    The sum.

Raises:
    ValueError: If they do not fit.
`;

describe("parseDocstring()", () => {
  it("reads numpydoc sections", () => {
    const parts = parseDocstring(NUMPY);
    assert.equal(parts.text, "Add things.\n\nMore about `adding` and `code`.");
    assert.deepEqual([...parts.parameters], [["a", "What to add."], ["b", "What to add."], ["c", "A third."]]);
    assert.equal(parts.returns, "The sum.");
    assert.deepEqual(parts.raises, [{ type: "ValueError", text: "If they do not fit." }]);
    assert.equal(parts.example, ">>> add(1, 2)\n3");
  });

  it("reads Google sections", () => {
    const parts = parseDocstring(GOOGLE);
    assert.deepEqual([...parts.parameters], [["a", "The first."], ["b", "The second, on two lines."]]);
    assert.deepEqual(parts.raises, [{ type: "ValueError", text: "If they do not fit." }]);
  });

  it("keeps a docstring without sections", () => {
    assert.equal(parseDocstring("One line.").text, "One line.");
    assert.equal(parseDocstring("").text, "");
  });
});

describe("comment()", () => {
  it("never lets a docstring end its comment, start a tag or hide text", () => {
    const hostile = "*/ evil() /*\n\n@throws x\n\n{@link y} \u202e \u2028";
    const written = comment(hostile, { fallback: "" });
    assert.equal(written.indexOf("*/"), written.length - 2);
    assert.doesNotMatch(written, /\* @throws|\{@link|\u202e|\u2028/);
  });

  it("escapes a star and a slash that meet only after escaping", () => {
    assert.doesNotMatch(escapeComment("**//**//"), /\*\//);
    assert.doesNotMatch(escapeComment("*\u202e/"), /\*\//);
  });
});
