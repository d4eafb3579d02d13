import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { factsOf } from "../../src/corpus/persona";
import { mostPersonal } from "../../src/experiments/candidates";
import { untrainedExperiment } from "../../src/experiments/run";
import { experimentVariant } from "../../src/experiments/variant";
import { personaCoverage } from "../../src/metrics/overlap";
import { tinyContext, tinySettings } from "./tiny-experiment";

test("the answer with most of the personas' content words is given, the first of equals", () => {
  const persona = ["I sail a boat.", "I have two dogs."];
  assert.equal(mostPersonal(["I have a cat.", "My dogs sail.", "My dogs bark."], persona), "My dogs sail.");
  assert.equal(mostPersonal(["Hello.", "Hi."], persona), "Hello.");
});

test("more candidates never say less of the personas, and one conversation's candidates stay its own", async () => {
  const directory = mkdtempSync(join(tmpdir(), "candidates-"));
  try {
    const context = await tinyContext(directory);
    const test = context.corpus.splits.test.slice(0, 3);
    const answer = (candidates: number) => {
      const settings = tinySettings({
        doSample: true,
        candidates,
        maxNewTokens: 48,
        noRepeatNgramSize: 0,
        repetitionPenalty: 1,
      });
      return experimentVariant("drawn", untrainedExperiment(settings, context)).generate(test);
    };
    const [one, many] = [await answer(1), await answer(12)];
    const share = (output: string, i: number) =>
      personaCoverage(output, factsOf(test[i]!.personas), { ignoreStopWords: true });
    many.forEach(({ output }, i) => assert.ok(share(output, i) >= share(one[i]!.output, i)));
    assert.ok(many.some(({ output }, i) => output !== one[i]!.output));
  } finally {
    rmSync(directory, { recursive: true });
  }
});
