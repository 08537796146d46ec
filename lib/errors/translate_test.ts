// deno-fmt-ignore-file: one message a line.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import {
  DeviceMismatchError,
  DtypeMismatchError,
  type KnownShape,
  type NumericError,
  OutOfMemoryError,
  PythonError,
  ShapeMismatchError,
  translateError,
} from "./mod.ts";

// Literal messages of libraries that the tests of this project do not install. What numpy, pandas and scikit-learn say is
// read where it happens: tests/conformance/numeric_errors_test.ts.

const BASES: Readonly<Record<string, readonly string[]>> = {
  "tensorflow.InvalidArgumentError": ["tensorflow.python.framework.errors_impl.OpError"],
  "tensorflow.ResourceExhaustedError": ["tensorflow.python.framework.errors_impl.OpError"],
  "jax.errors.JaxRuntimeError": ["builtins.RuntimeError"],
  "torch.OutOfMemoryError": ["builtins.RuntimeError"],
};

function python(kind: string, message: string): PythonError {
  const type = kind.includes(".") ? kind : `builtins.${kind}`;
  const mro = [type, ...(BASES[type] ?? []), "builtins.Exception", "builtins.BaseException"];
  const none = { frames: [], notes: [], attributes: {}, suppressContext: false };
  return new PythonError({ type, mro, message, traceback: "", ...none });
}

const [MiB, GiB] = [1024 ** 2, 1024 ** 3];
const TF = "tensorflow.InvalidArgumentError";
const node = (name: string): string =>
  `{{function_node __wrapped__${name}_device_/job:localhost/replica:0/task:0/device:CPU:0}} `;

type ShapeRow = readonly [
  kind: string,
  message: string,
  expected: KnownShape,
  actual: KnownShape,
  operation?: string,
  dimension?: number,
];

