// npx tsx scripts/personality.ts: prints the figures of the card in data/personality as Markdown.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { mean, quantile } from "simple-statistics";
import { z } from "zod";
import { loadCorpus, sampleDirectory, splitWords, utterances } from "../src/corpus";
import { personaCoverage } from "../src/metrics";
import { diversityBeside } from "../src/simulator";
import { hashes, table } from "./labelled";

export const traits = ["O", "C", "E", "A", "N"] as const;
export const forms = ["traits", "plain"] as const;
export type Trait = (typeof traits)[number];
export type Form = (typeof forms)[number];

const level = z.enum(["high", "low", "none"]);
const persona = z.strictObject({
  facts: z.array(z.string().min(1)).length(5),
  traits: z.strictObject({ O: level, C: level, E: level, A: level, N: level }),
});
const dialogue = z.strictObject({
  id: z.string().regex(/^p\d{3}$/),
  form: z.enum(forms),
  personas: z.tuple([persona, persona]),
  turns: z.array(z.string().min(1)),
});
export type TraitDialogue = z.infer<typeof dialogue>;
export type TraitPersona = z.infer<typeof persona>;

/** The trait dialogues and their plain twins. */
export function readTraitDialogues(): TraitDialogue[] {
  const text = readFileSync(join(__dirname, "../data/personality/dialogues.jsonl"), "utf8");
  return text
    .trimEnd()
    .split("\n")
    .map((line) => dialogue.parse(JSON.parse(line)));
}

/** One speaker of a dialogue: the persona, and what it says. */
export interface Speaker {
  readonly id: string;
  readonly persona: TraitPersona;
  readonly partner: TraitPersona;
  readonly turns: readonly string[];
}

/** Both speakers of each dialogue of a form. */
export function speakersOf(rows: readonly TraitDialogue[], form: Form): Speaker[] {
  return rows
    .filter((row) => row.form === form)
    .flatMap(({ id, personas, turns }) =>
      ([0, 1] as const).map((at) => ({
        id,
        persona: personas[at],
        partner: personas[at === 0 ? 1 : 0],
        turns: turns.filter((_, turn) => turn % 2 === at),
      })),
    );
}

/** What a classifier may look at to tell a trait. */
export const clues: Record<string, { form: Form; textsOf: (speaker: Speaker) => readonly string[] }> = {
  facts: { form: "plain", textsOf: ({ persona: { facts } }) => facts },
  "plain turns": { form: "plain", textsOf: ({ turns }) => turns },
  "trait turns": { form: "traits", textsOf: ({ turns }) => turns },
};

/**
 * Share of the speakers with a trait high or low whose label naive Bayes finds by their words and their question and exclamation
 * marks, each counted once a speaker: argmax over labels of log P(label) + Σ log P(word | label), with one added to every count.
 * Ten folds; a dialogue's speakers are in one, so that no dialogue is on both sides.
 */
export function traitAccuracy(rows: readonly TraitDialogue[], trait: Trait, clue: string): number {
  const { form, textsOf } = clues[clue]!;
  const ids = [...new Set(rows.map(({ id }) => id))];
  const examples = speakersOf(rows, form)
    .filter(({ persona }) => persona.traits[trait] !== "none")
    .map((speaker) => ({
      fold: ids.indexOf(speaker.id) % 10,
      label: speaker.persona.traits[trait] as "high" | "low",
      words: new Set(
        textsOf(speaker).flatMap((text) => [...splitWords(text), ...(text.match(/[!?]/g) ?? [])]),
      ),
    }));
  const right = examples.filter(({ fold, label, words }) => {
    const others = examples.filter((one) => one.fold !== fold);
    const vocabulary = new Set(others.flatMap((one) => [...one.words])).size;
    const score = (of: "high" | "low") => {
      const own = others.filter((one) => one.label === of);
      const total = own.reduce((sum, one) => sum + one.words.size, 0);
      const count = (word: string) => own.filter((one) => one.words.has(word)).length;
      return [...words].reduce(
        (sum, word) => sum + Math.log((count(word) + 1) / (total + vocabulary)),
        Math.log(own.length),
      );
    };
    return (score("high") > score("low") ? "high" : "low") === label;
  });
  return right.length / examples.length;
}

