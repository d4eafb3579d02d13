/** Small evaluations as notebooks and grids leave them, of texts that are hostile to every format. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import {
  randomBaseline,
  referenceBaseline,
  retrievalBaseline,
  templateBaseline,
} from "../../src/baselines/baselines";
import { cutVariant } from "../../src/baselines/cut";
import { factsOf } from "../../src/corpus/persona";
import { parseConversation } from "../../src/corpus/spc/conversation";
import type { SpcRow } from "../../src/corpus/spc/types";
import { evaluateVariants, type Variant } from "../../src/evaluation/evaluate";
import { assumedIdentity } from "../../src/evaluation/identity";
import { writeJson } from "../../src/io/files";
import { hostile } from "../paper/sample";

const topics = [
  "bees",
  "boats",
  "bread",
  "trains",
  "roses",
  "chess",
  "clocks",
  "maps",
  "wolves",
  "tea",
  "kites",
  "mills",
];

/** One conversation a topic; the first has hostile text in persona and turns. */
export const conversations = topics.map((topic, i): SpcRow => {
  const text = `User 1: Hello, I like ${topic} very much.\nUser 2: I would rather talk about the weather and my ${i} dogs.\nUser 1: ${
    i === 0 ? hostile : "Then tell me of them."
  }\nUser 2: They chase the ${topic} and sleep all day long.`;
  return {
    id: `test-${i + 1}`,
    split: "test",
    part: "test",
    row: i + 1,
    fileLine: 1,
    personas: [
      { facts: [`I like ${topic}.`, i === 0 ? hostile : "I am tall."] },
      { facts: [`I have ${i} dogs.`] },
    ],
    ...parseConversation(text),
    text,
  };
});

/** The settings that a model's variant has; what a test varies is changed. */
export function modelSettings(changes: Record<string, string | number | boolean | null> = {}) {
  return {
    seed: 13,
    nTrain: 10,
    maxSteps: 20,
    batchSize: 4,
    learningRate: 0.001,
    rank: 4,
    alpha: 8,
    unfrozenEncoderBlocks: 0,
    promptVariant: "template",
    retriever: "none",
    k: 0,
    maxNewTokens: 24,
    base: "data/model",
    adapter: "outputs/runs/0123/adapter",
    ...changes,
  };
}

/** A "model" that says the first words of the reference, and more of them with a higher `quality`. */
export function fakeModel(
  name: string,
  quality: number,
  changes: Parameters<typeof modelSettings>[0] = {},
  family = name,
): Variant {
  const settings = modelSettings(changes);
  return {
    name,
    identity: { ...assumedIdentity(name, settings), family },
    settings,
    generate: (asked) =>
      asked.map(({ text, personas }, i) => {
        const words = text.split(/\s+/);
        const known = Math.round(words.length * quality) + (i % 3);
        return { input: factsOf(personas).join(" "), output: words.slice(0, known).join(" ") };
      }),
  };
}

const options = { resamples: 60 };

/** Writes evaluations of bounds, baselines, a base and models, and two runs of a grid. */
export async function writeEvaluations(outputs: string): Promise<void> {
  mkdirSync(outputs, { recursive: true });
  const pool = conversations.map((one) => ({ ...one, id: `train-${one.id}` }));
  const random = randomBaseline(pool);
  await evaluateVariants(
    [
      random,
      referenceBaseline(),
      cutVariant(random, 14),
      retrievalBaseline(pool),
      templateBaseline(),
      fakeModel("base", 0.2, { adapter: null }),
      fakeModel("LoRA", 0.5),
      fakeModel("LoRA, 2 blocks", 0.6, { unfrozenEncoderBlocks: 2 }),
      fakeModel(`snippets ${hostile}`, 0.7, { retriever: "tfidf", k: 3 }),
      fakeModel("random snippets", 0.7, { retriever: "random", k: 3 }),
    ],
    conversations,
    { directory: outputs, ...options },
  );
  for (const [runId, k] of [
    ["A", 3],
    ["B", 4],
  ] as const) {
    const model = fakeModel("model", 0.55, { retriever: "bm25", k });
    await evaluateVariants([model], conversations, { directory: outputs, runId, ...options });
  }
}

/** A manifest as a run of a notebook leaves it. */
export function writeManifest(outputs: string, name: string): void {
  writeJson(join(outputs, name, "manifest.json"), {
    name,
    profile: "quick",
    seed: 13,
    parameters: { PROFILE: "quick", SEED: 13 },
    started: "2026-01-02T03:04:05.000Z",
    finished: "2026-01-02T03:04:15.500Z",
    seconds: 10.5,
    versions: { node: "20.19.0", project: "0.1.0", "onnxruntime-node": "1.30.0" },
    inputs: [],
    files: [],
  });
}
