import assert from "node:assert/strict";
import { test } from "node:test";
import { readCard } from "../../src/scorers/card";
import { embeddedScorers } from "../../src/scorers/open";
import { traitNames } from "../../src/corpus/persona";
import { join } from "node:path";
import {
  fitTraitScorers,
  openTraitScorers,
  scoredLabels,
  traitAgreement,
  traitScores,
} from "../../src/personality/scoring";
import { someDialogues } from "./some";

test("a trait that is in the words is told by scorers of other dialogues, and not from the twins", async () => {
  const found = await traitAgreement(someDialogues(20));
  assert.equal(found.length, 5);
  for (const { trait, speakers, kappa, confusion, onTwins } of found) {
    assert.equal(speakers, 40, trait);
    assert.equal(kappa.value, 1);
    assert.deepEqual(confusion, [[20, 0], [0, 20]]); // prettier-ignore
    assert.ok(onTwins!.low <= 0 && onTwins!.value < 0.3, JSON.stringify(onTwins));
  }
  const alone = await traitAgreement(someDialogues(4).filter(({ form }) => form === "traits"));
  assert.equal(alone[0]!.onTwins, undefined);
});

test("a trait that all have alike cannot be learned, by its name", async () => {
  const high = someDialogues(4).filter((_, i) => i % 4 < 2);
  await assert.rejects(fitTraitScorers(high), /nobody has low openness/);
});

test("scores are log-odds, 0 where nothing is said; labels need three to one, and name the sentence that tells", async () => {
  const scorers = await fitTraitScorers(someDialogues(20));
  const [party, quiet, nothing] = await traitScores(scorers.extraversion, ["A party!", "So quiet.", " "]);
  assert.ok(party! > 1.1 && quiet! < -1.1, `${party} ${quiet}`);
  assert.equal(nothing, 0);
  const labels = await scoredLabels(scorers, ["My tram is late.", "A party tonight?"]);
  assert.deepEqual(labels.find(({ trait }) => trait === "extraversion")!.label, "high");
  assert.equal(labels[0]!.statement, "A party tonight?");
  const [none] = await scoredLabels(scorers, ["The bread is ready."]);
  assert.deepEqual([none!.label, none!.statement], ["no clue", undefined]);
});

test("the embedded scorers: each tells its trait beyond chance by folds, says so in its card, and reads as one would", async () => {
  const scorers = await openTraitScorers();
  const read: Record<string, [high: string, low: string]> = {
    openness: ["What if the moon were a lantern? Imagine that!", "I keep to the usual, as always."],
    conscientiousness: ["I made a list, and finished it by nine.", "I forgot it somewhere, I lost the list."],
    extraversion: ["Come along, everybody! What a party!", "No. Alone is fine."],
    agreeableness: ["Thank you, how kind of you. Can I help?", "That is rubbish, and only a fool would ask."],
    neuroticism: ["What if it goes wrong? I couldn't sleep.", "No hurry. It will sort itself out."],
  };
  for (const trait of traitNames) {
    const [high, low] = await traitScores(scorers[trait], read[trait]!);
    assert.ok(high! > low!, `${trait}: ${high} ${low}`);
    const folds = readCard(join(embeddedScorers, "traits", trait))!.measured.find(
      ({ folds }) => folds === 10,
    )!;
    assert.ok(folds.kappa![1] > 0.4 && folds.count >= 100, trait);
  }
});
