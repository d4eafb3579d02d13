import assert from "node:assert/strict";
import { test } from "node:test";
import { z } from "zod";
import { defaultsOf, schemaOf, section, settingsIn, valuesIn } from "../../src/settings/section";
import { chance } from "../../src/settings/sections/chance";
import { input } from "../../src/settings/sections/input";
import { optimization } from "../../src/settings/sections/optimization";
import { setting } from "../../src/settings/setting";

/** What a later study adds: one section of its own. */
const preference = section(
  "Preference",
  {
    beta: setting(z.number().positive(), {
      decides: "training",
      default: 0.1,
      quick: 0.5,
      label: "β",
      meaning: "How far the policy may go from its reference.",
      notebook: "BETA",
    }),
    lossType: setting(z.enum(["sigmoid", "ipo"]), {
      decides: "training",
      default: "sigmoid",
      label: "form of the loss",
      meaning: "How a margin becomes a loss.",
    }),
  },
  ({ beta, lossType }, refuse) => {
    if (lossType === "ipo" && beta > 1) refuse("beta", "is a margin with ipo");
  },
);
const study = [chance, optimization, input, preference] as const;

test("a study of known sections and one of its own has their settings, defaults and checks", () => {
  const declared = settingsIn(study);
  const full = defaultsOf(declared, "full");
  const kind: "sigmoid" | "ipo" = full.lossType;
  assert.deepEqual([full.beta, kind, full.maxSteps], [0.1, "sigmoid", 600]);
  assert.deepEqual([defaultsOf(declared, "quick").beta, defaultsOf(declared, "quick").batchSize], [0.5, 8]);
  assert.deepEqual(
    Object.keys(full),
    study.flatMap(({ settings }) => Object.keys(settings)),
  );
  assert.deepEqual(valuesIn(preference, { ...full, beta: 2 }), { beta: 2, lossType: "sigmoid" });

  const problems = (changes: object) => {
    const parsed = schemaOf(study).safeParse({ ...full, ...changes });
    return parsed.success
      ? parsed.data
      : parsed.error.issues.map(({ path, message }) => `${path.join(".")}: ${message}`);
  };
  assert.deepEqual(problems({}), full);
  assert.deepEqual(problems({ lossType: "ipo", beta: 2 }), ["beta: is a margin with ipo"]);
  assert.deepEqual(problems({ k: 2 }), [
    'k: 0 snippets and the retriever "none" go together, not 2 and "none"',
  ]);
  assert.match(JSON.stringify(problems({ beta: 0 })), /^\["beta: .*>0/);
  assert.match(JSON.stringify(problems({ gamma: 1 })), /gamma/);
});

test("two sections do not share a name", () => {
  const { beta } = preference.settings;
  assert.throws(
    () => settingsIn([preference, section("Other", { beta })]),
    /^Error: the section Other declares beta once more$/,
  );
});
