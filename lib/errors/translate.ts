// deno-fmt-ignore-file: one rule a line, or nobody finds one.
// Reads messages of numeric libraries. Every pattern is bound to the beginning of a message that a library is known to
// write, and to the type it raises: a text of the user's own that speaks of shapes or memory is not one of them.
import {
  DeviceMismatchError,
  DtypeMismatchError,
  type KnownShape,
  type NumericError,
  OutOfMemoryError,
  ShapeMismatchError,
} from "./numeric.ts";
import { PythonError, setTranslated } from "./python_error.ts";

/**
 * What a failed call rejects with when Python raised.
 *
 * - `raw`: the {@linkcode PythonError}.
 * - `translated`: the same {@linkcode PythonError}; where it could be read, its `translated` is the
 *   {@linkcode NumericError}, and what it prints ends with the advice.
 * - `raise_translated`: where it could be read, the {@linkcode NumericError}, whose `cause` is the
 *   {@linkcode PythonError}; everything else as with `raw`.
 */
export type ErrorMode = "raw" | "translated" | "raise_translated";

interface ShapeFacts {
  readonly expected: KnownShape;
  readonly actual: KnownShape;
  readonly operation?: string | undefined;
  readonly dimension?: number | undefined;
  readonly shapes?: readonly KnownShape[];
}

interface PairFacts {
  readonly expected: string;
  readonly actual: string;
  readonly operation?: string | undefined;
}

interface MemoryFacts {
  readonly device?: string | undefined;
  readonly requestedBytes?: number | undefined;
  readonly availableBytes?: number | undefined;
  readonly totalBytes?: number | undefined;
  readonly operation?: string | undefined;
}

type Groups = readonly (string | undefined)[];
type Rule<Facts> = readonly [RegExp, (groups: Groups) => Facts | undefined];

/** Makes rules when they are first needed: most programs never meet them, and every one would pay for them when it starts. */
function once<T>(make: () => T): () => T {
  let made: T | undefined;
  return () => made ??= make();
}

/** Sizes out of `2, 3`, `2x3`, `None, 3`. */
function dims(text: string | undefined): KnownShape {
  return (text ?? "").split(/,|x(?=\s*\d)/).map((part) => part.trim()).filter((part) => part !== "")
    .map((part) => /^\d+$/.test(part) ? Number(part) : null);
}

function size(text: string | undefined): KnownShape {
  return [Number(text)];
}

/** As many sizes as there are dimensions, none of them known. */
function open(count: string | undefined): KnownShape {
  return new Array<null>(Number(count)).fill(null);
}

/** Every shape in a text such as `(2,3) (4,)`, with either kind of brackets. */
function shapesIn(text: string | undefined): KnownShape[] {
  return [...(text ?? "").matchAll(/[([]([\w*?,\s-]*)[)\]]/g)].map((match) => dims(match[1]));
}

function fit(one: KnownShape, other: KnownShape): boolean {
  for (let back = 1; back <= Math.min(one.length, other.length); back += 1) {
    const [a, b] = [one[one.length - back], other[other.length - back]];
    if (a !== b && a !== 1 && b !== 1 && a !== null && b !== null) return false;
  }
  return true;
}

function same(one: KnownShape, other: KnownShape): boolean {
  return one.length === other.length && one.every((value, index) => value === other[index]);
}

/** The first two of several shapes that do not go together. */
function clash(
  shapes: readonly KnownShape[],
  operation: string | undefined,
  together: (one: KnownShape, other: KnownShape) => boolean = fit,
): ShapeFacts | undefined {
  for (const [index, actual] of shapes.entries()) {
    const expected = shapes.slice(0, index).find((earlier) => !together(earlier, actual));
    if (expected !== undefined) return { expected, actual, operation, shapes };
  }
  const [expected, actual] = shapes;
  return expected === undefined || actual === undefined ? undefined : { expected, actual, operation, shapes };
}

/** A product of two matrices: the second one must have as many rows as the first has columns. */
function product(first: KnownShape, second: KnownShape, operation: string): ShapeFacts {
  const expected = [...second];
  const dimension = Math.max(0, second.length - 2);
  expected[dimension] = first.at(-1) ?? null;
  return { expected, actual: second, operation, shapes: [first, second] };
}

/** `AddV2` out of `[Op:AddV2]`, as the names of other libraries are written. */
function tensorflowOp(name: string | undefined): string | undefined {
  if (name === undefined) return undefined;
  const bare = name.replace(/^_Mkl/, "").replace(/V\d$/, "").toLowerCase();
  return bare === "batchmatmul" ? "matmul" : bare;
}