const SHAPES: readonly ShapeRow[] = [
  ["RuntimeError", "mat1 and mat2 shapes cannot be multiplied (2x3 and 4x5)", [3, 5], [4, 5], "matmul"],
  ["RuntimeError", "size mismatch, m1: [2 x 3], m2: [4 x 5] at /pytorch/aten/src/TH/generic/THTensorMath.cpp:41", [3, 5], [4, 5], "matmul"],
  ["RuntimeError", "size mismatch, got input (2), mat (2x3), vec (4)", [3], [4], "mv"],
  ["RuntimeError", "inconsistent tensor size, expected tensor [3] and src [4] to have the same number of elements, but got 3 and 4 elements respectively", [3], [4], "dot"],
  ["RuntimeError", "The size of tensor a (3) must match the size of tensor b (4) at non-singleton dimension 1", [3], [4], "broadcast", 1],
  ["RuntimeError", "The expanded size of the tensor (4) must match the existing size (3) at non-singleton dimension 1.  Target sizes: [2, 4].  Tensor sizes: [2, 3]", [2, 4], [2, 3], "expand"],
  ["RuntimeError", "output with shape [3] doesn't match the broadcast shape [2, 3]", [2, 3], [3], "broadcast"],
  ["RuntimeError", "shape '[2, 5]' is invalid for input of size 6", [2, 5], [6], "reshape"],
  ["RuntimeError", "shape '[-1, 4]' is invalid for input of size 6", [null, 4], [6], "reshape"],
  ["RuntimeError", "Sizes of tensors must match except in dimension 0. Expected size 3 but got size 4 for tensor number 1 in the list.", [3], [4], "cat"],
  ["RuntimeError", "Sizes of tensors must match except in dimension 0. Got 3 and 4 in dimension 1 (The offending index is 1)", [3], [4], "cat", 1],
  ["RuntimeError", "Tensors must have same number of dimensions: got 2 and 1", [null, null], [null], "cat"],
  ["RuntimeError", "stack expects each tensor to be equal size, but got [2] at entry 0 and [3] at entry 1", [2], [3], "stack"],
  ["RuntimeError", "Expected size for first two dimensions of batch2 tensor to be: [2, 3] but got: [2, 4].", [2, 3], [2, 4], "bmm"],
  ["RuntimeError", "Given groups=1, weight of size [16, 3, 3, 3], expected input[8, 1, 28, 28] to have 3 channels, but got 1 channels instead", [8, 3, 28, 28], [8, 1, 28, 28], "conv"],
  ["ValueError", "Expected input batch_size (3) to match target batch_size (4).", [3], [4], "loss", 0],
  ["RuntimeError", "input.size(-1) must be equal to input_size. Expected 10, got 5", [10], [5], "rnn"],
  ["RuntimeError", "Given normalized_shape=[10], expected input with shape [*, 10], but got input of size[2, 5]", [null, 10], [2, 5], "layer_norm"],
  ["RuntimeError", "running_mean should contain 5 elements not 10", [5], [10], "batch_norm"],
  ["RuntimeError", "Error(s) in loading state_dict for Net:\n\tsize mismatch for fc.weight: copying a param with shape torch.Size([10, 5]) from checkpoint, the shape in current model is torch.Size([10, 6]).", [10, 6], [10, 5], "load_state_dict"],
  ["ValueError", "Incompatible shapes for broadcasting: shapes=[(2, 3), (4,)]", [2, 3], [4], "broadcast"],
  ["TypeError", "add got incompatible shapes for broadcasting: (2, 3), (2, 4).", [2, 3], [2, 4], "add"],
  ["TypeError", "dot_general requires contracting dimensions to have the same shape, got (3,) and (4,).", [3], [4], "dot_general"],
  ["TypeError", "cannot reshape array of shape (6,) (size 6) into shape (4, 2) (size 8)", [4, 2], [6], "reshape"],
  ["TypeError", "Cannot concatenate arrays with shapes that differ in dimensions other than the one being concatenated: concatenating along dimension 0 for shapes (2, 3), (2, 4).", [2, 3], [2, 4], "concatenate"],
  ["ValueError", "All input arrays must have the same shape. Got (2,), (2,), (3,).", [2], [3], "stack"],
  ["TypeError", "select cases must have the same shapes, got [(4,), (3,)].", [4], [3], "select"],
  ["ValueError", "Size of label 'j' for operand 1 (3) does not match previous terms (4).", [4], [3], "einsum"],
  ["ValueError", "Incompatible types for broadcasting: input type=float32[3] and requested type=float32[4]", [4], [3], "broadcast"],
  ["ValueError", "vmap got inconsistent sizes for array axes to be mapped:\n  * one axis had size 3: axis 0 of argument a of type float32[3];\n  * one axis had size 4: axis 0 of argument b of type float32[4]", [3], [4], "vmap"],
  [TF, `${node("__MklMatMul")}Matrix size-incompatible: In[0]: [2,3], In[1]: [4,5] [Op:MatMul] name: `, [3, 5], [4, 5], "matmul"],
  [TF, `Exception encountered when calling Lambda.call().\n\n\x1b[1m${node("__MklMatMul")}Matrix size-incompatible: In[0]: [2,3], In[1]: [4,5] [Op:MatMul] name: \x1b[0m\n\nArguments received by Lambda.call():\n  • mask=None`, [3, 5], [4, 5], "matmul"],
  [TF, `${node("AddV2")}Incompatible shapes: [2,3] vs. [4] [Op:AddV2] name: `, [2, 3], [4], "add"],
  [TF, `${node("ConcatV2_N_2")}ConcatOp : Dimension 1 in both shapes must be equal: shape[0] = [2,3] vs. shape[1] = [2,4] [Op:ConcatV2] name: concat`, [2, 3], [2, 4], "concat"],
  [TF, `${node("ConcatV2_N_2")}ConcatOp : Ranks of all input tensors should match: shape[0] = [2,3] vs. shape[1] = [4] [Op:ConcatV2] name: concat`, [2, 3], [4], "concat"],
  [TF, `${node("Reshape")}Input to reshape is a tensor with 6 values, but the requested shape has 8 [Op:Reshape]`, [8], [6], "reshape"],
  [TF, `${node("Pack_N_2")}Shapes of all inputs must match: values[0].shape = [2] != values[1].shape = [3] [Op:Pack] name: stack`, [2], [3], "stack"],
  [TF, `${node("SoftmaxCrossEntropyWithLogits")}logits and labels must be broadcastable: logits_size=[2,3] labels_size=[4,5] [Op:SoftmaxCrossEntropyWithLogits] name: `, [2, 3], [4, 5], "softmax_cross_entropy"],
  ["ValueError", "Cannot assign value to variable ' Variable:0': Shape mismatch.The variable shape (3,), and the assigned value shape (4,) are incompatible.", [3], [4], "assignment"],
  ["ValueError", "in user code:\n\n    File \"/a/b.py\", line 18, in None  *\n        lambda a,b: tf.matmul(a,b)\n\n    ValueError: Dimensions must be equal, but are 3 and 4 for '{{node MatMul}} = MatMul[T=DT_FLOAT, grad_a=false, grad_b=false, transpose_a=false, transpose_b=false](a, b)' with input shapes: [2,3], [4,5].\n", [3], [4], "matmul"],
  ["ValueError", "Dimensions must be equal, but are 7 and 2 for '{{node compile_loss/mse/sub}} = Sub[T=DT_FLOAT](data_1, sequential_1/dense_1/BiasAdd)' with input shapes: [?,7], [?,2].", [7], [2], "sub"],
  ["ValueError", "Exception encountered when calling Sequential.call().\n\n\x1b[1mInput 0 with name 'None' of layer 'dense' is incompatible with the layer: expected axis -1 of input shape to have value 3, but received input with shape (2, 4)\x1b[0m\n\nArguments received by Sequential.call():\n  • training=None", [2, 3], [2, 4], "dense"],
  ["ValueError", "Input 0 with name 'None' of layer 'conv2d' is incompatible with the layer: expected min_ndim=4, found ndim=2. Full shape received: (2, 3)", [null, null, null, null], [2, 3], "conv2d"],
  ["ValueError", 'Input 0 of layer "model" is incompatible with the layer: expected shape=(None, 3), found shape=(None, 4)', [null, 3], [null, 4], "model"],
  ["ValueError", "Shapes (2, 3) and (4, 5) are incompatible", [2, 3], [4, 5]],
  ["ValueError", "Data cardinality is ambiguous. Make sure all arrays contain the same number of samples.'x' sizes: 4\n'y' sizes: 5\n", [4], [5], "fit", 0],
  ["ValueError", "x and y must have same first dimension, but have shapes (3,) and (4,)", [3], [4], "plot"],
  ["IndexError", "boolean index did not match indexed array along dimension 0; dimension is 3 but corresponding boolean dimension is 2", [3], [2], "boolean index", 0],
  ["ValueError", "Found array with dim 3. StandardScaler expected <= 2.", [null, null], [null, null, null], "StandardScaler"],
];

