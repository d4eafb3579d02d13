// npm run sample: prints the figures of the embedded sample's card as Markdown; with a folder, that corpus beside it.
import { Command } from "commander";
import { quantile } from "simple-statistics";
import {
  type Corpus,
  countOddities,
  type Dialogue,
  factsOf,
  loadCorpus,
  oddities,
  type Oddity,
  sampleDirectory,
  type SpcRow,
  splitNames,
  splitWords,
  utterances,
  vocabulary,
} from "../src/corpus";
import { personaCoverage } from "../src/metrics";

/** Sizes, lengths and coverage, a row a measure and a column a group of conversations. */
export function sizesTable(groups: Record<string, readonly SpcRow[]>): string {
  const measures: [string, (conversations: readonly SpcRow[]) => string][] = [
    ["conversations", (all) => String(all.length)],
    [
      "distinct persona facts",
      (all) => String(new Set(all.flatMap(({ personas }) => factsOf(personas))).size),
    ],
    ["distinct words in turns", (all) => String(vocabulary(utterances(all)).size)],
    [
      "facts a persona",
      (all) => spread(all.flatMap(({ personas }) => personas.map(({ facts }) => facts.length))),
    ],
    ["words a fact", (all) => spread(all.flatMap(({ personas }) => factsOf(personas).map(wordCount)))],
    ["turns a conversation", (all) => spread(all.map(({ turns }) => turns.length))],
    ["words a turn", (all) => spread(utterances(all).map(wordCount))],
    [
      "words a conversation",
      (all) => spread(all.map((conversation) => wordCount(utterances([conversation]).join(" ")))),
    ],
    ["persona coverage of the conversation, %", (all) => spread(all.map((one) => 100 * coverage(one)))],
  ];
  return markdown(
    ["median (10 %–90 %)", ...Object.keys(groups)],
    measures.map(([name, measure]) => [name, ...Object.values(groups).map(measure)]),
  );
}

/** Conversations with each oddity. */
export function oddityTable(groups: Record<string, readonly SpcRow[]>): string {
  const counts = Object.values(groups).map((all) => countOddities(all));
  const present = (Object.keys(oddities) as Oddity[]).filter((name) => counts.some((count) => count[name]));
  return markdown(
    ["conversations with", "which is", ...Object.keys(groups)],
    present.map((name) => [
      name,
      oddities[name],
      ...counts.map((count) => String(count[name]?.conversations ?? 0)),
    ]),
  );
}

/** Both tables for a corpus, and for another one beside it. */
export function card(corpora: Record<string, Corpus>): string {
  const groups = Object.fromEntries(
    Object.entries(corpora).flatMap(([name, { splits }]) =>
      splitNames.map((split) => [`${name}${split}`, splits[split]] as const),
    ),
  );
  return `${sizesTable(groups)}\n\n${oddityTable(groups)}`;
}

/** Of both personas by the dialogue's own turns. */
export function coverage({ personas, turns }: Dialogue): number {
  return personaCoverage(turns.map(({ text }) => text).join("\n"), factsOf(personas));
}

function wordCount(text: string): number {
  return splitWords(text).length;
}

function spread(values: readonly number[]): string {
  const [low, median, high] = [0.1, 0.5, 0.9].map((p) => Math.round(quantile([...values], p)));
  return `${median} (${low}–${high})`;
}

function markdown(head: string[], rows: string[][]): string {
  const line = (cells: string[]) => `| ${cells.join(" | ")} |`;
  return [line(head), line(head.map(() => "---")), ...rows.map(line)].join("\n");
}

if (require.main === module) {
  new Command("npm run sample --")
    .description("Prints the figures of the embedded sample as Markdown tables.")
    .argument("[folder]", "a corpus to set beside it, e.g. data/spc")
    .action(async (folder: string | undefined) => {
      const corpora: Record<string, Corpus> = { "": await loadCorpus({ directory: sampleDirectory }) };
      if (folder) corpora["other "] = await loadCorpus({ directory: folder });
      console.log(card(corpora));
    })
    .showHelpAfterError()
    .parseAsync()
    .catch((error: Error) => {
      console.error(error.message);
      process.exitCode = 1;
    });
}
