// Checked by `deno check`, never run: types of the dynamic API. A line under `@ts-expect-error` must not compile.
import {
  call,
  dict,
  exec,
  type Kw,
  kw,
  type NdArray,
  py,
  pyImport,
  type PyProxy,
  type Ref,
  type RemoteObject,
  type Session,
  type SettledProxy,
  type SnakeBridge,
} from "../../mod.ts";
import { expectType } from "./expect_type.ts";

/** Chains of which nothing is known. */
export async function dynamicChains(bridge: SnakeBridge, settled: PyProxy, given: unknown): Promise<void> {
  const np = bridge.import("numpy");
  expectType(np).is<PyProxy>();
  expectType(pyImport("numpy")).is<PyProxy>();
  // Steps need no check for undefined, destructured or not.
  const { arange } = np;
  const mean: number = await np.linalg.norm(arange(10).reshape([2, 5]), kw({ axis: 1 })).mean();
  mean.toFixed();

  // What was called is a remote: callable, awaitable, iterable, disposable; awaited it is unknown until one says what.
  const result = settled(1, "a", null, given, (x: number) => x, new Map(), kw({ axis: 0 }));
  expectType(result).is<PyProxy>();
  expectType(await result).is<unknown>();
  expectType(result.as<number>()).is<PyProxy<number>>();
  expectType(await result.as<number>()).is<number>();
  expectType(settled.$).is<Ref>();
  expectType(await result.as<SettledProxy>()).is<SettledProxy>();
  for await (const item of result) expectType(item).is<unknown>();
  using held = await result as SettledProxy;
  expectType(await held).is<SettledProxy>();
  expectType(await held.call(1)).is<unknown>();
  // @ts-expect-error: what is awaited must be narrowed before it is used
  (await result).toFixed();

  settled();
  settled(kw({ a: 1 }));
  settled(...[1, 2, 3]);
  // @ts-expect-error: kw() goes last
  settled(kw({ a: 1 }), 1);
  // @ts-expect-error: there is one kw()
  settled(1, kw({ a: 1 }), kw({ b: 2 }));
}

/** Templates and statements. */
export async function expressions(bridge: SnakeBridge, session: Session): Promise<void> {
  expectType(py`1`).is<PyProxy>();
  expectType(await bridge.py`1`).is<unknown>();
  expectType(await py<number>`${1} + ${py`2`}`).is<number>();
  const plain: PromiseLike<number[]> = session.py<number[]>`[1]`;
  await plain;
  expectType(await py({ timeoutMs: 1, returns: "value", imports: { np: "numpy" } })<NdArray>`np.eye(2)`).is<NdArray>();
  await py<string>`"a"`.upper().lower();
  expectType(await exec("x = 1")).is<unknown>();
  expectType(await session.exec<number>("x + y", { y: 1 }, { timeoutMs: 10 })).is<number>();
  // @ts-expect-error: a template, no function of text
  py("1 + 1");
  // @ts-expect-error: modules are given by name
  py({ imports: { np: 1 } });
  // @ts-expect-error: no option of this name
  py({ timeout: 1 });
}

/** Calls by name, and references. */
export async function references(bridge: SnakeBridge, ref: Ref): Promise<void> {
  expectType(await call("math", "sqrt", [16])).is<unknown>();
  expectType(await bridge.call<number>("math", "sqrt", [16])).is<number>();
  expectType(await bridge.attr<number>("math", "pi")).is<number>();
  expectType(await ref.call("f")).is<unknown>();
  expectType(await ref.call<number>("f", [1], { a: 1 }, { timeoutMs: 1 })).is<number>();
  expectType(await ref.get<string>("name")).is<string>();
  expectType(await ref.at<number>(0)).is<number>();
  expectType(await ref.invoke<Ref>([1])).is<Ref>();
  expectType(await ref.value<number[]>()).is<number[]>();
  expectType(await ref.len()).is<number>();
  expectType(await ref.compare<boolean>("==", ref)).is<boolean>();
  expectType(ref.py).is<PyProxy>();
  expectType(ref.$).is<Ref>();
  // @ts-expect-error: no comparison of this name
  await ref.compare("===", 1);
  // @ts-expect-error: arguments are an array
  await ref.call("f", 1);
  // @ts-expect-error: an unknown result must be narrowed
  (await ref.get("name")).length;
}