type MemoryRow = readonly [
  kind: string,
  message: string,
  device: string | undefined,
  requested?: number,
  available?: number,
  total?: number,
];

const MEMORY: readonly MemoryRow[] = [
  ["RuntimeError", "CUDA out of memory. Tried to allocate 20.00 MiB (GPU 0; 7.79 GiB total capacity; 6.05 GiB already allocated; 12.44 MiB free; 6.18 GiB reserved in total by PyTorch) If reserved memory is >> allocated memory try setting max_split_size_mb to avoid fragmentation.", "cuda:0", 20 * MiB, Math.round(12.44 * MiB), Math.round(7.79 * GiB)],
  ["torch.OutOfMemoryError", "CUDA out of memory. Tried to allocate 20.00 GiB. GPU 1 has a total capacity of 14.75 GiB of which 10.53 GiB is free. Process 1234 has 4.20 GiB memory in use. Of the allocated memory 3.90 GiB is allocated by PyTorch, and 50.00 MiB is reserved by PyTorch but unallocated.", "cuda:1", 20 * GiB, Math.round(10.53 * GiB), 14.75 * GiB],
  // PyTorch 2.1 wrote it like this.
  ["RuntimeError", "CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total capacty of 8.00 GiB of which 512.00 MiB is free.", "cuda:0", 2 * GiB, 512 * MiB, 8 * GiB],
  ["RuntimeError", "HIP out of memory. Tried to allocate 1.50 GiB. GPU 0 has a total capacity of 16.00 GiB of which 1.00 GiB is free.", "cuda:0", 1.5 * GiB, GiB, 16 * GiB],
  ["RuntimeError", "XPU out of memory. Tried to allocate 1.00 TiB. GPU 0 has a total capacity of 16.00 GiB.", "xpu:0", 1024 * GiB, undefined, 16 * GiB],
  ["torch.OutOfMemoryError", "Allocation on device 1 would exceed allowed memory. (out of memory)\nCurrently allocated     : 10.00 GiB\nRequested               : 2.00 GiB\nDevice limit            : 12.00 GiB\nFree (according to CUDA): 512.00 MiB\nPyTorch limit (set by user-supplied memory fraction)\n                        : 17179869184.00 GiB", "cuda:1", 2 * GiB, 512 * MiB, 12 * GiB],
  ["torch.OutOfMemoryError", "worded in a new way", undefined],
  ["RuntimeError", "CUDA error: out of memory\nCUDA kernel errors might be asynchronously reported at some other API call", "cuda"],
  ["RuntimeError", "CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`", "cuda"],
  ["RuntimeError", "MPS backend out of memory (MPS allocated: 8.50 GB, other allocations: 512.00 MB, max allowed: 9.07 GB). Tried to allocate 256.00 MB on private pool. Use PYTORCH_MPS_HIGH_WATERMARK_RATIO=0.0 to disable upper limit for memory allocations (may cause system failure).", "mps", 256 * MiB, Math.round(9.07 * GiB) - 9 * GiB, Math.round(9.07 * GiB)],
  ["RuntimeError", "[enforce fail at alloc_cpu.cpp:75] err == 0. DefaultCPUAllocator: can't allocate memory: you tried to allocate 80000000000000 bytes. Error code 12 (Cannot allocate memory)", "cpu", 80_000_000_000_000],
  ["jax.errors.JaxRuntimeError", "RESOURCE_EXHAUSTED: Out of memory allocating 4000000000000 bytes.", undefined, 4_000_000_000_000],
  ["jax.errors.JaxRuntimeError", "RESOURCE_EXHAUSTED: Out of memory while trying to allocate 80000000000 bytes.", undefined, 80_000_000_000],
  ["jax.errors.JaxRuntimeError", "RESOURCE_EXHAUSTED: Failed to allocate request for 74.51GiB (80000000000B) on device ordinal 0", "gpu:0", 80_000_000_000],
  ["tensorflow.ResourceExhaustedError", `${node("Fill")}OOM when allocating tensor with shape[1000000,1000000] and type float on /job:localhost/replica:0/task:0/device:CPU:0 by allocator mklcpu [Op:Fill] name: `, "cpu", 4_000_000_000_000],
  ["tensorflow.ResourceExhaustedError", `${node("MatMul")}OOM when allocating tensor with shape[50000,50000] and type double on /job:localhost/replica:0/task:0/device:GPU:1 by allocator GPU_1_bfc [Op:MatMul]`, "gpu:1", 20_000_000_000],
  ["MemoryError", "", "cpu"],
  ["MemoryError", "Unable to allocate 7.45 TiB for an array with shape (1000, ?) and data type strange", "cpu", Math.round(7.45 * 1024 * GiB)],
  ["MemoryError", "Unable to allocate 909. KB for an array with shape () and data type strange", "cpu", 909_000],
];

