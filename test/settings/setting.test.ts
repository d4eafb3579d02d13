import assert from "node:assert/strict";
import { test } from "node:test";
import { z } from "zod";
import { count, positive, rangeOf, setting, whole } from "../../src/settings/setting";

test("the range of a setting's numbers is that of its type; what takes no numbers has none", () => {
  const range = (type: z.ZodType<string | number | boolean>) =>
    rangeOf(setting(type, { decides: "training", default: 1, label: "l", meaning: "m" }));
  assert.deepEqual(range(z.int()), { whole: true, least: -Infinity });
  assert.deepEqual(range(whole), { whole: true, least: 0 });
  assert.deepEqual(range(count), { whole: true, least: 0 });
  assert.deepEqual(range(z.int().min(2).max(9)), { whole: true, least: 2, most: 9 });
  assert.deepEqual(range(positive.max(1)), { whole: false, least: 0, most: 1 });
  assert.deepEqual(range(z.number()), { whole: false, least: -Infinity });
  assert.equal(range(z.boolean()), undefined);
  assert.equal(range(z.enum(["a", "b"])), undefined);
});
