import assert from "node:assert/strict";
import { after, describe, it } from "node:test";
import {
  asyncCallback,
  errors,
  float,
  kw,
  type NdArray,
  type PyProxy,
  type PySubclass,
  PythonError,
  type Ref,
} from "../../mod.ts";
import { raises } from "../support/raises.ts";
import { SharedRig } from "../support/rig.ts";

const rig = new SharedRig();
after(() => rig.close());

describe("subclass()", () => {
  it(
    "makes a logging handler that formats through its base",
    rig.test(async ({ bridge }) => {
      const lines: string[] = [];
      const Handler: PySubclass = await bridge.subclass("logging.Handler", {
        name: "Lines",
        methods: {
          async format(self: Ref, record: Ref) {
            return `<${await Handler.super(self).format(record)}>`;
          },
          async emit(self: Ref, record: Ref) {
            lines.push(await self.call("format", [record]) as string);
          },
        },
      });
      const logger = await bridge.import("logging").Logger("subclass");
      await logger.addHandler(Handler.create(30));
      await logger.info("not this");
      await logger.warning("%d left", 3);
      assert.deepEqual(lines, ["<3 left>"]);
      assert.match(String(Handler.$), /snakebridge\.host\.Lines/);
    }),
  );

  it(
    "makes a scikit-learn estimator",
    rig.test(async ({ bridge }) => {
      const Mean: PySubclass = await bridge.subclass(["sklearn.base.RegressorMixin", "sklearn.base.BaseEstimator"], {
        name: "MeanRegressor",
        signatures: { __init__: "factor=1.0, *, name='m'", fit: "X, y", predict: "X" },
        methods: {
          async fit(self: Ref, _X: unknown, y: NdArray) {
            const values = [...y.data as Float64Array];
            const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
            await self.set("mean_", float(mean * Number(await self.get("factor"))));
            return self;
          },
          async predict(self: Ref, X: NdArray) {
            return new Float64Array(X.shape[0] as number).fill(await self.get("mean_") as number);
          },
        },
      });
      const np = bridge.import("numpy");
      const X = new Float64Array(12);
      const table = await np.reshape(X, [12, 1]);
      const y = new Float64Array(Array.from({ length: 12 }, (_, index) => index));
      const model = await Mean.create(kw({ factor: 2 })) as PyProxy;
      assert.deepEqual(await model.get_params(), { factor: 2, name: "m" });
      assert.equal(await (await model.fit(table, y)).predict(table).sum(), 2 * 5.5 * 12);
      const { clone } = bridge.import("sklearn.base");
      assert.deepEqual(await clone(model).set_params(kw({ name: "n" })).get_params(), { factor: 2, name: "n" });
      const grid = bridge.import("sklearn.model_selection").GridSearchCV(
        Mean.create(),
        { factor: [0.5, 1, 2] },
        kw({ cv: 3, scoring: "neg_mean_absolute_error" }),
      );
      const found = await grid.fit(table, y);
      const { factor } = await found.best_params_ as { factor: number };
      assert.ok([0.5, 1, 2].includes(factor));
      assert.equal(await found.best_estimator_.factor, factor);
    }),
  );

  it(
    "writes constructors, properties, static and class methods",
    rig.test(async ({ bridge }) => {
      const Point: PySubclass = await bridge.subclass(await bridge.attr("sbtest", "Point"), {
        name: "Named",
        methods: {
          async __init__(self: Ref, name: string) {
            await Point.super(self).__init__(1, 2);
            await self.set("name", name);
          },
          __len__: () => 5,
        },
        properties: {
          double: {
            get: async (self: Ref) => 2 * Number(await self.get("x")),
            set: async (self: Ref, value: number) => await self.set("x", value / 2),
          },
        },
        attributes: { kind: "named" },
        staticMethods: { add: (a: number, b: number) => a + b },
        classMethods: { build: (cls: Ref, name: string) => cls.invoke([name]) },
        doc: "A point with a name.",
      });
      const made = await Point.create("here") as PyProxy;
      assert.deepEqual([await made.x, await made.y, await made.name, await made.kind], [1, 2, "here", "named"]);
      assert.equal(await made.$.len(), 5);
      await made.$.set("double", 8);
      assert.deepEqual([await made.x, await made.double], [4, 8]);
      assert.equal(await Point.py.add(2, 3), 5);
      assert.equal(await Point.py.build("built").name, "built");
      assert.equal(await Point.py.__doc__, "A point with a name.");
      assert.equal(await bridge.call("builtins", "isinstance", [made, Point]), true);
      const Further = await bridge.subclass(Point, { name: "Further", methods: { __len__: () => 6 } });
      assert.equal(await (await Further.create("x") as PyProxy).$.len(), 6);
    }),
  );

  it(
    "takes errors through Python and back",
    rig.test(async ({ bridge }) => {
      const mine = new RangeError("from TypeScript");
      const Failing = await bridge.subclass("object", {
        name: "Failing",
        methods: {
          fail() {
            throw mine;
          },
        },
      });
      const made = await Failing.create() as PyProxy;
      await assert.rejects(made.$.call("fail"), (error) => error === mine || (error as Error).cause === mine);
      await assert.rejects(bridge.call("pickle", "dumps", [made]), (error) => {
        assert.ok(error instanceof PythonError);
        assert.match(
          error.message,
          /Cannot pickle 'Failing' object: its methods are functions of the TypeScript program/,
        );
        return true;
      });
    }),
  );

  it(
    "makes coroutine methods of asynchronous callbacks",
    rig.test(async ({ bridge }) => {
      const Async = await bridge.subclass("object", {
        name: "Async",
        methods: {
          later: asyncCallback(async (_self: Ref, x: number) => await Promise.resolve(x + 1)),
          __aenter__: asyncCallback((self: Ref) => Promise.resolve(self)),
          __aexit__: asyncCallback(() => Promise.resolve(true)),
        },
      });
      const made = await Async.create() as PyProxy;
      assert.equal(await made.later(1), 2);
      assert.equal(made.$.enterable, true);
    }),
  );

  it(
    "refuses what Python cannot make",
    rig.test(async ({ bridge }) => {
      const fails = (definition: object, base: unknown = "object") =>
        bridge.subclass(base, { name: "C", ...definition } as never);
      await assert.rejects(fails({ methods: { __del__: () => 1 } }), raises(errors.TypeError, /__del__ cannot be/));
      await assert.rejects(fails({ name: "a b" }), raises(errors.TypeError, /expected an identifier/));
      await assert.rejects(fails({}, "bool"), raises(errors.TypeError, /not an acceptable base type/));
      await assert.rejects(fails({}, 5), raises(errors.TypeError, /a base is of type builtins\.int/));
      await assert.rejects(fails({ methods: { go: "x" } }), raises(TypeError, /C\.go is string, expected a function/));
      await assert.rejects(fails({ name: 5 }), raises(TypeError, /name is 5/));
    }),
  );
});
