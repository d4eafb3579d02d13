/**
 * Writes data/spc-percentiles.json: the distributions of Synthetic-Persona-Chat's official splits that notebook 01 sets
 * beside the corpus it runs on. Statistics alone, no text.
 *
 *     npx tsx scripts/spc-percentiles.ts --data <folder with Synthetic-Persona-Chat>
 */
import { basename } from "node:path";
import { Command } from "commander";
import { loadCorpus } from "../src/corpus";
import { writeJson } from "../src/io";
import {
  corpusDistributions,
  percentiles,
  type ReferenceDistributions,
  referenceDistributionsPath,
} from "../src/statistics";

async function main(): Promise<void> {
  const { data, out } = new Command()
    .requiredOption("--data <folder>", "folder with Synthetic-Persona-Chat's files")
    .option("--out <file>", "where to write", referenceDistributionsPath)
    .parse()
    .opts<{ data: string; out: string }>();
  const { splits, files } = await loadCorpus({ directory: data });
  const conversations = Object.values(splits).flat();
  const rounded = (values: readonly number[]) => percentiles(values).map((value) => Number(value.toFixed(4)));
  const distributions = Object.entries(corpusDistributions(conversations));
  writeJson(out, {
    corpus: "Synthetic-Persona-Chat (Jandaghi et al., arXiv:2312.10007), official splits",
    licence: "CC-BY-4.0",
    files: files.map(({ path, sha256 }) => ({ file: basename(path), sha256 })),
    conversations: conversations.length,
    percentiles: Object.fromEntries(
      distributions.map(([measure, values]) => [measure, rounded(values)]),
    ) as ReferenceDistributions["percentiles"],
  } satisfies ReferenceDistributions);
  console.log(`${out}: ${conversations.length} conversations`);
}

void main();