const shapesRules = once((): readonly Rule<ShapeFacts>[] => [
  // numpy
  [/^(?:operands|shape mismatch: indexing arrays) could not be broadcast together with shapes ((?:\([^)]*\)\s*)+)$/, ([s]) => clash(shapesIn(s), "broadcast")],
  [/^operands could not be broadcast together with remapped shapes \[original->remapped\]: \(([^)]*)\)\s+and requested shape \(([^)]*)\)/, ([a, e]) => ({ expected: dims(e), actual: dims(a), operation: "broadcast" })],
  [/^operands could not be broadcast together with remapped shapes \[original->remapped\]: ((?:\([^)]*\)->\([^)]*\)\s*)+)$/, ([s]) => clash(shapesIn(s).filter((_, index) => index % 2 === 0), "einsum", () => false)],
  [/^non-broadcastable output operand with shape \(([^)]*)\) doesn't match the broadcast shape \(([^)]*)\)/, ([a, e]) => ({ expected: dims(e), actual: dims(a), operation: "broadcast" })],
  [/^shape mismatch: objects cannot be broadcast to a single shape\.\s+Mismatch is between arg \d+ with shape \(([^)]*)\) and arg \d+ with shape \(([^)]*)\)/, ([e, a]) => ({ expected: dims(e), actual: dims(a), operation: "broadcast" })],
  [/^(\w+?)1?: Input operand \d+ has a mismatch in its core dimension (\d+), with gufunc signature .*\(size (\d+) is different from (\d+)\)/, ([op, d, a, e]) => ({ expected: size(e), actual: size(a), operation: op, dimension: Number(d) })],
  [/^shapes \(([^)]*)\) and \(([^)]*)\) not aligned: /, ([a, b]) => product(dims(a), dims(b), "dot")],
  [/^cannot reshape array of size (\d+) into shape \(([^)]*)\)/, ([a, e]) => ({ expected: dims(e), actual: size(a), operation: "reshape" })],
  [/^all the input array dimensions .*except for the concatenation axis must match exactly, but along dimension (\d+), the array at index \d+ has size (\d+) and the array at index \d+ has size (\d+)/, ([d, e, a]) => ({ expected: size(e), actual: size(a), operation: "concatenate", dimension: Number(d) })],
  [/^all the input arrays must have same number of dimensions, but the array at index \d+ has (\d+) dimension\(s\) and the array at index \d+ has (\d+) dimension/, ([e, a]) => ({ expected: open(e), actual: open(a), operation: "concatenate" })],
  [/^could not broadcast input array from shape \(([^)]*)\) into shape \(([^)]*)\)/, ([a, e]) => ({ expected: dims(e), actual: dims(a), operation: "assignment" })],
  [/^shape mismatch: value array of shape \(([^)]*)\)\s+could not be broadcast to indexing result of shape \(([^)]*)\)/, ([a, e]) => ({ expected: dims(e), actual: dims(a), operation: "assignment" })],
  [/^boolean index did not match indexed array along (?:axis|dimension) (\d+); (?:size of axis|dimension) is (\d+) but (?:size of )?corresponding boolean (?:axis|dimension) is (\d+)/, ([d, e, a]) => ({ expected: size(e), actual: size(a), operation: "boolean index", dimension: Number(d) })],
  [/^Size of label '.' for operand \d+ \((\d+)\) does not match previous terms \((\d+)\)/, ([a, e]) => ({ expected: size(e), actual: size(a), operation: "einsum" })],
  // matplotlib
  [/^x and y must have same first dimension, but have shapes \(([^)]*)\) and \(([^)]*)\)/, ([e, a]) => ({ expected: dims(e), actual: dims(a), operation: "plot" })],
  // pandas, pyarrow
  [/^Length of values \((\d+)\) does not match length of index \((\d+)\)/, ([a, e]) => ({ expected: size(e), actual: size(a) })],
  [/^Length mismatch: Expected axis has (\d+) elements, new values have (\d+) elements/, ([e, a]) => ({ expected: size(e), actual: size(a) })],
  [/^Shape of passed values is \(([^)]*)\), indices imply \(([^)]*)\)/, ([a, e]) => ({ expected: dims(e), actual: dims(a) })],
  [/^Unable to coerce to (?:Series|DataFrame), (?:length|shape) must be \(?([\d, ]+)\)?: given \(?([\d, ]+)\)?/, ([e, a]) => ({ expected: dims(e), actual: dims(a) })],
  [/^Dot product shape mismatch, \(([^)]*)\) vs \(([^)]*)\)/, ([a, b]) => product(dims(a), dims(b), "dot")],
  [/^Boolean index has wrong length: (\d+) instead of (\d+)/, ([a, e]) => ({ expected: size(e), actual: size(a), operation: "boolean index" })],
  [/^\('Lengths must match to compare', \(([^)]*)\), \(([^)]*)\)\)/, ([e, a]) => ({ expected: dims(e), actual: dims(a), operation: "comparison" })],
  [/^Expected a 1D array, got an array with shape \(([^)]*)\)/, ([a]) => ({ expected: [null], actual: dims(a) })],
  [/^Column \d+ named .* expected length (\d+) but got length (\d+)/, ([e, a]) => ({ expected: size(e), actual: size(a) })],
  // scikit-learn
  [/^X has (\d+) features, but (\w+) is expecting (\d+) features as input/, ([a, op, e]) => ({ expected: [null, Number(e)], actual: [null, Number(a)], operation: op })],
  [/^Found input variables with inconsistent numbers of samples: \[([^\]]*)\]/, ([s]) => clash(dims(s).map((length) => [length]), undefined, same)],
  [/^Expected (\d+)D array, got (\d+)D array instead/, ([e, a]) => ({ expected: open(e), actual: open(a) })],
  [/^Expected (\d+)D array, got scalar array instead/, ([e]) => ({ expected: open(e), actual: [] })],
  [/^Found array with dim (\d+), while dim <= (\d+) is required(?: by (\w+))?/, ([a, e, op]) => ({ expected: open(e), actual: open(a), operation: op })],
  [/^Found array with dim (\d+)\. (\w+) expected <= (\d+)/, ([a, op, e]) => ({ expected: open(e), actual: open(a), operation: op })],
  [/^Incompatible dimension for X and Y matrices: X\.shape\[1\] == (\d+) while Y\.shape\[1\] == (\d+)/, ([e, a]) => ({ expected: [null, Number(e)], actual: [null, Number(a)] })],
  [/^sample_weight\.shape == \(([^)]*)\), expected \(([^)]*)\)!/, ([a, e]) => ({ expected: dims(e), actual: dims(a) })],
  // scipy
  [/^matmul: dimension mismatch with signature \(n,k=(\d+)\),\(k=(\d+),/, ([e, a]) => ({ expected: size(e), actual: size(a), operation: "matmul", dimension: 0 })],
  [/^incompatible shapes: \w+\.shape=\(([^)]*)\) and \w+\.shape=\(([^)]*)\)/, ([e, a]) => ({ expected: dims(e), actual: dims(a) })],
  // PyTorch
  [/^mat1 and mat2 shapes cannot be multiplied \((\d+x\d+) and (\d+x\d+)\)/, ([a, b]) => product(dims(a), dims(b), "matmul")],
  [/^size mismatch, m1: \[([\d x]+)\], m2: \[([\d x]+)\]/, ([a, b]) => product(dims(a), dims(b), "matmul")],
  [/^size mismatch, got input \((\d+)\), mat \((\d+x\d+)\), vec \((\d+)\)/, ([, m, v]) => ({ expected: [dims(m).at(-1) ?? null], actual: size(v), operation: "mv", shapes: [dims(m), size(v)] })],
  [/^inconsistent tensor size, expected tensor \[(\d+)\] and src \[(\d+)\] to have the same number of elements/, ([e, a]) => ({ expected: size(e), actual: size(a), operation: "dot" })],
  [/^The size of tensor a \((\d+)\) must match the size of tensor b \((\d+)\) at non-singleton dimension (\d+)/, ([e, a, d]) => ({ expected: size(e), actual: size(a), operation: "broadcast", dimension: Number(d) })],
  [/^The expanded size of the tensor \(\d+\) must match the existing size \(\d+\) at non-singleton dimension \d+\.\s+Target sizes: \[([^\]]*)\]\.\s+Tensor sizes: \[([^\]]*)\]/, ([e, a]) => ({ expected: dims(e), actual: dims(a), operation: "expand" })],
  [/^output with shape \[([^\]]*)\] doesn't match the broadcast shape \[([^\]]*)\]/, ([a, e]) => ({ expected: dims(e), actual: dims(a), operation: "broadcast" })],
  [/^shape '\[([^\]]*)\]' is invalid for input of size (\d+)/, ([e, a]) => ({ expected: dims(e), actual: size(a), operation: "reshape" })],
  [/^Sizes of tensors must match except in dimension \d+\. Expected size (\d+) but got size (\d+) for tensor number \d+ in the list/, ([e, a]) => ({ expected: size(e), actual: size(a), operation: "cat" })],
  [/^Sizes of tensors must match except in dimension \d+\. Got (\d+) and (\d+) in dimension (\d+)/, ([e, a, d]) => ({ expected: size(e), actual: size(a), operation: "cat", dimension: Number(d) })],
  [/^Tensors must have same number of dimensions: got (\d+) and (\d+)/, ([e, a]) => ({ expected: open(e), actual: open(a), operation: "cat" })],
  [/^stack expects each tensor to be equal size, but got \[([^\]]*)\] at entry \d+ and \[([^\]]*)\] at entry \d+/, ([e, a]) => ({ expected: dims(e), actual: dims(a), operation: "stack" })],
  [/^Expected size for first two dimensions of batch2 tensor to be: \[([^\]]*)\] but got: \[([^\]]*)\]/, ([e, a]) => ({ expected: dims(e), actual: dims(a), operation: "bmm" })],
  [/^Given groups=\d+, weight of size \[[^\]]*\], expected input\[([^\]]*)\] to have (\d+) channels, but got (\d+) channels instead/, ([s, e, a]) => {
    const actual = dims(s);
    const dimension = actual.indexOf(Number(a), actual.length > 3 ? 1 : 0);
    return { expected: actual.map((value, index) => index === dimension ? Number(e) : value), actual, operation: "conv" };
  }],
  [/^Expected input batch_size \((\d+)\) to match target batch_size \((\d+)\)/, ([e, a]) => ({ expected: size(e), actual: size(a), operation: "loss", dimension: 0 })],
  [/^input\.size\(-1\) must be equal to input_size\. Expected (\d+), got (\d+)/, ([e, a]) => ({ expected: size(e), actual: size(a), operation: "rnn" })],
  [/^Given normalized_shape=\[[^\]]*\], expected input with shape \[([^\]]*)\], but got input of size\s*\[([^\]]*)\]/, ([e, a]) => ({ expected: dims(e), actual: dims(a), operation: "layer_norm" })],
  [/^running_mean should contain (\d+) elements not (\d+)/, ([e, a]) => ({ expected: size(e), actual: size(a), operation: "batch_norm" })],
  [/^Error\(s\) in loading state_dict for [^\n]*\n[^]*?size mismatch for [^\n]*: copying a param with shape torch\.Size\(\[([^\]]*)\]\) from checkpoint, the shape in current model is torch\.Size\(\[([^\]]*)\]\)/, ([a, e]) => ({ expected: dims(e), actual: dims(a), operation: "load_state_dict" })],
  // JAX
  [/^Incompatible shapes for broadcasting: shapes=\[(.*)\]/, ([s]) => clash(shapesIn(s), "broadcast")],
  [/^(\w+) got incompatible shapes for broadcasting: (.*?)\.?$/, ([op, s]) => clash(shapesIn(s), op)],
  [/^dot_general requires contracting dimensions to have the same shape, got \(([^)]*)\) and \(([^)]*)\)/, ([e, a]) => ({ expected: dims(e), actual: dims(a), operation: "dot_general" })],
  [/^cannot reshape array of shape \(([^)]*)\) \(size \d+\) into shape \(([^)]*)\)/, ([a, e]) => ({ expected: dims(e), actual: dims(a), operation: "reshape" })],
  [/^Cannot concatenate arrays with shapes that differ in dimensions other than the one being concatenated: concatenating along dimension \d+ for shapes (.*)\.$/, ([s]) => clash(shapesIn(s), "concatenate", same)],
  [/^(All input arrays|select cases) must have the same shapes?[.,] [Gg]ot (.*)\.$/, ([who, s]) => clash(shapesIn((s ?? "").replace(/^\[(.*)\]$/, "$1")), who === "select cases" ? "select" : "stack", same)],
  [/^Incompatible types for broadcasting: input type=\w+\[([^\]]*)\] and requested type=\w+\[([^\]]*)\]/, ([a, e]) => ({ expected: dims(e), actual: dims(a), operation: "broadcast" })],
  [/^vmap got inconsistent sizes for array axes to be mapped:\n[^]*?had size (\d+):[^]*?had size (\d+):/, ([e, a]) => ({ expected: size(e), actual: size(a), operation: "vmap" })],
  // TensorFlow, Keras
  [/^Matrix size-incompatible: In\[0\]: \[([^\]]*)\], In\[1\]: \[([^\]]*)\]/, ([a, b]) => product(dims(a), dims(b), "matmul")],
  [/^Incompatible shapes: \[([^\]]*)\] vs\. \[([^\]]*)\](?:.*\[Op:(\w+)\])?/, ([e, a, op]) => ({ expected: dims(e), actual: dims(a), operation: tensorflowOp(op) })],
  [/^Dimensions must be equal, but are (\d+) and (\d+) for '\{\{node [^}]*\}\} = (\w+)\[.*with input shapes: (\[[^\]]*\]), (\[[^\]]*\])/, ([e, a, op, s, t]) => ({ expected: size(e), actual: size(a), operation: tensorflowOp(op), shapes: shapesIn(`${s} ${t}`) })],
  [/^ConcatOp : Ranks of all input tensors should match: shape\[0\] = \[([^\]]*)\] vs\. shape\[\d+\] = \[([^\]]*)\]/, ([e, a]) => ({ expected: dims(e), actual: dims(a), operation: "concat" })],
  [/^Shapes of all inputs must match: values\[0\]\.shape = \[([^\]]*)\] != values\[\d+\]\.shape = \[([^\]]*)\] \[Op:(\w+)\]/, ([e, a, op]) => ({ expected: dims(e), actual: dims(a), operation: op === "Pack" ? "stack" : tensorflowOp(op) })],
  [/^Cannot assign value to variable '[^']*': Shape mismatch\.The variable shape \(([^)]*)\), and the assigned value shape \(([^)]*)\) are incompatible/, ([e, a]) => ({ expected: dims(e), actual: dims(a), operation: "assignment" })],
  [/^Data cardinality is ambiguous\. Make sure all arrays contain the same number of samples\.\s*'x' sizes: (\d+)\s*'y' sizes: (\d+)/, ([e, a]) => ({ expected: size(e), actual: size(a), operation: "fit", dimension: 0 })],
  [/^ConcatOp : Dimension \d+ in both shapes must be equal: shape\[0\] = \[([^\]]*)\] vs\. shape\[\d+\] = \[([^\]]*)\]/, ([e, a]) => ({ expected: dims(e), actual: dims(a), operation: "concat" })],
  [/^Input to reshape is a tensor with (\d+) values, but the requested shape has (\d+)/, ([a, e]) => ({ expected: size(e), actual: size(a), operation: "reshape" })],
  [/^logits and labels must be broadcastable: logits_size=\[([^\]]*)\] labels_size=\[([^\]]*)\]/, ([e, a]) => ({ expected: dims(e), actual: dims(a), operation: "softmax_cross_entropy" })],
  [/^Shapes \(([^)]*)\) and \(([^)]*)\) are incompatible/, ([e, a]) => ({ expected: dims(e), actual: dims(a) })],
  [/^Input \d+(?: with name '[^']*')? of layer ["']([^"']*)["'] is incompatible with the layer: expected axis -1 of input shape to have value (\d+), but received input with shape \(([^)]*)\)/, ([op, e, s]) => ({ expected: [...dims(s).slice(0, -1), Number(e)], actual: dims(s), operation: op })],
  [/^Input \d+(?: with name '[^']*')? of layer ["']([^"']*)["'] is incompatible with the layer: expected shape=\(([^)]*)\), found shape=\(([^)]*)\)/, ([op, e, a]) => ({ expected: dims(e), actual: dims(a), operation: op })],
  [/^Input \d+(?: with name '[^']*')? of layer ["']([^"']*)["'] is incompatible with the layer: expected (?:min_)?ndim=(\d+), found ndim=\d+\. Full shape received: \(([^)]*)\)/, ([op, e, a]) => ({ expected: open(e), actual: dims(a), operation: op })],
]);

const C_TYPES: Readonly<Record<string, string>> = {
  bfloat16: "bfloat16",
  bool: "bool",
  byte: "uint8",
  char: "int8",
  complexdouble: "complex128",
  complexfloat: "complex64",
  double: "float64",
  float: "float32",
  half: "float16",
  int: "int32",
  long: "int64",
  "long int": "int64",
  "long long": "int64",
  short: "int16",
  "signed char": "int8",
  "unsigned char": "uint8",
};

/** A data type in numpy's spelling: from `Double`, `torch.cuda.FloatTensor`, `c10::Half`, `float64_t`, `dtype('<U1')`. */
function dtype(text: string | undefined): string {
  const bare = (text ?? "").trim().replace(/^dtype\('(.*)'\)$/, "$1").replace(/^c10::/, "")
    .replace(/^torch\.(?:cuda\.)?(\w+)Tensor$/, "$1").replace(/^torch\./, "").replace(/_t$/, "");
  return C_TYPES[bare.toLowerCase()] ?? bare;
}

function pair(expected: string | undefined, actual: string | undefined, operation?: string): PairFacts {
  return { expected: dtype(expected), actual: dtype(actual), operation };
}

const dtypesRules = once((): readonly Rule<PairFacts>[] => [
  // numpy; of the operands of a function that does not know them the first is what the others should have been
  [/^ufunc '(\w+)' did not contain a loop with signature matching types \((dtype\('[^']*'\))(?:, (dtype\('[^']*'\)))?/, ([op, e, a]) => pair(e, a ?? e, op)],
  [/^ufunc '(\w+)' cannot use operands with types (dtype\('[^']*'\)) and (dtype\('[^']*'\))/, ([op, e, a]) => pair(e, a, op)],
  [/^Cannot cast ufunc '(\w+)' (?:input \d+|input|output) from (dtype\('[^']*'\)) to (dtype\('[^']*'\)) with casting rule/, ([op, a, e]) => pair(e, a, op)],
  [/^Cannot cast (?:array data|scalar) from (dtype\('[^']*'\)) to (dtype\('[^']*'\)) according to the rule/, ([a, e]) => pair(e, a)],
  // pandas
  [/^You are trying to merge on (\S+) and (\S+) columns for key /, ([e, a]) => pair(e, a, "merge")],
  // Cython, as in scikit-learn
  [/^Buffer dtype mismatch, expected '([^']+)' but got '([^']+)'/, ([e, a]) => pair(e, a)],
  // PyTorch
  [/^expected scalar type (\w+) but found (\w+)/, ([e, a]) => pair(e, a)],
  [/^Found dtype (\w+) but expected (\w+)/, ([a, e]) => pair(e, a)],
  [/^Expected object of scalar type (\w+) but got scalar type (\w+) for argument/, ([e, a]) => pair(e, a)],
  [/^(?:mat1 and mat2|self and mat2) must have the same dtype, but got (\w+) and (\w+)/, ([e, a]) => pair(e, a, "matmul")],
  [/^expected m1 and m2 to have the same dtype, but got: ([\w: ]+) != ([\w: ]+)/, ([e, a]) => pair(e, a, "matmul")],
  [/^dot : expected both vectors to have same dtype, but found (\w+) and (\w+)/, ([e, a]) => pair(e, a, "dot")],
  [/^result type (\w+) can't be cast to the desired output type ([\w ]+)/, ([a, e]) => pair(e, a)],
  [/^Index put requires the source and destination dtypes match, got (\w+) for the destination and (\w+) for the source/, ([e, a]) => pair(e, a, "index_put")],
  [/^Expected tensor for argument #\d+ '\w+' to have one of the following scalar types: (\w+).*; but got ([\w.]+) instead \(while checking arguments for (\w+)\)/, ([e, a, op]) => pair(e, a, op)],
  [/^Input type \(([\w.: ]+)\) and (?:weight|bias) type \(([\w.: ]+)\) should be the same/, ([a, e]) => onCuda(a) === onCuda(e) ? pair(e, a) : undefined],
  // JAX
  [/^lax\.(\w+) requires arguments to have the same dtypes, got (\w+), (\w+)\./, ([op, e, a]) => pair(e, a, op)],
  // TensorFlow
  [/^cannot compute (\w+) as input #\d+\(zero-based\) was expected to be a (\w+) tensor but is a (\w+) tensor/, ([op, e, a]) => pair(e, a, tensorflowOp(op))],
  [/^Tensor conversion requested dtype (\w+) for Tensor with dtype (\w+)/, ([e, a]) => pair(e, a)],
]);

function onCuda(type: string | undefined): boolean {
  return type?.startsWith("torch.cuda.") === true;
}

/** `addmm` out of `wrapper_CUDA__addmm` and its kin. */
function kernel(name: string | undefined): string | undefined {
  return name?.replace(/^wrapper_+(?:(?:CUDA|CPU|MPS|XPU)_+)?/, "");
}

const devicesRules = once((): readonly Rule<PairFacts>[] => [
  [/^Expected all tensors to be on the same device, but found at least two devices, ([\w:]+) and ([\w:]+)!(?:.*in method (\w+))?/, ([e, a, op]) => ({ expected: e ?? "", actual: a ?? "", operation: kernel(op) })],
  [/^Expected all tensors to be on the same device, but got \w+ is on ([\w:]+), different from other tensors on ([\w:]+)(?:.*in method (\w+))?/, ([a, e, op]) => ({ expected: e ?? "", actual: a ?? "", operation: kernel(op) })],
  [/^Expected object of device type (\w+) but got device type (\w+) for argument #\d+ '\w+'(?: in call to (\w+))?/, ([e, a, op]) => ({ expected: e ?? "", actual: a ?? "", operation: op?.replace(/^_th_/, "") })],
  [/^Tensor for (?:argument #\d+ )?'\w+' is on (\w+), but expected (?:it|them) to be on (\w+)(?: \(while checking arguments for (\w+)\))?/, ([a, e, op]) => ({ expected: device(e), actual: device(a), operation: op })],
  [/^Tensor on device ([\w:]+) is not on the expected device ([\w:]+)!/, ([a, e]) => ({ expected: e ?? "", actual: a ?? "" })],
  [/^Input type \(([\w.: ]+)\) and (?:weight|bias) type \(([\w.: ]+)\) should be the same/, ([a, e]) => onCuda(a) === onCuda(e) ? undefined : { expected: onCuda(e) ? "cuda" : "cpu", actual: onCuda(a) ? "cuda" : "cpu" }],
  [/^Placeholder storage has not been allocated on MPS device!/, () => ({ expected: "mps", actual: "cpu" })],
]);

/** PyTorch once said GPU where it now says cuda. */
function device(text: string | undefined): string {
  const lower = (text ?? "").toLowerCase();
  return lower === "gpu" ? "cuda" : lower;
}

const POWERS = "KMGTPE";

/**
 * Bytes out of `20.00 MiB`, `909. TiB`, `16000 bytes`.
 *
 * @param thousand What one unit is of the next smaller one where it is written without an `i`.
 */
function bytes(text: string | undefined, thousand = 1000): number | undefined {
  const match = /^([\d.]+)\s*(?:([KMGTPE])(i?)B|bytes|B)$/i.exec((text ?? "").trim());
  if (match === null) return undefined;
  const power = match[2] === undefined ? 0 : POWERS.indexOf(match[2].toUpperCase()) + 1;
  const result = Number.parseFloat(match[1] as string) * (match[3] === "i" ? 1024 : thousand) ** power;
  return Number.isFinite(result) ? Math.round(result) : undefined;
}

const ITEM_BYTES: Readonly<Record<string, number>> = {
  half: 2,
  bfloat16: 2,
  float: 4,
  double: 8,
  complex64: 8,
  complex128: 16,
  bool: 1,
  object: 8,
};

/** Bytes of one element, by the name that numpy or TensorFlow gives its type. */
function itemBytes(name: string): number | undefined {
  if (ITEM_BYTES[name] !== undefined) return ITEM_BYTES[name];
  const bits = /^(?:u?int|float|datetime|timedelta)(\d+)/.exec(name)?.[1];
  if (bits !== undefined) return Number(bits) / 8;
  const text = /^[<>|]?([US])(\d+)$/.exec(name);
  return text === null ? undefined : Number(text[2]) * (text[1] === "U" ? 4 : 1);
}

/** What an array takes. */
function arrayBytes(shape: string | undefined, type: string | undefined): number | undefined {
  const item = itemBytes(type ?? "");
  const total = dims(shape).reduce<number>((product, next) => product * (next ?? NaN), item ?? NaN);
  return Number.isFinite(total) ? total : undefined;
}

const SIZE = String.raw`[\d.]+ ?(?:[KMGTPE]i?B|bytes|B)`;

/** PyTorch's CUDA, HIP and XPU: one message, of which versions word the parts in different ways. */
function acceleratorMemory(backend: string, message: string): MemoryFacts {
  const find = (pattern: string): number | undefined => bytes(new RegExp(pattern).exec(message)?.[1]);
  const index = /\bGPU (\d+)|\bXPU (\d+)/.exec(message);
  const number = index?.[1] ?? index?.[2];
  // PyTorch calls devices of ROCm cuda, too.
  const name = backend === "XPU" ? "xpu" : "cuda";
  return {
    device: number === undefined ? name : `${name}:${number}`,
    requestedBytes: find(`Tried to allocate (${SIZE})`),
    availableBytes: find(`of which (${SIZE}) is free`) ?? find(`(${SIZE}) free`),
    totalBytes: find(`total capac\\w*ty of (${SIZE})`) ?? find(`(${SIZE}) total capacity`),
  };
}

const memoryRules = once((): readonly Rule<MemoryFacts>[] => [
  // numpy, pyarrow
  [/^Unable to allocate ([\d.]+ ?\w+) for an array with shape \(([^)]*)\) and data type (.+)$/, ([b, shape, type]) => ({ device: "cpu", requestedBytes: arrayBytes(shape, type) ?? bytes(b) })],
  [/^malloc of size (\d+) failed/, ([b]) => ({ device: "cpu", requestedBytes: Number(b) })],
  // PyTorch
  [/^((CUDA|HIP|XPU) out of memory\. [^]*)$/, ([message, backend]) => acceleratorMemory(backend ?? "", message ?? "")],
  [/^Allocation on device (\d+) would exceed allowed memory\. \(out of memory\)([^]*)$/, ([index, rest]) => {
    const find = (label: string): number | undefined => bytes(new RegExp(`^${label}\\s*: *(${SIZE})`, "m").exec(rest ?? "")?.[1]);
    return { device: `cuda:${index}`, requestedBytes: find("Requested"), availableBytes: find("Free \\(according to CUDA\\)"), totalBytes: find("Device limit") };
  }],
  [/^(CUDA|HIP) error: out of memory/, () => ({ device: "cuda" })],
  [/^CUDA error: CUBLAS_STATUS_ALLOC_FAILED|^cuDNN error: CUDNN_STATUS_ALLOC_FAILED/, () => ({ device: "cuda" })],
  [/^MPS backend out of memory \(MPS allocated: ([\d.]+ \w+), other allocations: ([\d.]+ \w+), max allowed: ([\d.]+ \w+)\)\. Tried to allocate ([\d.]+ \w+)/, ([used, other, max, wanted]) => {
    // Here GB are 1024 MB.
    const [totalBytes, one, two] = [bytes(max, 1024), bytes(used, 1024), bytes(other, 1024)];
    const known = totalBytes !== undefined && one !== undefined && two !== undefined;
    const availableBytes = known ? Math.max(0, totalBytes - one - two) : undefined;
    return { device: "mps", requestedBytes: bytes(wanted, 1024), availableBytes, totalBytes };
  }],
  [/^(?:\[enforce fail at [^\]]*\] [^]*?)?DefaultCPUAllocator: (?:can't allocate memory: you tried|not enough memory: you tried) to allocate (\d+) bytes/, ([b]) => ({ device: "cpu", requestedBytes: Number(b) })],
  // JAX
  [/^RESOURCE_EXHAUSTED: (?:Out of memory (?:allocating|while trying to allocate)|Failed to allocate request for) ([^\n]*)/, ([text]) => {
    const ordinal = /device ordinal (\d+)/.exec(text ?? "")?.[1];
    const exact = /\((\d+)B\)/.exec(text ?? "")?.[1];
    const first = new RegExp(`^${SIZE}`).exec(text ?? "")?.[0];
    return { device: ordinal === undefined ? undefined : `gpu:${ordinal}`, requestedBytes: exact === undefined ? bytes(first) : Number(exact) };
  }],
  // TensorFlow
  [/^OOM when allocating tensor with shape\s*\[([^\]]*)\] and type (\w+) on \S*device:(\w+):(\d+)(?:.*\[Op:(\w+)\])?/, ([shape, type, kind, index, op]) => ({
    device: kind === "CPU" ? "cpu" : `${(kind ?? "").toLowerCase()}:${index}`,
    requestedBytes: arrayBytes(shape, type),
    operation: tensorflowOp(op),
  })],
  [/^failed to allocate memory \[Op:(\w+)\]/, ([op]) => ({ operation: tensorflowOp(op) })],
]);

const MAX_READ = 4_096;
const TENSORFLOW_NODE = /^\{\{[^}]*\}\} ?/;
// Keras wraps the message of what happened in a layer.
// deno-lint-ignore no-control-regex
const KERAS_WRAPPING = /^Exception encountered when calling [^\n]*\n\n(?:\x1b\[1m)?/;
// What happens while TensorFlow traces a function is told below the lines of that function.
const TRACED = /^in user code:\n[^]*\n {4}\w+Error: /;

function read<Facts>(rules: readonly Rule<Facts>[], message: string): Facts | undefined {
  for (const [pattern, facts] of rules) {
    const match = pattern.exec(message);
    const found = match === null ? undefined : facts(match.slice(1));
    if (found !== undefined) return found;
  }
  return undefined;
}

/**
 * Reads an exception of a numeric library.
 *
 * @returns The {@linkcode NumericError}, with `error` as its `cause`; `error` itself when it is anything else.
 *
 * @example Which shapes did not fit
 * ```ts
 * import { ShapeMismatchError, SnakeBridge, translateError } from "@snakebridge/snakebridge";
 *
 * await using bridge = await SnakeBridge.start({ python: ".venv" });
 * const np = bridge.import("numpy");
 * try {
 *   await np.matmul(np.ones([2, 3]), np.ones([4, 5]));
 * } catch (error) {
 *   const read = translateError(error);
 *   if (read instanceof ShapeMismatchError) console.log(read.operation, read.expected, read.actual); // matmul [ 3 ] [ 4 ]
 * }
 * ```
 */
export function translateError<E>(error: E): E | NumericError {
  return error instanceof PythonError ? readPythonError(error) ?? error : error;
}

/**
 * What a failed call rejects with.
 *
 * @ignore
 */
export function inErrorMode(error: unknown, mode: ErrorMode): unknown {
  if (mode === "raw" || !(error instanceof PythonError)) return error;
  const found = error.translated ?? readPythonError(error);
  if (found === undefined) return error;
  if (mode === "raise_translated") return found;
  setTranslated(error, found);
  return error;
}

/** What an exception of a numeric library means; undefined when it is none, or none that is known. */
function readPythonError(error: PythonError): NumericError | undefined {
  const is = (name: string): boolean => error.mro.includes(name);
  const kind = error.type.slice(error.type.lastIndexOf(".") + 1);
  const isTensorflow = kind === "InvalidArgumentError" || kind === "ResourceExhaustedError";
  const isMemory = is("builtins.MemoryError");
  // These types say it, whatever the message does.
  const isTorch = is("torch.OutOfMemoryError") || is("torch.cuda.OutOfMemoryError");
  const isPlain = is("builtins.ValueError") || is("builtins.TypeError") || is("builtins.IndexError");
  if (!isMemory && !isPlain && !isTensorflow && !is("builtins.RuntimeError")) return undefined;
  const message = error.message.slice(0, MAX_READ).replace(TRACED, "").replace(KERAS_WRAPPING, "")
    .replace(TENSORFLOW_NODE, "");
  if (isMemory || !isPlain) {
    const memory = read(memoryRules(), message);
    const device = isMemory ? "cpu" : undefined;
    if (memory !== undefined || isMemory || isTorch) return new OutOfMemoryError({ cause: error, device, ...memory });
  }
  const shape = read(shapesRules(), message);
  if (shape !== undefined) return new ShapeMismatchError({ cause: error, ...shape });
  const devices = read(devicesRules(), message);
  if (devices !== undefined) return new DeviceMismatchError({ cause: error, ...devices });
  const types = read(dtypesRules(), message);
  return types === undefined ? undefined : new DtypeMismatchError({ cause: error, ...types });
}
