/**
 * Call any Python library from TypeScript: numpy, pandas, scikit-learn, or your own code.
 *
 * @example
 * ```ts
 * import { kw, SnakeBridge } from "@snakebridge/snakebridge";
 *
 * await using bridge = await SnakeBridge.start();
 * console.log(await bridge.call("math", "sqrt", [16])); // 4
 *
 * const json = bridge.import("json");
 * console.log(await json.dumps({ b: 1, a: [true, null] }, kw({ sort_keys: true }))); // {"a": [true, null], "b": 1}
 * ```
 *
 * @module
 */

// Bridges, calls, references
export {
  type ArithmeticOperator,
  attr,
  type BinaryOperator,
  type BridgeOptions,
  type BridgeStats,
  call,
  Caller,
  type CallOptions,
  type CallPayload,
  type Comparison,
  defaultBridge,
  type Enterable,
  Entered,
  type EnterOptions,
  exec,
  type FunctionMembers,
  type HostMethod,
  type HostProperty,
  type IdempotentCacheOptions,
  type IdempotentCacheStats,
  Kw,
  kw,
  type KwLast,
  type PolicyOptions,
  py,
  pyImport,
  type PyProxy,
  PySubclass,
  type PyTemplate,
  Ref,
  type Remote,
  type RemoteArgument,
  type RemoteArguments,
  type RemoteBeginning,
  type RemoteCallable,
  type RemoteMember,
  type RemoteMembers,
  type RemoteObject,
  type ReturnMode,
  Session,
  setDefaultBridge,
  type Settled,
  type SettledProxy,
  SnakeBridge,
  type StaysInPython,
  type SubclassDefinition,
  type TemplateOptions,
  type TimeoutProfile,
  type UnaryOperator,
  withPython,
  withRuntime,
  withSession,
} from "./lib/bridge/mod.ts";
export { type PoolStats, type WorkerSnapshot, type WorkerStateName } from "./lib/pool/mod.ts";

// Generated classes
export {
  keep,
  type Keepable,
  Link,
  type Pending,
  type PyClass,
  PyObject,
  type PyPromise,
  type ResultOf,
} from "./lib/wrapper/mod.ts";

// Values
export {
  type ArrayLike,
  ArrowData,
  type ArrowLibrary,
  Atom,
  Complex,
  Decimal,
  dict,
  type DTypeLike,
  Ellipsis,
  EllipsisType,
  float,
  FrozenSet,
  type IndexLike,
  isUnserializable,
  type LimitOptions,
  type Limits,
  NdArray,
  type NdArrayFromOptions,
  type NdItem,
  type Nested,
  type NestedInput,
  type NumericArray,
  OpaqueValue,
  type PathLike,
  type PyCallable,
  PyFloat,
  type PyInput,
  type PyValue,
  type RemoteLike,
  type ScalarLike,
  Slice,
  slice,
  Tuple,
  tuple,
  type TupleOf,
  type UnserializableInfo,
  unserializableInfo,
  ValueEncodeError,
} from "./lib/protocol/mod.ts";
export { type OutputMode } from "./lib/host/mod.ts";
export { asyncCallback } from "./lib/refs/mod.ts";

// Errors
export * from "./lib/errors/mod.ts";

// Scripts
export { runAsScript, type RunAsScriptOptions } from "./lib/script/mod.ts";