/** How long and how varied the dialogues of each form are, and whose facts are said in them. */
async function sizes(rows: readonly TraitDialogue[]): Promise<string> {
  const { splits } = await loadCorpus({ directory: sampleDirectory });
  const sample = utterances(Object.values(splits).flat());
  const sides = forms.map((form) => {
    const own = rows.filter((row) => row.form === form);
    const turns = own.flatMap((row) => row.turns);
    return { own, turns, speakers: speakersOf(rows, form), diversity: diversityBeside(turns, sample) };
  });
  const row = (name: string, of: (side: (typeof sides)[number]) => string) => [name, ...sides.map(of)];
  const share = (turns: readonly string[], pattern: RegExp) =>
    percent(turns.filter((turn) => pattern.test(turn)).length / turns.length);
  const said = ({ turns }: Speaker, { facts }: TraitPersona) =>
    personaCoverage(turns.join("\n"), facts, { ignoreStopWords: true });
  return table(
    ["", ...forms],
    [
      row("dialogues", ({ own }) => String(own.length)),
      row("turns", ({ turns }) => String(turns.length)),
      row("turns a dialogue, mean", ({ own }) => mean(own.map((one) => one.turns.length)).toFixed(2)),
      row("words a turn, mean", ({ turns }) => mean(turns.map(wordCount)).toFixed(2)),
      row("words a turn, median (10 %–90 %)", ({ turns }) => spread(turns.map(wordCount))),
      row("words a dialogue, mean", ({ own }) =>
        mean(own.map((one) => one.turns.reduce((sum, turn) => sum + wordCount(turn), 0))).toFixed(1),
      ),
      row("distinct words", ({ turns }) => String(new Set(turns.flatMap(splitWords)).size)),
      row("distinct-2", ({ diversity }) => diversity.distinct2.toFixed(3)),
      row("distinct-2 of the sample, over as many tokens", ({ diversity }) => diversity.reference.toFixed(3)),
      row("these tokens", ({ diversity }) => String(diversity.tokens)),
      row("turns with a question mark", ({ turns }) => share(turns, /\?/)),
      row("turns with an exclamation mark", ({ turns }) => share(turns, /!/)),
      row("content words of the own facts that are said", ({ speakers }) =>
        percent(mean(speakers.map((one) => said(one, one.persona)))),
      ),
      row("content words of the partner's facts that are said", ({ speakers }) =>
        percent(mean(speakers.map((one) => said(one, one.partner)))),
      ),
    ],
  );
}

/** How often each label is given, how much its speakers say in trait dialogues, and from what naive Bayes tells it. */
function labels(rows: readonly TraitDialogue[]): string {
  const speakers = speakersOf(rows, "traits");
  return table(
    [
      "trait",
      "high",
      "low",
      "none",
      "words a turn if high",
      "if low",
      ...Object.keys(clues).map((clue) => `told from ${clue}`),
    ],
    traits.map((trait) => {
      const of = (label: string) => speakers.filter(({ persona }) => persona.traits[trait] === label);
      const length = (label: string) =>
        mean(of(label).flatMap(({ turns }) => turns.map(wordCount))).toFixed(1);
      return [
        trait,
        ...["high", "low", "none"].map((label) => String(of(label).length)),
        ...[length("high"), length("low")],
        ...Object.keys(clues).map((clue) => percent(traitAccuracy(rows, trait, clue))),
      ];
    }),
  );
}

/** The tables of the card. */
export async function personalityCard(rows: readonly TraitDialogue[]): Promise<string> {
  return [await sizes(rows), labels(rows), hashes(["personality/dialogues.jsonl"])].join("\n\n");
}

function wordCount(text: string): number {
  return splitWords(text).length;
}

function spread(values: readonly number[]): string {
  const [low, middle, high] = [0.1, 0.5, 0.9].map((p) => Math.round(quantile([...values], p)));
  return `${middle} (${low}–${high})`;
}

function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}

if (require.main === module) void personalityCard(readTraitDialogues()).then(console.log);
