// Each pattern keeps what says which kind of secret it was, and takes the secret out.
const SECRET = "[redacted]";

const RULES: readonly (readonly [RegExp, string])[] = [
  [/-----BEGIN ([A-Z ]*PRIVATE KEY)-----[\s\S]*?(?:-----END \1-----|$)/g, `-----BEGIN $1----- ${SECRET}`],
  // Authorization: Basic abc, "Authorization": "Bearer abc"
  [/\b(authorization["']?\s*[:=]\s*["']?)(?:(basic|bearer|digest|token)\s+)?[^\s"',;}]+/gi, `$1$2 ${SECRET}`],
  [/\b(bearer\s+)[\w\-.~+/]{8,}=*/gi, `$1${SECRET}`],
  // https://user:password@host
  [/\b([a-z][a-z0-9+.\-]*:\/\/[^\s/:@"']*):[^\s/@"']+@/gi, `$1:${SECRET}@`],
  // password=abc, "api_key": "abc", SECRET_TOKEN = abc, --token abc; the value may be quoted or bare.
  [
    /((?:\b|_)(?:api[_\-]?key|access[_\-]?key|private[_\-]?key|(?:access|auth|refresh|session)[_\-]?token|token|client[_\-]?secret|secret(?:[_\-]?(?:access[_\-]?)?key)?|password|passwd|passphrase|pwd)["']?\s*(?:[:=]|=>)\s*)(?:b?"(?:\\.|[^"\\])*"|b?'(?:\\.|[^'\\])*'|[^\s"',;&)}\]]+)/gi,
    `$1${SECRET}`,
  ],
  [/(--(?:api-key|token|password|secret)\s+)\S+/gi, `$1${SECRET}`],
  // Keys that tell themselves by how they begin: OpenAI and kin, GitHub, Slack, AWS, Google, Hugging Face; JSON Web Tokens.
  [/\b(?:sk|pk|rk)-[A-Za-z0-9_\-]{10,}/g, SECRET],
  [/\b(?:gh[oprsu]_|github_pat_|hf_)[A-Za-z0-9_]{16,}/g, SECRET],
  [/\bxox[a-z]-[A-Za-z0-9\-]{10,}/g, SECRET],
  [/\b(?:AKIA|ASIA)[A-Z0-9]{16}\b/g, SECRET],
  [/\bAIza[A-Za-z0-9_\-]{30,}/g, SECRET],
  [/\beyJ[A-Za-z0-9_\-]{8,}\.[A-Za-z0-9_\-]{8,}\.[A-Za-z0-9_\-]*/g, SECRET],
];

const SECRET_NAME =
  /api[_\-]?key|access[_\-]?key|private[_\-]?key|token|secret|password|passwd|passphrase|^pwd$|authorization/i;

/** Takes out of a text what looks like a secret: keys, tokens, passwords, credentials in addresses. */
export function redact(text: string): string {
  let clean = text;
  for (const [pattern, replacement] of RULES) clean = clean.replace(pattern, replacement);
  return clean;
}

const MAX_DEPTH = 6;

/** A copy of data that is safe to log and to write as JSON: texts are redacted, and what is no data is named by type. */
export function redactData(value: unknown, depth = 0): unknown {
  switch (typeof value) {
    case "string":
      return redact(value);
    case "bigint":
      return String(value);
    case "number":
      return Number.isFinite(value) ? value : String(value);
    case "boolean":
    case "undefined":
      return value;
    case "object":
      break;
    default:
      return `[${typeof value}]`;
  }
  if (value === null) return null;
  if (depth >= MAX_DEPTH) return "[too deep]";
  if (Array.isArray(value)) return value.map((item) => redactData(item, depth + 1));
  if (value instanceof Error) return redact(`${value.name}: ${value.message}`);
  const { constructor } = value;
  if (constructor !== Object && constructor !== undefined) return `[${constructor?.name ?? "object"}]`;
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [
      key,
      SECRET_NAME.test(key) && typeof item === "string" ? SECRET : redactData(item, depth + 1),
    ]),
  );
}