const DTYPES: readonly (readonly [kind: string, message: string, expected: string, actual: string, operation?: string])[] = [
  ["RuntimeError", "expected scalar type Float but found Double", "float32", "float64"],
  ["RuntimeError", "expected scalar type BFloat16 but found Half", "bfloat16", "float16"],
  ["RuntimeError", "Found dtype Long but expected Float", "float32", "int64"],
  ["RuntimeError", "Expected object of scalar type Float but got scalar type Double for argument #2 'mat1' in call to _th_addmm", "float32", "float64"],
  ["RuntimeError", "mat1 and mat2 must have the same dtype, but got Float and Double", "float32", "float64", "matmul"],
  ["RuntimeError", "expected m1 and m2 to have the same dtype, but got: float != double", "float32", "float64", "matmul"],
  ["RuntimeError", "expected m1 and m2 to have the same dtype, but got: c10::Half != float", "float16", "float32", "matmul"],
  ["RuntimeError", "dot : expected both vectors to have same dtype, but found Float and Double", "float32", "float64", "dot"],
  ["RuntimeError", "result type Float can't be cast to the desired output type Long", "int64", "float32"],
  ["RuntimeError", "Index put requires the source and destination dtypes match, got Float for the destination and Double for the source.", "float32", "float64", "index_put"],
  ["RuntimeError", "Expected tensor for argument #1 'indices' to have one of the following scalar types: Long, Int; but got torch.FloatTensor instead (while checking arguments for embedding)", "int64", "float32", "embedding"],
  ["RuntimeError", "Input type (torch.DoubleTensor) and weight type (torch.FloatTensor) should be the same", "float32", "float64"],
  ["RuntimeError", "Input type (double) and bias type (float) should be the same", "float32", "float64"],
  ["TypeError", "lax.add requires arguments to have the same dtypes, got float32, int32. (Tip: jnp.add is a similar function that does automatic type promotion on inputs).", "float32", "int32", "add"],
  [TF, "cannot compute _MklMatMul as input #1(zero-based) was expected to be a float tensor but is a double tensor [Op:MatMul] name: ", "float32", "float64", "matmul"],
  [TF, "cannot compute AddV2 as input #1(zero-based) was expected to be a int32 tensor but is a float tensor [Op:AddV2] name: ", "int32", "float32", "add"],
  ["ValueError", "Tensor conversion requested dtype float32 for Tensor with dtype float64: <tf.Tensor: shape=(2,), dtype=float64, numpy=array([0., 0.])>", "float32", "float64"],
  ["ValueError", "Buffer dtype mismatch, expected 'float64_t' but got 'long'", "float64", "int64"],
];

