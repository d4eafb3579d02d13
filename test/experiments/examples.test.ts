import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { before, test } from "node:test";
import { factsOf } from "../../src/corpus/persona";
import { loadCorpus } from "../../src/corpus/spc/load";
import { sampleDirectory } from "../../src/corpus/spc/source";
import type { SpcRow, Splits } from "../../src/corpus/spc/types";
import {
  encodeExamples,
  experimentSplits,
  inputBuilder,
  mostPersonalTurn,
} from "../../src/experiments/examples";
import { changeSettings, defaultExperiment } from "../../src/experiments/settings";
import { snippetFinder } from "../../src/experiments/snippets";
import { embeddedTokenizer } from "../../src/models/tokenizer/find";
import { loadTokenizer, type Tokenizer } from "../../src/models/tokenizer/tokenizer";
import { buildTarget } from "../../src/prompts/target";
import { writeTinyChatTokenizer } from "../models/tiny-llama";
import { retrievers } from "../../src/settings/sections/input";

let splits: Splits;
let tokenizer: Tokenizer;
before(async () => {
  splits = (await loadCorpus({ directory: sampleDirectory })).splits;
  tokenizer = await loadTokenizer(embeddedTokenizer);
});
const quick = defaultExperiment("quick");

function conversation(id: string, facts: string, ...texts: string[]): SpcRow {
  const turns = texts.map((text, i) => ({ speaker: i % 2 ? 2 : 1, text, line: i, placeholders: [] }));
  return { id, personas: [{ facts: [facts] }, { facts: [] }], turns } as unknown as SpcRow;
}

test("a snippet is the turns that say most of the personas' content words", async () => {
  const pool = [
    conversation("a", "I bake bread.", "Hi there.", "Hello.", "I bake bread daily.", "Rye bread?", "Bye."),
    conversation("b", "I own a boat.", "Hi.", "Ahoy."),
    conversation("empty", "I bake bread."),
  ];
  const asked = conversation("asked", "I bake rye bread.");
  for (const retriever of ["tfidf", "bm25", "dense"] as const) {
    const find = snippetFinder(pool, { seed: 1, retriever, k: 2, snippetTurns: 2 });
    const [found] = await find([asked]);
    assert.deepEqual(
      found!.map(({ id, text }) => [id, text]),
      [
        ["a", "I bake bread daily. Rye bread?"],
        ["b", "Hi. Ahoy."],
      ],
    );
  }
});

test("snippets are from other training conversations, whatever is asked for", async () => {
  const trainIds = new Set(splits.train.map(({ id }) => id));
  for (const retriever of retrievers.filter((name) => name !== "none" && name !== "mixed")) {
    const find = snippetFinder(splits.train, { seed: 1, retriever, k: 3, snippetTurns: 2 });
    const asked = [...splits.train.slice(0, 40), ...splits.test];
    const found = await find(asked);
    for (const [i, one] of asked.entries()) {
      const snippets = found[i]!;
      assert.equal(snippets.length, 3);
      assert.equal(new Set(snippets.map(({ id }) => id)).size, 3);
      for (const { id, text } of snippets) {
        assert.ok(trainIds.has(id) && id !== one.id, `${id} for ${one.id}`);
        assert.ok(text.length > 0);
      }
    }
  }
});

test("mixed snippets are those of one retriever and number or another, of each about as often", async () => {
  const settings = { seed: 1, k: 3, snippetTurns: 2 };
  const kinds = await Promise.all(
    (["tfidf", "bm25", "dense", "random"] as const).map((retriever) =>
      snippetFinder(splits.train, { ...settings, retriever })(splits.train),
    ),
  );
  const find = snippetFinder(splits.train, { ...settings, retriever: "mixed" });
  const found = await find(splits.train);
  assert.deepEqual(await find(splits.train.slice(7, 9)), found.slice(7, 9), "whatever is asked beside it");
  const numbers = [0, 0, 0, 0];
  const from = [0, 0, 0, 0];
  for (const [i, one] of splits.train.entries()) {
    const snippets = found[i]!;
    numbers[snippets.length]!++;
    const same = kinds.map(
      (kind) => JSON.stringify(kind[i]!.slice(0, snippets.length)) === JSON.stringify(snippets),
    );
    assert.ok(same.includes(true), one.id);
    if (snippets.length > 0) same.forEach((is, kind) => (from[kind]! += Number(is)));
  }
  for (const count of numbers) assert.ok(count > 192 / 8, numbers.join());
  for (const count of from) assert.ok(count > 192 / 8, from.join());
});

test("random snippets depend on seed and conversation alone", async () => {
  const find = (seed: number) =>
    snippetFinder(splits.train, { seed, retriever: "random", k: 2, snippetTurns: 2 });
  const [first, second] = splits.test as [SpcRow, SpcRow];
  const [expected] = await find(1)([second]);
  const later = find(1);
  await later([first]);
  assert.deepEqual((await later([first, second]))[1], expected);
  assert.notDeepEqual((await find(2)([second]))[0], expected);
  assert.notDeepEqual((await find(1)([first]))[0], expected);
});

