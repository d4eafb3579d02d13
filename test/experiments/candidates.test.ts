import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { mostPersonal } from "../../src/experiments/candidates";
import { untrainedExperiment } from "../../src/experiments/run";
import { experimentVariant } from "../../src/experiments/variant";
import { tinyContext, tinySettings } from "./tiny-experiment";

const personas = [{ facts: ["I sail a boat."] }, { facts: ["I have two dogs."] }];

test("the answer in which the facts are their owners' is given", () => {
  const swapped = "User 1: I have two dogs.\nUser 2: I sail a boat.";
  const one = "User 1: I sail a boat.\nUser 2: How nice.";
  const right = "User 1: I sail a boat.\nUser 2: I have two dogs.";
  assert.equal(mostPersonal([swapped, one, right], personas), right);
  assert.equal(mostPersonal([swapped, one], personas), one, "words do not make up for the wrong speaker");
  assert.equal(mostPersonal([swapped, "User 1: Hello."], personas), "User 1: Hello.");
});

test("of equals the one with most of the personas' content words, and of these the first", () => {
  const persona = [{ facts: ["I sail a long white boat.", "I have two old brown dogs."] }];
  assert.equal(
    mostPersonal(["I have a cat.", "My dogs sail.", "Dogs bark, sail!"], persona),
    "My dogs sail.",
  );
  assert.equal(mostPersonal(["Hello.", "Hi."], persona), "Hello.");
});

test("more candidates are never less personal, and one conversation's candidates stay its own", async () => {
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
    many.forEach(({ output }, i) =>
      assert.equal(mostPersonal([output, one[i]!.output], test[i]!.personas), output),
    );
    assert.ok(many.some(({ output }, i) => output !== one[i]!.output));
  } finally {
    rmSync(directory, { recursive: true });
  }
});
