import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import fc from "fast-check";
import type { Dialogue } from "../../src/corpus/dialogue";
import { loadCorpus } from "../../src/corpus/spc/load";
import { writeJson } from "../../src/io/files";
import { describeAll, describeValues } from "../../src/statistics/describe";
import {
  corpusDistributions,
  percentiles,
  readReferenceDistributions,
} from "../../src/statistics/distributions";
import { chooseLengths, cutShares, measureTokenLengths, openingLengths } from "../../src/statistics/lengths";
import { rankVocabulary } from "../../src/statistics/zipf";

const folder = mkdtempSync(join(tmpdir(), "statistics-"));
test.after(() => rmSync(folder, { recursive: true }));

const dialogue: Dialogue = {
  id: "train-1",
  personas: [{ facts: ["I run.", "I bake bread."] }, { facts: ["I sing."] }],
  turns: [
    { speaker: 1, text: "Hi there!" },
    { speaker: 2, text: "Hello." },
  ],
};
const countWords = (text: string) => text.split(/\s+/).filter(Boolean).length;

test("a sample described as by hand", () => {
  const { n, mean, sd, min, p25, median, p75, max } = describeValues([4, 1, 3, 2]);
  assert.deepEqual([n, mean, min, p25, median, p75, max], [4, 2.5, 1, 1.75, 2.5, 3.25, 4]);
  assert.ok(Math.abs(sd - Math.sqrt(1.25)) < 1e-12);
  assert.equal(describeValues([]).n, 0);
  assert.ok(Number.isNaN(describeValues([]).median));
  assert.deepEqual(
    describeAll({ a: [1], b: [] }).map(({ what, n }) => [what, n]),
    [
      ["a", 1],
      ["b", 0],
    ],
  );
});

test("a vocabulary that follows Zipf's law has its exponent", () => {
  const counts = new Map(Array.from({ length: 500 }, (_, i) => [`w${i}`, 1e6 / (i + 1) ** 1.2]));
  const { rank, frequency, exponent } = rankVocabulary(counts);
  assert.ok(Math.abs(exponent - 1.2) < 1e-9);
  assert.deepEqual([rank[0], rank.at(-1), frequency[0]], [1, 500, 1e6]);
  assert.deepEqual(
    rank,
    [...new Set(rank)].sort((a, b) => a - b),
  );
});

test("lengths of every kind of text", () => {
  let done = 0;
  const lengths = measureTokenLengths([dialogue], countWords, { onConversation: () => done++ });
  assert.deepEqual(lengths, {
    facts: [2, 3, 2],
    personas: [5, 2],
    prompts: [10],
    turns: [4, 3],
    conversations: [7],
  });
  assert.equal(done, 1);
  assert.deepEqual(openingLengths([dialogue], 1, countWords), [4]);
  assert.deepEqual(openingLengths([dialogue], 3, countWords), []);
});

test("what a limit cuts", () => {
  assert.deepEqual(cutShares([10, 20, 30, 40], [20, 100]), [
    { limit: 20, texts: 0.5, tokens: 0.3 },
    { limit: 100, texts: 0, tokens: 0 },
  ]);
  assert.deepEqual(cutShares([], [5]), [{ limit: 5, texts: 0, tokens: 0 }]);
  fc.assert(
    fc.property(fc.array(fc.nat(1000)), fc.nat(1000), (lengths, limit) => {
      const [cut] = cutShares(lengths, [limit]);
      const kept = lengths.reduce((sum, length) => sum + Math.min(length, limit), 0);
      const total = lengths.reduce((sum, length) => sum + length, 0);
      assert.ok(Math.abs(cut!.tokens * total - (total - kept)) < 1e-6);
    }),
  );
});

test("chosen lengths hold what they promise, in steps of 32, and are read back", () => {
  const choice = {
    tokenizer: "words",
    prompts: Array.from({ length: 100 }, (_, i) => i + 1),
    turns: [10, 20],
    openings: [50, 60, 65, 90],
    openingTurns: 5,
    snippets: 3,
    snippetTurns: 2,
  };
  const settings = chooseLengths(choice);
  // Prompts: 99.01 → 100, + 1 for the end, + 3 · 2 · 15 = 191; openings: 65 + (90 − 65) / 4 → 72.
  assert.deepEqual([settings.encoderLength, settings.generationLength], [192, 96]);
  assert.match(settings.reasons.generationLength, /first 5 turns in 72 tokens/);
});

test("percentiles of a corpus, and those kept of the real one", async () => {
  assert.deepEqual(
    percentiles([0, 10]).filter((_, i) => i % 50 === 0),
    [0, 5, 10],
  );
  const distributions = corpusDistributions([dialogue]);
  assert.deepEqual(distributions, {
    turns: [2],
    "turn words": [2, 1],
    facts: [2, 1],
    "fact words": [2, 3, 2],
    "persona coverage": [0],
  });
  const real = readReferenceDistributions();
  assert.equal(real.conversations, 10_870);
  assert.equal(real.percentiles["facts"][50], 4);
  const path = join(folder, "percentiles.json");
  writeJson(path, { ...real, percentiles: { ...real.percentiles, turns: [1, 2] } });
  assert.throws(() => readReferenceDistributions(path), /percentiles\.json: not a file of distributions/);
});

test("the sample's typical lengths are near those of the real corpus", async () => {
  const { splits } = await loadCorpus({ profile: "quick", directory: "data/sample" });
  const sample = corpusDistributions(Object.values(splits).flat());
  const real = readReferenceDistributions().percentiles;
  const medians = Object.entries(sample).map(([measure, values]) => [
    describeValues(values).median,
    describeValues(real[measure as keyof typeof real]).median,
  ]);
  for (const [here, there] of medians)
    assert.ok(here! / there! > 0.75 && here! / there! < 1.34, `${here} ${there}`);
});

test("a persona of 130,000 facts and a conversation of as many turns are measured", () => {
  const personas = [
    { facts: Array.from({ length: 130_000 }, () => "I run.") },
    { facts: ["I sing."] },
  ] as const;
  const turns = Array.from({ length: 130_000 }, () => ({ speaker: 1 as const, text: "Hi" }));
  const lengths = measureTokenLengths([{ ...dialogue, personas, turns }], ({ length }) => length);
  assert.deepEqual([lengths.facts.length, lengths.turns.length], [130_001, 130_000]);
});