const DEVICES: readonly (readonly [message: string, expected: string, actual: string, operation?: string])[] = [
  ["Expected all tensors to be on the same device, but found at least two devices, cuda:0 and cpu!", "cuda:0", "cpu"],
  ["Expected all tensors to be on the same device, but found at least two devices, cuda:0 and cpu! (when checking argument for argument mat1 in method wrapper_CUDA_addmm)", "cuda:0", "cpu", "addmm"],
  ["Expected all tensors to be on the same device, but got mat2 is on cpu, different from other tensors on cuda:1 (when checking argument in method wrapper_CUDA__mm)", "cuda:1", "cpu", "mm"],
  ["Expected object of device type cuda but got device type cpu for argument #1 'self' in call to _th_mm", "cuda", "cpu", "mm"],
  ["Tensor for argument #2 'mat1' is on CPU, but expected it to be on GPU (while checking arguments for addmm)", "cuda", "cpu", "addmm"],
  ["Input type (torch.cuda.FloatTensor) and weight type (torch.FloatTensor) should be the same", "cpu", "cuda"],
  ["Tensor on device cpu is not on the expected device cuda:0!", "cuda:0", "cpu"],
  ["Placeholder storage has not been allocated on MPS device!", "mps", "cpu"],
];

function translated<E extends NumericError>(kind: string, message: string, as: abstract new (...args: never[]) => E): E {
  const error = python(kind, message);
  const found = translateError(error);
  assert.ok(found instanceof as, `read as ${(found as Error).name}: ${message}`);
  assert.equal(found.cause, error);
  assert.equal(found.category, "python");
  assert.equal(found.mayHaveRun, true);
  assert.ok(found.guidance !== "" && found.message.endsWith(found.guidance));
  assert.doesNotMatch(found.message, /undefined|NaN|\.$/);
  return found;
}

