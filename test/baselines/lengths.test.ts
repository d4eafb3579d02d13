import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { randomBaseline, referenceBaseline } from "../../src/baselines/baselines";
import { cutVariant } from "../../src/baselines/cut";
import { scoresByLength } from "../../src/baselines/lengths";
import { loadCorpus } from "../../src/corpus/spc/load";
import { sampleDirectory } from "../../src/corpus/spc/source";
import { evaluateVariants } from "../../src/evaluation/evaluate";

test("scores by length are those of the cut variants, and of the whole answers beyond their length", async (t) => {
  const directory = mkdtempSync(join(tmpdir(), "lengths-"));
  t.after(() => rmSync(directory, { recursive: true }));
  const { splits } = await loadCorpus({ directory: sampleDirectory });
  const asked = splits.test.slice(0, 6);
  const random = randomBaseline(splits.valid);
  const options = { directory, resamples: 30 };
  const [whole, cut, reference] = await evaluateVariants(
    [random, cutVariant(random, 20), referenceBaseline()],
    asked,
    options,
  );
  const [short, long] = scoresByLength(whole!, [20, 100_000], { seed: 13, resamples: 30 });
  assert.deepEqual(short!.metrics, cut!.summary.metrics);
  assert.deepEqual(long!.metrics, whole!.summary.metrics);

  const ofReference = scoresByLength(reference!, [10, 40, 160, 100_000], options);
  for (const metric of ["bleu", "rougeL", "jaccard", "personaCoverage"] as const) {
    const values = ofReference.map(({ metrics }) => metrics[metric].value);
    assert.deepEqual(
      values,
      [...values].sort((a, b) => a - b),
      metric,
    );
  }
  assert.equal(ofReference[3]!.metrics.rougeL.value, 1);
});