/** Dictionaries that say that they are. */
export function dictionaries(): void {
  expectType(dict({ a: 1, b: 2 })).is<Map<string, number>>();
  expectType(dict([[1, "a"], [2, "b"]])).is<Map<number, string>>();
  expectType(dict([["a", 1], [2, 3n]])).is<Map<string | number, number | bigint>>();
  expectType(dict(new Map([[true, 1]]))).is<Map<boolean, number>>();
  expectType(dict()).is<Map<unknown, unknown>>();
  // @ts-expect-error: neither an object nor pairs
  dict(1);
}

interface Point {
  x: number;
  name: string | null;
  moved(dx: number, dy?: number): Point;
  norm(): number;
  nearest(others: readonly Point[]): Point | null;
}

interface Shapes {
  pi: number;
  origin: Point;
  Point: { new (x: number, y?: number): Point; origin(): Point };
  sqrt(x: number): number;
  pairs(count: number): [number, string][];
  box(x: number): { left: number; right: number };
  apply<T>(fn: (x: number) => number, values: readonly number[]): number[];
  anything(x: unknown): unknown;
  total(...values: number[]): number;
  rounded(x: number, keywords?: Kw<{ digits?: number }>): number;
  inner: { depth(): number };
}

/** Modules whose shape is stated: chains keep their types. */
export async function shapes(bridge: SnakeBridge, ref: Ref): Promise<void> {
  const shapes = bridge.import<Shapes>("shapes");
  expectType(await shapes.pi).is<number>();
  expectType(await shapes.sqrt(2)).is<number>();
  expectType(await shapes.box(1)).is<{ left: number; right: number }>();
  expectType(await shapes.pairs(1)).is<[number, string][]>();
  expectType(await shapes.Point(1).moved(2, 3).moved(1).x).is<number>();
  expectType(await shapes.Point.origin().norm()).is<number>();
  expectType(await shapes.origin.name).is<string | null>();
  expectType(await shapes.inner.depth()).is<number>();
  expectType(shapes.anything(1)).is<PyProxy>();

  // Awaited, an object is the same without the wait, and goes on.
  using point = await shapes.Point(1);
  expectType(point).is<RemoteObject<Point>>();
  expectType(await point.moved(1).norm()).is<number>();
  expectType(point.$).is<Ref>();
  const nearest = await point.nearest([]);
  expectType(nearest).is<RemoteObject<Point> | null>();
  if (nearest !== null) expectType(await nearest.x).is<number>();

  // Arguments are values, remote ones, references; those at the end may come by name; functions are callbacks.
  await shapes.sqrt(shapes.Point(1).x);
  await shapes.sqrt(shapes.sqrt(16));
  await shapes.sqrt(ref);
  await shapes.sqrt(py<number>`2`);
  await shapes.sqrt(kw({ x: 16 }));
  await shapes.Point(1, kw({ y: 2 }));
  await shapes.apply((x) => x + 1, [1, 2]);
  await shapes.total(1, 2, shapes.pi, 3);
  expectType(await pyImport<Shapes>("shapes").sqrt(2)).is<number>();

  await shapes.rounded(1, kw({ digits: 2 }));

  // @ts-expect-error: no keyword of this name, where the shape says which there are
  shapes.rounded(1, kw({ digit: 2 }));
  // @ts-expect-error: no member of this name
  shapes.squrt(1);
  // @ts-expect-error: no member of this name, after a step either
  shapes.Point(1).moved(1).z;
  // @ts-expect-error: text is no number
  shapes.sqrt("16");
  // @ts-expect-error: a pending text is no number
  shapes.sqrt(shapes.origin.name);
  // @ts-expect-error: kw() goes last
  shapes.Point(kw({ x: 1 }), 2);
  // @ts-expect-error: one argument too many
  shapes.sqrt(1, 2);
  // @ts-expect-error: a chain is no value before it was awaited
  shapes.sqrt(1) + 1;
  // @ts-expect-error: an attribute is read, not assigned
  point.x = 1;
}
