import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { before, test } from "node:test";
import { median } from "simple-statistics";
import { card, coverage } from "../../../scripts/sample";
import { factsOf } from "../../../src/corpus/persona";
import { type Corpus, loadCorpus } from "../../../src/corpus/spc/load";
import { countOddities } from "../../../src/corpus/spc/read";
import { sampleDirectory } from "../../../src/corpus/spc/source";
import { splitOverlap, splitWords } from "../../../src/corpus/statistics";
import { type SpcRow, splitNames } from "../../../src/corpus/spc/types";

const real = join(__dirname, "../../../../shared/data/spc");
const withoutReal = existsSync(real) ? false : "Synthetic-Persona-Chat is not at ../shared/data/spc";

let sample: Corpus;
let all: SpcRow[];
before(async () => {
  sample = await loadCorpus();
  all = splitNames.flatMap((name) => sample.splits[name]);
});

test("without any option the sample is loaded: 192, 24 and 24 conversations", () => {
  assert.equal(sample.source.kind, "sample");
  assert.deepEqual(
    splitNames.map((name) => sample.splits[name].length),
    [192, 24, 24],
  );
});

test("no fact, no persona and no conversation is in two splits, and no two conversations are alike", () => {
  for (const overlap of splitOverlap(sample.splits)) {
    assert.equal(overlap.sharedFacts, 0, `${overlap.first} and ${overlap.second}`);
    assert.equal(overlap.sharedPersonas, 0);
    assert.equal(overlap.sharedConversations, 0);
  }
  const texts = all.filter(({ text }) => text !== "").map(({ text }) => text);
  assert.equal(new Set(texts).size, texts.length);
});

test("every persona has three to six facts, each a sentence", () => {
  for (const { id, personas } of all) {
    for (const { facts } of personas) {
      assert.ok(facts.length >= 3 && facts.length <= 6, `${id}: ${facts.length} facts`);
      for (const fact of facts) assert.match(fact, /^[A-Z].*[.!?]$/, id);
    }
  }
});

test("the real corpus' oddities are there, in few rows", () => {
  const counts = countOddities(all);
  assert.equal(counts["empty conversation"]?.conversations, 1);
  for (const oddity of [
    "blank line",
    "decorated speaker",
    "stage direction",
    "separator",
    "no speaker",
    "repeated speaker",
    "starts with User 2",
    "placeholder",
  ] as const) {
    const found = counts[oddity]?.conversations ?? 0;
    assert.ok(found >= 1 && found <= 24, `${oddity}: ${found} conversations`);
  }
});

test("the card shows the figures that the command prints, and the checksums of the files", () => {
  const readme = readFileSync(join(sampleDirectory, "README.md"), "utf8");
  for (const table of card({ "": sample }).split("\n\n")) {
    assert.ok(readme.includes(table), `npm run sample prints another table than the card has:\n${table}`);
  }
  for (const { part, sha256 } of sample.files) assert.ok(readme.includes(sha256), `${part}.csv: ${sha256}`);
});

/** Words in a row that a text of the sample and one of the corpus may have in common. */
const longestCommonRun = 7;

test("nothing is copied from Synthetic-Persona-Chat", { skip: withoutReal }, async () => {
  const runs = new Map<string, string>();
  for (const { id, personas, turns } of all) {
    for (const text of [...factsOf(personas), ...turns.map((turn) => turn.text)]) {
      for (const run of wordRuns(text)) runs.set(run, id);
    }
  }
  const { splits, newPersona } = await loadCorpus({ directory: real, newPersona: true });
  const copied = new Set<string>();
  for (const { personas, text } of [...splits.train, ...splits.valid, ...splits.test, ...newPersona]) {
    for (const line of [...factsOf(personas), ...text.split("\n")]) {
      for (const run of wordRuns(line)) if (runs.has(run)) copied.add(`${runs.get(run)}: ${run}`);
    }
  }
  assert.deepEqual([...copied], []);
});

function wordRuns(text: string): string[] {
  const words = splitWords(text);
  const length = longestCommonRun + 1;
  return words.slice(length - 1).map((_, start) => words.slice(start, start + length).join(" "));
}

test("lengths and the use of personas are near the real corpus'", { skip: withoutReal }, async () => {
  const { splits } = await loadCorpus({ directory: real });
  const theirs = [...splits.valid, ...splits.test];
  const near = (what: string, measure: (conversation: SpcRow) => number[], tolerance: number) => {
    const [own, other] = [all, theirs].map((group) => median(group.flatMap(measure))) as [number, number];
    assert.ok(Math.abs(own - other) <= tolerance * other, `${what}: ${own} here, ${other} there`);
  };
  near("facts a persona", ({ personas }) => personas.map(({ facts }) => facts.length), 0.25);
  near("words a fact", ({ personas }) => factsOf(personas).map((fact) => splitWords(fact).length), 0.25);
  near("turns", ({ turns }) => [turns.length], 0.25);
  near("words a turn", ({ turns }) => turns.map(({ text }) => splitWords(text).length), 0.25);
  near("words", ({ turns }) => [turns.reduce((sum, { text }) => sum + splitWords(text).length, 0)], 0.25);
  near("persona coverage", (conversation) => [coverage(conversation)], 0.2);
});
