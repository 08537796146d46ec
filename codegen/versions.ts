/**
 * Whether an installed version is one that the configuration asks for.
 *
 * @module
 */

import { compareVersions } from "../lib/env/mod.ts";

/**
 * Tests a version against a constraint as pip writes it: `2.*`, `2.4`, `>=2,<3`, `!=2.1`, `~=2.1`, `*`.
 *
 * A version without an operator names a release line: `2` and `2.*` mean any 2, `2.4` any 2.4.
 */
export function satisfies(version: string, constraint: string): boolean {
  return constraint.split(",").every((part) => satisfiesOne(version, part.trim()));
}

function satisfiesOne(version: string, part: string): boolean {
  if (part === "*" || part === "") return true;
  const match = /^(===|[<>=!~]=|[<>=])?\s*(.+)$/.exec(part)!;
  const operator = match[1] ?? "line";
  const wanted = match[2]!;
  const order = compareVersions(version, wanted);
  switch (operator) {
    case ">=":
      return order >= 0;
    case "<=":
      return order <= 0;
    case ">":
      return order > 0;
    case "<":
      return order < 0;
    case "!=":
      return !(wanted.endsWith("*") ? isInLine(version, wanted) : order === 0);
    case "~=":
      return order >= 0 && isInLine(version, wanted.split(".").slice(0, -1).join("."));
    case "line":
      return isInLine(version, wanted);
    default:
      return wanted.endsWith("*") ? isInLine(version, wanted) : order === 0;
  }
}

function isInLine(version: string, line: string): boolean {
  const parts = line.replace(/\.?\*$/, "").split(".");
  const given = version.split(".");
  return parts.every((part, index) => part === "" || Number.parseInt(given[index] ?? "0") === Number.parseInt(part));
}
