/** How two objects are compared; see {@linkcode Ref.compare}. */
export type Comparison = "==" | "!=" | "<" | "<=" | ">" | ">=";

const COMPARISONS: Readonly<Record<Comparison, string>> = {
  "==": "eq",
  "!=": "ne",
  "<": "lt",
  "<=": "le",
  ">": "gt",
  ">=": "ge",
};

/** Operators with two operands, as Python writes them; see {@linkcode Ref.op}. */
export type ArithmeticOperator = "+" | "-" | "*" | "/" | "//" | "%" | "**" | "@" | "&" | "|" | "^" | "<<" | ">>";

/** {@linkcode ArithmeticOperator}, and each with `=` for the form that changes the left operand where it can. */
export type BinaryOperator = ArithmeticOperator | `${ArithmeticOperator}=`;

const BINARY: Readonly<Record<ArithmeticOperator, string>> = {
  "+": "add",
  "-": "sub",
  "*": "mul",
  "/": "truediv",
  "//": "floordiv",
  "%": "mod",
  "**": "pow",
  "@": "matmul",
  "&": "and",
  "|": "or",
  "^": "xor",
  "<<": "lshift",
  ">>": "rshift",
};

/** Operators with one operand; see {@linkcode Ref.unary}. */
export type UnaryOperator = "-" | "+" | "~" | "abs";

const UNARY: Readonly<Record<UnaryOperator, string>> = { "-": "neg", "+": "pos", "~": "invert", abs: "abs" };

/** The operation of proto/PROTOCOL.md 3.1 for a comparison. */
export function comparisonName(comparison: Comparison): string {
  return found(COMPARISONS, comparison, "compare");
}

/** The operation for an operator whose left operand is the object. */
export function operatorName(operator: BinaryOperator): string {
  if (Object.hasOwn(COMPARISONS, operator)) {
    throw new TypeError(`Cannot compute "${operator}": use compare("${operator}", other)`);
  }
  if (operator.endsWith("=")) return `i${found(BINARY, operator.slice(0, -1) as ArithmeticOperator, "compute")}`;
  return found(BINARY, operator as ArithmeticOperator, "compute");
}

/** The operation for an operator whose right operand is the object. */
export function reflectedName(operator: ArithmeticOperator): string {
  return `r${found(BINARY, operator, "compute")}`;
}

/** The operation for an operator with one operand. */
export function unaryName(operator: UnaryOperator): string {
  return found(UNARY, operator, "compute");
}

/** An operand as it is; undefined is a forgotten one rather than `None`. */
export function requireOperand(operator: string, operand: unknown): unknown {
  if (operand === undefined) {
    throw new TypeError(`Cannot compute "${operator}": its operand is undefined; pass null for None`);
  }
  return operand;
}

function found<K extends string>(names: Readonly<Record<K, string>>, key: K, action: string): string {
  if (!Object.hasOwn(names, key)) {
    throw new TypeError(`Cannot ${action}: got "${String(key)}", expected one of ${Object.keys(names).join(" ")}`);
  }
  return names[key];
}