test("examples hold the prompt and the conversation's beginning, and count what was cut", async () => {
  const settings = changeSettings(quick, { retriever: "bm25", k: 5, maxInputTokens: 150, maxNewTokens: 40 });
  const buildInputs = inputBuilder(settings, splits.train, tokenizer);
  const short = conversation("short", "I bake bread.", "Hi.", "Hello.");
  const all = [...splits.train.slice(0, 30), short, conversation("empty", "I bake bread.")];
  const { examples, truncation } = await encodeExamples(
    all,
    buildInputs,
    tokenizer,
    settings,
    "SEQ_2_SEQ_LM",
  );
  const told = all.filter(({ turns }) => turns.length > 0);
  assert.equal(examples.length, told.length);
  const inputs = await buildInputs(told);
  told.forEach((one, i) => {
    const { inputIds, labels } = examples[i]!;
    const { text } = inputs[i]!;
    assert.deepEqual(inputIds, tokenizer.encode(text));
    assert.ok(inputIds.length <= 150);
    assert.deepEqual(labels, tokenizer.encode(buildTarget(one)).slice(0, 40));
    assert.equal(labels.at(-1) === tokenizer.eosId, one === short, "only a whole conversation ends");
    for (const fact of factsOf(one.personas))
      assert.ok(text.includes(fact.replace(/\s+/g, " ").trim()), fact);
  });
  const cut = inputs.filter(({ cut }) => cut.snippetWords > 0);
  assert.ok(cut.length > 0, "five snippets do not fit into 150 tokens");
  assert.deepEqual(truncation, {
    examples: told.length,
    withoutTurns: all.length - told.length,
    promptsWithCutSnippets: cut.length,
    snippetWords: cut.reduce((sum, { cut }) => sum + cut.snippetWords, 0),
    promptsWithCutPersonas: 0,
    personaWords: 0,
    cutTargets: told.length - 1,
  });
});

test("an experiment takes the first of each split, training conversations shuffled by the seed", () => {
  const settings = changeSettings(quick, { nTrain: 10, nValidation: 5, nTest: 1000 });
  const chosen = experimentSplits(splits, settings);
  assert.deepEqual(chosen.valid, splits.valid.slice(0, 5));
  assert.deepEqual(chosen.test, splits.test);
  assert.equal(chosen.train.length, 10);
  assert.notDeepEqual(chosen.train, splits.train.slice(0, 10));
  assert.deepEqual(
    experimentSplits(splits, changeSettings(settings, { nTrain: 4 })).train,
    chosen.train.slice(0, 4),
  );
  const otherSeed = experimentSplits(splits, changeSettings(settings, { seed: 99 }));
  assert.notDeepEqual(otherSeed.train, chosen.train);
});

test("tokens of the personas' content words can count more in the loss", async () => {
  const settings = changeSettings(quick, { personaWeight: 3 });
  const buildInputs = inputBuilder(settings, [], tokenizer);
  const one = conversation("a", "I bake sourdough bread.", "I like Sourdough, and the breadbin.", "Bread!");
  const { examples } = await encodeExamples([one], buildInputs, tokenizer, settings, "SEQ_2_SEQ_LM");
  const { labels, labelWeights } = examples[0]!;
  assert.equal(labelWeights!.length, labels.length);
  const heavy = tokenizer.decode(labels.filter((_, i) => labelWeights![i] === 3));
  assert.deepEqual(heavy.split(/\W+/).filter(Boolean), ["Sourdough", "Bread"]);
  assert.ok(labelWeights!.every((weight) => weight === 1 || weight === 3));
  assert.equal(labelWeights!.at(-1), 1, "the end");
  const unweighted = changeSettings(quick, { personaWeight: 1 });
  const plain = (await encodeExamples([one], buildInputs, tokenizer, unweighted, "SEQ_2_SEQ_LM"))
    .examples[0]!;
  assert.deepEqual(plain, { inputIds: examples[0]!.inputIds, labels });
});

test("a target can begin where most of the personas' content words are said", () => {
  const turn = (text: string) => ({ speaker: 1 as const, text, line: 0, placeholders: [] });
  const turns = [
    "Hello, how are you?",
    "Fine, thanks.",
    "I sail a boat.",
    "Lovely. I keep two dogs.",
    "Bye.",
  ];
  const conversation = {
    personas: [{ facts: ["I sail my boat."] }, { facts: ["I have dogs."] }],
    turns: turns.map(turn),
  };
  assert.equal(mostPersonalTurn(conversation as never, 8), 2);
  assert.equal(mostPersonalTurn(conversation as never, 1000), 0);
  assert.equal(mostPersonalTurn({ personas: [{ facts: ["Nothing."] }, { facts: [] }], turns: [] }, 10), 0);
});

test("a causal model's input does not end, and its words are weighted only where they can be told apart", async () => {
  const folder = mkdtempSync(join(tmpdir(), "examples-"));
  try {
    writeTinyChatTokenizer(folder);
    const bytes = await loadTokenizer(folder);
    const settings = changeSettings(quick, { personaWeight: 1 });
    const one = conversation("a", "I bake bread.", "Hi.");
    const of = async (asked: typeof settings) =>
      (await encodeExamples([one], inputBuilder(asked, [], bytes), bytes, asked, "CAUSAL_LM")).examples[0]!;
    const { inputIds, labels } = await of(settings);
    assert.ok(!inputIds.includes(bytes.eosId));
    assert.equal(labels.at(-1), bytes.eosId);
    await assert.rejects(
      of(changeSettings(settings, { personaWeight: 2 })),
      /personaWeight weights words.*leave it at 1/,
    );
  } finally {
    rmSync(folder, { recursive: true });
  }
});
