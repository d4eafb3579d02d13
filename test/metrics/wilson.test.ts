import assert from "node:assert/strict";
import { test } from "node:test";
import { wilsonInterval } from "../../src/metrics/wilson";

test("intervals are those of the formula, worked out by hand", () => {
  const near = (found: number, wanted: number) => assert.ok(Math.abs(found - wanted) < 1e-4, `${found}`);
  const half = wilsonInterval(5, 10);
  near(half.low, 0.2366);
  near(half.high, 0.7634);
  const none = wilsonInterval(0, 48);
  near(none.low, 0);
  near(none.high, 0.0741);
  const all = wilsonInterval(20, 20);
  near(all.low, 0.8389);
  near(all.high, 1);
});

test("what is no share is refused", () => {
  for (const [count, n] of [
    [0, 0],
    [3, 2],
    [-1, 5],
  ] as const)
    // prettier-ignore
    assert.throws(() => wilsonInterval(count, n), /is no share/);
});
