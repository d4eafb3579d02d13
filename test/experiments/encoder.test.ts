import assert from "node:assert/strict";
import { afterEach, test } from "node:test";
import { encoderName, textVectors } from "../../src/experiments/encoder";

afterEach(() => delete process.env["PERSONA_ENCODER"]);

test("texts get the embedded encoder's vectors, the same ones whatever is asked beside them or before", async () => {
  assert.equal(encoderName(), "embedded encoder");
  const texts = ["I bake bread.", "I sail a boat.", "I bake bread."];
  const rows = await textVectors(texts);
  const width = rows.length / 3;
  assert.ok(Number.isInteger(width) && width > 0);
  const row = (i: number) => rows.subarray(i * width, (i + 1) * width);
  assert.deepEqual(row(0), row(2));
  assert.notDeepEqual(row(0), row(1));
  assert.ok(Math.abs(Math.hypot(...row(1)) - 1) < 1e-4);
  assert.deepEqual(await textVectors(["I sail a boat."]), row(1).slice());
  assert.deepEqual(await textVectors([]), new Float32Array());
});

test("the model that PERSONA_ENCODER names is asked, and named where it is missing", async () => {
  process.env["PERSONA_ENCODER"] = __dirname;
  assert.equal(encoderName(), __dirname);
  await assert.rejects(textVectors(["I bake bread."]), /experiments: no model for feature extraction/);
});
