/** Where a script finds the package. */
export interface PackageNames {
  /** What the main module is imported as. */
  readonly main: string;
  /** What the wrapper module, which generated code uses, is imported as. */
  readonly wrapper: string;
}

/**
 * A script of somebody who has installed the package: calls, proxies, arrays, generated code's module, the default
 * bridge. Prints one line of JSON and leaves everything open, so it must end by itself.
 */
export function consumerScript({ main, wrapper }: PackageNames): string {
  return `
import { call, kw, NdArray, PythonError, setDefaultBridge, SnakeBridge } from ${JSON.stringify(main)};
import { pyModule, type PyPromise } from ${JSON.stringify(wrapper)};

const python = process.argv[2];
const bridge = await SnakeBridge.start({ size: 1, ...(python === undefined ? {} : { python }) });
setDefaultBridge(bridge);

const root = await call("math", "sqrt", [16]);
const json = bridge.import("json");
const text = await json.dumps({ b: 1, a: [true, null] }, kw({ sort_keys: true }));
const pathlib = bridge.import("pathlib");
const name = await pathlib.PurePosixPath("/tmp/a.txt").with_suffix(".csv").name;
const array = await bridge.call("numpy", "arange", [6]);
if (!(array instanceof NdArray)) throw new TypeError("numpy.arange gave no NdArray");
const total = await bridge.call("numpy", "sum", [array]);
const wrapped = await pyModule("math").call<PyPromise<number>>("gcd", [12, 18]);
let failure: unknown;
try {
  await call("math", "sqrt", ["four"]);
} catch (error) {
  failure = error instanceof PythonError ? error.type : String(error);
}
console.log(JSON.stringify({ root, text, name, shape: array.shape, total: Number(total), wrapped, failure }));
`;
}

/** What the script prints. */
export const EXPECTED = {
  root: 4,
  text: '{"a": [true, null], "b": 1}',
  name: "a.csv",
  shape: [6],
  total: 15,
  wrapped: 6,
  failure: "builtins.TypeError",
} as const;
