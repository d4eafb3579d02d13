// npx tsx scripts/labelled.ts: prints the figures of the cards in data/nli and data/selection as Markdown.
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { splitWords } from "../src/corpus";

const data = join(__dirname, "../data");
export const nliSplits = ["train", "valid", "test"] as const;
export const nliLabels = ["entailment", "neutral", "contradiction"] as const;

/** Which kinds a label has. */
export const nliKinds = {
  entailment: ["paraphrase", "implied", "general"],
  neutral: ["unrelated", "topic", "words"],
  contradiction: ["exclusive", "value", "opposite", "negated", "hidden"],
} as const;

const premiseAndHypothesis = z.strictObject({
  premise: z.string().min(1),
  hypothesis: z.string().min(1),
  label: z.enum(nliLabels),
  kind: z.string().min(1),
});
export type NliRow = z.infer<typeof premiseAndHypothesis>;
export type NliSplits = Record<(typeof nliSplits)[number], NliRow[]>;

const speaker = z.union([z.literal(1), z.literal(2)]);
const selection = z.strictObject({
  dialogue: z.string().min(1),
  turn: z.int().min(1),
  persona: z.array(z.string().min(1)).min(1),
  history: z.array(z.strictObject({ speaker, text: z.string() })),
  speaker,
  response: z.string().min(1),
  label: z.int().min(0).nullable(),
});
export type SelectionRow = z.infer<typeof selection>;

/** The premises and hypotheses of data/nli. */
export function readNli(): NliSplits {
  const read = (split: string) => lines(`nli/${split}.jsonl`).map((line) => premiseAndHypothesis.parse(line));
  return { train: read("train"), valid: read("valid"), test: read("test") };
}

/** The rows of data/selection. */
export function readSelection(): SelectionRow[] {
  return lines("selection/rows.jsonl").map((line) => selection.parse(line));
}

/** What a classifier may look at that must not suffice: one side alone, or how much the two have in common. */
export const shortcuts: Record<string, (row: NliRow) => string[]> = {
  "hypothesis alone": ({ hypothesis }) => wordsOf(hypothesis),
  "premise alone": ({ premise }) => wordsOf(premise),
  "shared words, negations and lengths": overlap,
};

/**
 * Share of held-out rows whose label naive Bayes finds by features of a row, each counted once a row:
 * argmax over labels of log P(label) + Σ log P(feature | label), with one added to every count.
 */
export function shortcutAccuracy(
  { train, valid, test }: NliSplits,
  featuresOf: (row: NliRow) => string[],
): number {
  const counts = new Map(nliLabels.map((label) => [label, new Map<string, number>()]));
  const rows = new Map(nliLabels.map((label) => [label, train.filter((row) => row.label === label).length]));
  for (const row of train) {
    const count = counts.get(row.label)!;
    for (const feature of new Set(featuresOf(row))) count.set(feature, (count.get(feature) ?? 0) + 1);
  }
  const score = (label: NliRow["label"], features: Iterable<string>) => {
    let sum = Math.log(rows.get(label)!);
    for (const feature of features)
      sum += Math.log(((counts.get(label)!.get(feature) ?? 0) + 1) / (rows.get(label)! + 2));
    return sum;
  };
  const heldOut = [...valid, ...test];
  const found = heldOut.filter((row) => {
    const features = new Set(featuresOf(row));
    const best = nliLabels.reduce((a, b) => (score(b, features) > score(a, features) ? b : a));
    return best === row.label;
  });
  return found.length / heldOut.length;
}

/** Sizes, kinds and shortcuts of the premises and hypotheses. */
export function nliCard(splits: NliSplits): string {
  const count = (name: string, of: (rows: NliRow[]) => number) => [
    name,
    ...nliSplits.map((split) => String(of(splits[split]))),
  ];
  const sizes = table(
    ["", ...nliSplits],
    [
      count("rows", (rows) => rows.length),
      count("distinct premises", (rows) => new Set(rows.map(({ premise }) => premise)).size),
      count("distinct hypotheses", (rows) => new Set(rows.map(({ hypothesis }) => hypothesis)).size),
      ...nliLabels.flatMap((label) => [
        count(label, (rows) => rows.filter((row) => row.label === label).length),
        ...nliKinds[label].map((kind) =>
          count(`– ${kind}`, (rows) => rows.filter((row) => row.kind === kind).length),
        ),
      ]),
    ],
  );
  const accuracies = Object.entries(shortcuts).map(([name, features]) => [
    name,
    `${(100 * shortcutAccuracy(splits, features)).toFixed(1)} %`,
  ]);
  const files = nliSplits.map((split) => `nli/${split}.jsonl`);
  return [sizes, table(["what naive Bayes sees", "right on held-out rows"], accuracies), hashes(files)].join(
    "\n\n",
  );
}

/** Sizes of the labelled turns. */
export function selectionCard(rows: readonly SelectionRow[]): string {
  const count = (has: (row: SelectionRow) => boolean) => String(rows.filter(has).length);
  const none = rows.filter(({ label }) => label === null).length;
  const sizes = table(
    ["", "rows"],
    [
      ["all", String(rows.length)],
      ["of the split valid", count(({ dialogue }) => dialogue.startsWith("valid-"))],
      ["of the split test", count(({ dialogue }) => dialogue.startsWith("test-"))],
      ["a fact is used", String(rows.length - none)],
      ["none is", String(none)],
      ["dialogues", String(new Set(rows.map(({ dialogue }) => dialogue)).size)],
    ],
  );
  return [sizes, hashes(["selection/rows.jsonl"])].join("\n\n");
}

function overlap({ premise, hypothesis }: NliRow): string[] {
  const [first, second] = [new Set(wordsOf(premise)), wordsOf(hypothesis)];
  const shared = second.filter((word) => first.has(word)).length / second.length;
  const negated = (text: string) => /\b(not|no|never|none|nobody|nothing)\b|n't/i.test(text);
  return [
    `shared ${Math.round(5 * shared)}`,
    `negated ${negated(premise)} ${negated(hypothesis)}`,
    `length ${Math.min(10, second.length)}`,
  ];
}

function wordsOf(text: string): string[] {
  return splitWords(text.toLowerCase());
}

function lines(path: string): unknown[] {
  const text = readFileSync(join(data, path), "utf8");
  return text
    .trimEnd()
    .split("\n")
    .map((line): unknown => JSON.parse(line));
}

export function hashes(paths: readonly string[]): string {
  const sha256 = (path: string) =>
    createHash("sha256")
      .update(readFileSync(join(data, path)))
      .digest("hex");
  return table(
    ["file", "SHA-256"],
    paths.map((path) => [path.replace(/^.*\//, ""), sha256(path)]),
  );
}

export function table(head: string[], rows: string[][]): string {
  const line = (cells: string[]) => `| ${cells.join(" | ")} |`;
  return [line(head), line(head.map(() => "---")), ...rows.map(line)].join("\n");
}

if (require.main === module) {
  console.log(`${nliCard(readNli())}\n\n${selectionCard(readSelection())}`);
}
