import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { areaUnderCurve, type RightAndWrong } from "../../src/metrics/auc";
import { Random } from "../../src/random/random";

describe("the area under the ROC curve", () => {
  test("is scikit-learn's, ties as a half", () => {
    // roc_auc_score([1] * 6 + [0] * 5, right + wrong)
    const right = [0.9, 0.5, 0.5, 0.3, 0.8, -0.2];
    const wrong = [0.5, 0.1, 0.4, 0.3, -0.2];
    assert.ok(Math.abs(areaUnderCurve([{ right, wrong }]).value - 0.7333333333333334) < 1e-15);
    const apart = right.map((score, i) => ({ right: [score], wrong: wrong.slice(i, i + 1) }));
    assert.ok(Math.abs(areaUnderCurve(apart).value - 0.7333333333333334) < 1e-15);
  });

  test("is 1 where all right ones are above, 0 where all are below, a half where nothing is told apart", () => {
    const area = (right: number[], wrong: number[]) => areaUnderCurve([{ right, wrong }]).value;
    assert.equal(area([2, 3], [1, 0]), 1);
    assert.equal(area([1], [2, 3]), 0);
    assert.equal(area([1, 1], [1]), 0.5);
    assert.equal(area([Infinity, 0], [-Infinity]), 1);
    assert.equal(area([-Infinity], [0, Infinity]), 0);
    assert.throws(() => area([], [1]), /right and a wrong one/);
    assert.throws(() => area([1], []), /right and a wrong one/);
    assert.throws(() => area([NaN], [1]), /NaN/);
  });

  test("has an interval over groups, which is wider where those of a group are alike", () => {
    const random = new Random(5);
    const alone: RightAndWrong[] = Array.from({ length: 100 }, () => ({
      right: [random.normal() + 1],
      wrong: [random.normal()],
    }));
    const { value, low, high } = areaUnderCurve(alone);
    // Hanley and McNeil's standard error of an AUC of 0.76 from 100 and 100 is about 0.033.
    assert.ok(low < value && value < high);
    assert.ok(high - low > 0.1 && high - low < 0.16, `${high - low}`);
    const alike = alone.slice(0, 10).map(({ right, wrong }) => ({
      right: new Array<number>(10).fill(right[0]!),
      wrong: new Array<number>(10).fill(wrong[0]!),
    }));
    const few = areaUnderCurve(alike);
    assert.ok(few.high - few.low > 2 * (high - low), `${few.high - few.low}`);
    assert.deepEqual(areaUnderCurve(alone), { value, low, high });
    assert.notDeepEqual(areaUnderCurve(alone, { seed: 14 }), { value, low, high });
  });
});
