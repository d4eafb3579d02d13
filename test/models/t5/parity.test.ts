import assert from "node:assert/strict";
import { relativePositionBucket } from "../../../src/models/t5/position-bias";
import { everywhere } from "../../engine/device";
import { assertValues, testEveryT5 } from "../t5-fixtures";

for (const device of everywhere) {
  testEveryT5(
    `losses, outputs and all gradients equal transformers' on ${device}`,
    ["inputs.json", "case_full.json"],
    () => ["case_full"],
    (fixture, name) => assertValues(fixture, name, device),
  );
}

testEveryT5(
  "position buckets equal transformers'",
  ["relative_buckets.json"],
  () => ["relative_buckets"],
  (fixture) => {
    const { relativeAttentionNumBuckets: buckets, relativeAttentionMaxDistance: distance } = fixture.config();
    const { rel, bidirectional, causal } =
      fixture.read<Record<"rel" | "bidirectional" | "causal", number[]>>("relative_buckets.json");
    assert.ok(rel.length > 0);
    const found = (both: boolean) =>
      rel.map((position) => relativePositionBucket(position, both, buckets, distance));
    assert.deepEqual([found(true), found(false)], [bidirectional, causal]);
  },
);
