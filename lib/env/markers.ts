import { compareVersions } from "./version.ts";

/** What environment markers are judged by: PEP 508 names to their values on one interpreter. */
export type MarkerEnvironment = Readonly<Record<string, string>>;

const TOKEN = /\s*(\(|\)|'[^']*'|"[^"]*"|===|==|!=|<=|>=|~=|<|>|not\s+in\b|[A-Za-z_][\w.]*)/y;

/**
 * Whether a PEP 508 environment marker holds. An empty marker always does.
 *
 * @throws {SyntaxError} If the marker cannot be read.
 */
export function markerApplies(marker: string, environment: MarkerEnvironment): boolean {
  if (marker.trim() === "") return true;
  const tokens = tokenize(marker);
  let at = 0;

  const operand = (): { text: string; isName: boolean } => {
    const token = tokens[at++];
    if (token === undefined) throw new SyntaxError(`Cannot read marker "${marker}": it ends too early`);
    if (/^['"]/.test(token)) return { text: token.slice(1, -1), isName: false };
    const value = environment[token];
    if (value === undefined) throw new SyntaxError(`Cannot read marker "${marker}": "${token}" is not known`);
    return { text: value, isName: token.includes("version") && token !== "platform_version" };
  };
  const comparison = (): boolean => {
    if (tokens[at] === "(") {
      at++;
      const inner = either();
      if (tokens[at++] !== ")") throw new SyntaxError(`Cannot read marker "${marker}": a bracket is not closed`);
      return inner;
    }
    const left = operand();
    const operator = tokens[at++] ?? "";
    const right = operand();
    return compare(left.text, operator, right.text, left.isName || right.isName, marker);
  };
  const both = (): boolean => {
    let value = comparison();
    while (tokens[at] === "and") {
      at++;
      value = comparison() && value;
    }
    return value;
  };
  const either = (): boolean => {
    let value = both();
    while (tokens[at] === "or") {
      at++;
      value = both() || value;
    }
    return value;
  };

  const result = either();
  if (at < tokens.length) throw new SyntaxError(`Cannot read marker "${marker}": "${tokens[at]}" was not expected`);
  return result;
}

function tokenize(marker: string): string[] {
  const tokens: string[] = [];
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < marker.trimEnd().length) {
    const from = TOKEN.lastIndex;
    const match = TOKEN.exec(marker);
    if (match === null) throw new SyntaxError(`Cannot read marker "${marker}": unexpected text at ${from}`);
    tokens.push((match[1] ?? "").replace(/\s+/g, " "));
  }
  return tokens;
}

function compare(left: string, operator: string, right: string, asVersion: boolean, marker: string): boolean {
  if (operator === "in") return right.includes(left);
  if (operator === "not in") return !right.includes(left);
  if (asVersion && right.endsWith(".*")) {
    const prefix = right.slice(0, -2);
    const same = left === prefix || left.startsWith(`${prefix}.`);
    if (operator === "==") return same;
    if (operator === "!=") return !same;
  }
  const order = asVersion ? compareVersions(left, right) : left < right ? -1 : left > right ? 1 : 0;
  switch (operator) {
    case "==":
    case "===":
      return order === 0;
    case "!=":
      return order !== 0;
    case "<":
      return order < 0;
    case "<=":
      return order <= 0;
    case ">":
      return order > 0;
    case ">=":
      return order >= 0;
    case "~=": {
      const series = right.split(".").slice(0, -1).join(".");
      return order >= 0 && (left === series || left.startsWith(`${series}.`));
    }
    default:
      throw new SyntaxError(`Cannot read marker "${marker}": "${operator}" is not an operator`);
  }
}