describe("translateError()", () => {
  for (const [kind, message, expected, actual, operation, dimension] of SHAPES) {
    it(`reads shapes: ${message.slice(0, 90).replaceAll("\n", " ")}`, () => {
      const error = translated(kind, message, ShapeMismatchError);
      assert.deepEqual([error.expected, error.actual], [expected, actual]);
      assert.deepEqual([error.operation, error.dimension], [operation, dimension]);
      assert.equal(error.code, "shape_mismatch");
    });
  }

  for (const [kind, message, device, requested, available, total] of MEMORY) {
    it(`reads memory: ${kind} ${message.slice(0, 90).replaceAll("\n", " ")}`, () => {
      const error = translated(kind, message, OutOfMemoryError);
      assert.deepEqual(
        [error.device, error.requestedBytes, error.availableBytes, error.totalBytes],
        [device, requested, available, total],
      );
      assert.equal(error.code, "out_of_memory");
    });
  }

  for (const [kind, message, expected, actual, operation] of DTYPES) {
    it(`reads data types: ${message.slice(0, 90)}`, () => {
      const error = translated(kind, message, DtypeMismatchError);
      assert.deepEqual([error.expected, error.actual, error.operation], [expected, actual, operation]);
      assert.equal(error.code, "dtype_mismatch");
    });
  }

  for (const [message, expected, actual, operation] of DEVICES) {
    it(`reads devices: ${message.slice(0, 90)}`, () => {
      const error = translated("RuntimeError", message, DeviceMismatchError);
      assert.deepEqual([error.expected, error.actual, error.operation], [expected, actual, operation]);
      assert.equal(error.code, "device_mismatch");
      assert.match(error.guidance, new RegExp(`to\\("${expected}"\\)`));
    });
  }

  for (
    const [kind, message] of [
      ["ValueError", "the bedroom is too small for this shape"],
      ["RuntimeError", "room out of memory lane"],
      ["RuntimeError", "oom"],
      ["ValueError", "unknown shape: circle"],
      ["ValueError", "shape mismatch between circle and square"],
      ["ValueError", "dtype must be given"],
      ["ValueError", "expected 3 arguments but got 2"],
      ["TypeError", "f() got shapes (2,) and (3,), which is fine"],
      ["ValueError", "my note: operands could not be broadcast together with shapes (2,) (3,)"],
      ["KeyError", "operands could not be broadcast together with shapes (2,) (3,) "],
      ["my.DatabaseError", "mat1 and mat2 shapes cannot be multiplied (2x3 and 4x5)"],
      ["ValueError", "CUDA out of memory. Tried to allocate 20.00 MiB"],
      ["RuntimeError", "Dimension out of range (expected to be in range of [-2, 1], but got 2)"],
      ["RuntimeError", ""],
    ] as const
  ) {
    it(`leaves alone: ${kind} ${message}`, () => {
      const error = python(kind, message);
      assert.equal(translateError(error), error);
    });
  }

  it("leaves alone what is no Python exception", () => {
    for (const value of [new Error("CUDA out of memory"), undefined, null, "oom", 5]) {
      assert.equal(translateError(value), value);
    }
  });

  it("is quick with long messages that are almost right", () => {
    const long = [
      `operands could not be broadcast together with shapes ${"(1,) ".repeat(100_000)}x`,
      `in user code:\n${"\n    ValueError ".repeat(50_000)}`,
      `cannot reshape array of size ${"1".repeat(500_000)}`,
      `vmap got inconsistent sizes for array axes to be mapped:\n${"had size 3 ".repeat(50_000)}`,
      `Error(s) in loading state_dict for X\n${"size mismatch for ".repeat(50_000)}`,
    ];
    for (const message of long) {
      const error = python("ValueError", message);
      // A pattern that backtracks without end would not come back from this at all.
      assert.equal(translateError(error), error);
    }
  });

  it("says what to do", () => {
    const turned = translated("RuntimeError", "mat1 and mat2 shapes cannot be multiplied (2x3 and 5x3)", ShapeMismatchError);
    assert.match(turned.guidance, /transpose/);
    assert.equal(
      translated("RuntimeError", "mat1 and mat2 shapes cannot be multiplied (2x3 and 4x5)", ShapeMismatchError).message,
      "Cannot run matmul: shape is (4, 5), expected (3, 5); the last dimension of the first operand must equal the first " +
        "one of the second",
    );
    const full = "CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total capacity of 8.00 GiB of which 512.00 MiB is free.";
    assert.match(
      translated("RuntimeError", full, OutOfMemoryError).message,
      /^Cannot allocate 2 GiB on cuda:0, 512 MiB are free of 8 GiB; use smaller batches/,
    );
  });
});
