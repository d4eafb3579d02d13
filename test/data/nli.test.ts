import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import {
  nliCard,
  nliKinds,
  nliLabels,
  type NliRow,
  nliSplits,
  readNli,
  shortcutAccuracy,
  shortcuts,
} from "../../scripts/labelled";
import { factsOf } from "../../src/corpus/persona";
import { loadCorpus } from "../../src/corpus/spc/load";
import { splitWords } from "../../src/corpus/statistics";

const splits = readNli();

/** A sentence however it is written: `I don't.` and `i do not .` are one. */
function plain(text: string): string {
  const long = text
    .toLowerCase()
    .replace(/can't/g, "can not")
    .replace(/won't/g, "will not")
    .replace(/n't\b/g, " not")
    .replace(/'m\b/g, " am")
    .replace(/'re\b/g, " are")
    .replace(/'ve\b/g, " have")
    .replace(/'ll\b/g, " will")
    .replace(/i'd\b/g, "i would");
  return splitWords(long).join(" ");
}

function inTwoSplits(textOf: (row: NliRow) => string): string[] {
  const of = nliSplits.map((split) => new Set(splits[split].map((row) => plain(textOf(row)))));
  return of.flatMap((texts, i) => [...texts].filter((text) => of.slice(i + 1).some((other) => other.has(text))));
}

for (const split of nliSplits) {
  test(`${split}: as many rows of each label, each of a kind that the label has`, () => {
    const counts = nliLabels.map((label) => splits[split].filter((row) => row.label === label).length);
    assert.ok(counts[0]! > 0);
    assert.deepEqual(counts, [counts[0], counts[0], counts[0]]);
    for (const { label, kind, premise } of splits[split])
      assert.ok((nliKinds[label] as readonly string[]).includes(kind), `${premise}: ${label} of kind ${kind}`);
  });

  test(`${split}: no premise stands twice with a hypothesis, or with itself`, () => {
    const pairs = splits[split].map(({ premise, hypothesis }) => `${plain(premise)} ⇒ ${plain(hypothesis)}`);
    assert.deepEqual(
      pairs.filter((pair, i) => pairs.indexOf(pair) !== i),
      [],
    );
    for (const { premise, hypothesis } of splits[split]) assert.notEqual(plain(premise), plain(hypothesis));
  });

  test(`${split}: each label has its share of negations`, () => {
    for (const label of nliLabels) {
      const rows = splits[split].filter((row) => row.label === label);
      const negated = rows.filter(({ hypothesis }) =>
        /\b(not|no|never|none|nobody|nothing)\b|n't/i.test(hypothesis),
      );
      const share = negated.length / rows.length;
      assert.ok(share > 0.15 && share < 0.4, `${label}: ${share.toFixed(2)}`);
    }
  });
}

test("sentences are trimmed, one line each, and of both styles", () => {
  const sentences = nliSplits.flatMap((split) =>
    splits[split].flatMap(({ premise, hypothesis }) => [premise, hypothesis]),
  );
  for (const sentence of sentences) assert.match(sentence, /^(?=\S)[^\n\t]*[.!?]$/);
  const lower = sentences.filter((sentence) => sentence === sentence.toLowerCase()).length / sentences.length;
  assert.ok(lower > 0.4 && lower < 0.6, lower.toFixed(2));
});

test("no premise and no hypothesis is in two splits", () => {
  assert.deepEqual(
    inTwoSplits(({ premise }) => premise),
    [],
  );
  assert.deepEqual(
    inTwoSplits(({ hypothesis }) => hypothesis),
    [],
  );
});

test("premises that are facts of the sample stand in the sample's split", async () => {
  const sample = await loadCorpus();
  for (const split of nliSplits) {
    const facts = (name: "train" | "valid" | "test") =>
      new Set(sample.splits[name].flatMap(({ personas }) => factsOf(personas)).map(plain));
    const others = nliSplits.filter((name) => name !== split).map(facts);
    const own = facts(split);
    const premises = [...new Set(splits[split].map(({ premise }) => plain(premise)))];
    assert.ok(premises.filter((premise) => own.has(premise)).length >= 15, split);
    for (const premise of premises)
      if (!own.has(premise)) assert.ok(!others.some((other) => other.has(premise)), premise);
  }
});

for (const [name, features] of Object.entries(shortcuts))
  test(`${name}: not enough to tell the label`, () => {
    const accuracy = shortcutAccuracy(splits, features);
    assert.ok(accuracy > 0.25 && accuracy < 0.5, accuracy.toFixed(3));
  });

test("naive Bayes finds what one side tells", () => {
  const row = (hypothesis: string, label: NliRow["label"]): NliRow => ({
    premise: "I sail.",
    hypothesis,
    label,
    kind: "",
  });
  const rows = [row("yes", "entailment"), row("no", "contradiction"), row("perhaps", "neutral")];
  const words = shortcuts["hypothesis alone"]!;
  assert.equal(shortcutAccuracy({ train: rows, valid: rows, test: [] }, words), 1);
  assert.equal(shortcutAccuracy({ train: rows, valid: rows, test: [] }, shortcuts["premise alone"]!), 1 / 3);
});

test("the card has these figures", () => {
  const card = readFileSync(join(__dirname, "../../data/nli/README.md"), "utf8");
  for (const line of nliCard(splits).split("\n")) assert.ok(card.includes(line), line);
});
