import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { planFamilies, planGrid } from "../../src/grid/declaration";

test("axes are combined, the last one fastest, over the base", () => {
  const { profile, runs } = planGrid({
    base: { maxSteps: 600, k: 1 },
    axes: { maxNewTokens: [96, 128], k: [3, 4] },
  });
  assert.equal(profile, "quick");
  assert.deepEqual(runs, [
    { id: "maxNewTokens_96-k_3", settings: { maxSteps: 600, maxNewTokens: 96, k: 3 } },
    { id: "maxNewTokens_96-k_4", settings: { maxSteps: 600, maxNewTokens: 96, k: 4 } },
    { id: "maxNewTokens_128-k_3", settings: { maxSteps: 600, maxNewTokens: 128, k: 3 } },
    { id: "maxNewTokens_128-k_4", settings: { maxSteps: 600, maxNewTokens: 128, k: 4 } },
  ]);
});

test("runs are taken as they are named, and win over the base", () => {
  const declaration = {
    name: "try",
    profile: "full",
    base: { k: 3 },
    runs: { A: {}, B: { k: 4, retriever: "bm25" } },
  };
  assert.deepEqual(planGrid(declaration), {
    profile: "full",
    runs: [
      { id: "try-A", settings: { k: 3 } },
      { id: "try-B", settings: { k: 4, retriever: "bm25" } },
    ],
  });
});

test("a grid runs on one device, which is no setting of its runs", () => {
  const { device, runs } = planFamilies({ device: "webgpu", runs: { A: { k: 1 } } });
  assert.equal(device, "webgpu");
  assert.deepEqual(runs, [{ id: "A", family: "A", settings: { k: 1 } }]);
  assert.equal(planFamilies({ runs: { A: {} } }).device, undefined);
  assert.throws(
    () => planFamilies({ device: "gpu", runs: { A: {} } }),
    /"cpu".*"webgpu".*"cuda".*not "gpu", at device/,
  );
});

test("runs of an axis of seeds are one family, named by the other axes", () => {
  const families = (declaration: object) =>
    planFamilies(declaration).runs.map(({ id, family }) => [id, family]);
  assert.deepEqual(families({ name: "try", axes: { k: [1, 3], seed: [7, 8] } }), [
    ["try-k_1-seed_7", "try-k_1"],
    ["try-k_1-seed_8", "try-k_1"],
    ["try-k_3-seed_7", "try-k_3"],
    ["try-k_3-seed_8", "try-k_3"],
  ]);
  assert.deepEqual(families({ axes: { seed: [7] } }), [["seed_7", "all"]]);
  assert.deepEqual(families({ name: "try", axes: { seed: [7] } }), [["try-seed_7", "try"]]);
  assert.deepEqual(families({ runs: { A: { seed: 7 }, B: { k: 3 } } }), [
    ["A", "A"],
    ["B", "B"],
  ]);
});

test("values of any kind give names that files can have", () => {
  const { runs } = planGrid({ axes: { a: [1e-7, -2, "x/y z"], b: [true] } });
  assert.deepEqual(
    runs.map(({ id }) => id),
    ["a_1e-7-b_true", "a_-2-b_true", "a_x_y_z-b_true"],
  );
});

test("what is wrong is said with its place", () => {
  const cases: [unknown, RegExp][] = [
    [null, /mine is not declared well:\n.*expected object/],
    [{}, /either axes or runs/],
    [{ axes: { k: [1] }, runs: { A: {} } }, /either axes or runs/],
    [{ axes: {} }, /mine: it has no runs/],
    [{ runs: {} }, /mine: it has no runs/],
    [{ axes: { k: [] } }, /at axes\.k/],
    [{ axes: { k: [[1]] } }, /a number, a string, true or false[\s\S]*at axes\.k\[0\]/],
    [{ axes: { "k-1": [1] } }, /a letter first[\s\S]*at axes\["k-1"\]/],
    [{ axes: { k: [1] }, steps: 3 }, /steps/],
    [{ runs: { "../A": {} } }, /only letters, digits[\s\S]*at runs\["..\/A"\]/],
    [{ runs: { A: {}, a: {} } }, /RUN_IDs A and a, which are one name/],
    [{ axes: { k: [1, 1] } }, /RUN_IDs k_1 and k_1/],
    [{ axes: { k: ["a b", "a/b"] } }, /RUN_IDs k_a_b and k_a_b/],
    [{ axes: { k: ["x".repeat(150)] } }, /more than 120 characters; name runs one by one/],
    [
      { axes: Object.fromEntries("abcde".split("").map((name) => [name, [1, 2, 3, 4, 5, 6, 7]])) },
      /16807 runs are more/,
    ],
    [{ profile: "fast", runs: { A: {} } }, /profile/],
  ];
  for (const [declaration, message] of cases) {
    assert.throws(() => planGrid(declaration, "mine"), message, JSON.stringify(declaration));
  }
});

const scalar = fc.oneof(
  fc.integer(),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.boolean(),
  fc.string(),
);
const name = fc.stringMatching(/^[A-Za-z]\w{0,8}$/);
const settings = fc.dictionary(name, scalar, { maxKeys: 3 });

test("whatever is declared is refused with a reason, or gives runs of different, plain names", () => {
  const likely = fc.record(
    {
      name: fc.string(),
      base: settings,
      axes: fc.dictionary(name, fc.array(scalar, { maxLength: 4 }), { maxKeys: 4 }),
    },
    { requiredKeys: [] },
  );
  const named = fc.record({ base: settings, runs: fc.dictionary(fc.oneof(name, fc.string()), settings) });
  fc.assert(
    fc.property(fc.oneof(likely, named, fc.jsonValue()), (declaration) => {
      let runs;
      try {
        ({ runs } = planGrid(declaration));
      } catch (error) {
        assert.match((error as Error).message, /^the grid/);
        return;
      }
      assert.equal(new Set(runs.map(({ id }) => id.toLowerCase())).size, runs.length);
      for (const { id } of runs) assert.match(id, /^\w[\w.-]{0,119}$/);
    }),
    { numRuns: 2000 },
  );
});

test("axes give every combination once", () => {
  const axes = fc.dictionary(name, fc.uniqueArray(fc.integer(), { minLength: 1, maxLength: 4 }), {
    minKeys: 1,
    maxKeys: 4,
  });
  fc.assert(
    fc.property(axes, (axes) => {
      fc.pre(new Set(Object.keys(axes).map((key) => key.toLowerCase())).size === Object.keys(axes).length);
      const { runs } = planGrid({ axes });
      const combinations = new Set(
        runs.map(({ settings }) => JSON.stringify(Object.keys(axes).map((key) => settings[key]))),
      );
      assert.equal(
        runs.length,
        Object.values(axes).reduce((product, values) => product * values.length, 1),
      );
      assert.equal(combinations.size, runs.length);
      for (const { settings } of runs)
        for (const [key, values] of Object.entries(axes)) assert.ok(values.includes(settings[key] as number));
    }),
  );
});
