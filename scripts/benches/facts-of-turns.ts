import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { loadCorpus, sampleDirectory } from "../../src/corpus";
import {
  type Embedder,
  encoderOf,
  type FactIndex,
  factsOfTurns,
  ranksOfFacts,
  transformersJsEmbedder,
} from "../../src/embedding";
import { embeddedModel } from "../../src/experiments";
import { openPretrained, readAdapter, textEncoder } from "../../src/models";
import { Bm25Index, DenseIndex, TfidfIndex } from "../../src/retrieval";
import { type Bench, round } from "./bench";

const shared = join(__dirname, "../../../shared/data");
const SIZE = Number(process.env["FACTS"] ?? 150);
/** Folder of an adapter of the embedded encoder, as scripts/train-encoder.ts writes it. */
const ADAPTER = process.env["ADAPTER"];
/** A folder or hub name of a model for feature extraction that Transformers.js runs. */
const MODEL = process.env["EMBEDDING_MODEL"];

interface Cases {
  name: string;
  pairs: { turn: string; fact: string }[];
}

const bench: Bench = {
  description:
    `which of ${SIZE} facts a turn belongs to: how often the right one comes first, and the mean of 1 / its rank. ADAPTER and EMBEDDING_MODEL ` +
    "add a trained encoder and a model of Transformers.js",
  async run(report) {
    const sets = await caseSets();
    const base = await openPretrained({ kind: "directory", directory: embeddedModel, why: "it is embedded" });
    const model = { ...base.checkpoint, tokenizer: base.tokenizer };
    const adapter = ADAPTER === undefined ? undefined : readAdapter(ADAPTER, textEncoder(base.checkpoint));
    const dense: [string, Embedder][] = [["dense, embedded encoder as it is", encoderOf(model)]];
    if (adapter) dense.push(["dense, embedded encoder with the adapter", encoderOf(model, { adapter })]);
    if (MODEL !== undefined)
      dense.push([`dense, ${MODEL.split("/").at(-1)}`, await transformersJsEmbedder(MODEL)]);
    const rows = [];
    for (const { name, pairs } of sets) {
      const facts = pairs.map(({ fact }) => fact);
      const finders: [string, FactIndex][] = [
        ["TF-IDF (characters 3–5)", TfidfIndex.build(facts)],
        ["BM25", Bm25Index.build(facts)],
      ];
      for (const [retriever, embedder] of dense)
        finders.push([retriever, await DenseIndex.build(facts, (texts) => embedder.embed(texts))]);
      for (const [retriever, index] of finders) {
        report(`${name}: ${retriever}`);
        const ranks = await ranksOfFacts(pairs, index);
        const mean = (of: (rank: number) => number) =>
          ranks.reduce((sum, rank) => sum + of(rank), 0) / ranks.length;
        rows.push({
          cases: name,
          retriever,
          facts: facts.length,
          first: round(mean((rank) => (rank === 1 ? 1 : 0))),
          amongFive: round(mean((rank) => (rank <= 5 ? 1 : 0))),
          meanReciprocalRank: round(mean((rank) => 1 / rank)),
        });
      }
    }
    for (const [, embedder] of dense) await embedder.dispose();
    base.checkpoint.close();
    return { rows };
  },
};
export default bench;

/** Held-out dialogues of the sample, of Synthetic-Persona-Chat, and people's judgements of Dialogue NLI where these lie beside the project. */
async function caseSets(): Promise<Cases[]> {
  const ofCorpus = async (name: string, directory: string): Promise<Cases> => {
    const { splits } = await loadCorpus({ directory });
    return { name, pairs: firstPairs(factsOfTurns(splits.test)) };
  };
  const sets = [await ofCorpus("sample, test", sampleDirectory)];
  if (existsSync(join(shared, "spc")))
    sets.push(await ofCorpus("Synthetic-Persona-Chat, test", join(shared, "spc")));
  const nli = join(shared, "dialogue-nli/nli-valid.txt");
  if (existsSync(nli)) {
    const pairs = readFileSync(nli, "utf8")
      .split("\n")
      .map((line) => line.split("</s>"))
      .filter(([, , label]) => label === "positive")
      .map(([turn, fact]) => ({ turn: turn!, fact: fact! }));
    sets.push({ name: "Dialogue NLI, entailed", pairs: firstPairs(pairs) });
  }
  return sets;
}

/** The first pairs whose facts, and whose turns, are all different. */
function firstPairs(pairs: readonly { turn: string; fact: string }[]): Cases["pairs"] {
  const seen = new Set<string>();
  return pairs
    .filter(({ turn, fact }) => {
      const isNew = !seen.has(`f ${fact}`) && !seen.has(`t ${turn}`);
      if (isNew) seen.add(`f ${fact}`).add(`t ${turn}`);
      return isNew;
    })
    .slice(0, SIZE);
}
