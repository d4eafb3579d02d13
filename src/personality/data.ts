import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { loadCorpus, type Dialogue, type Persona } from "../corpus";
import { shownPath } from "../io";
import { Random } from "../random";
import type { Profile } from "../settings";
import { readPersonaChat } from "./persona-chat";
import { openTraitScorers, scoredLabels, type TraitScorers } from "./scoring";
import { knownTraits } from "./traits";
import { readTraitDialogues, type TraitDialogue } from "./twins";

/** The dialogues that come with the project, each with its twin. */
export const embeddedTraitDialogues = resolve(__dirname, "../../data/personality/dialogues.jsonl");

/** Two domains to learn from and to be tested on. */
export interface Domains {
  /** Written without regard to traits; in the profile `full` by people. */
  readonly natural: readonly TraitDialogue[];
  /** Written with regard to traits; in the profile `full` by a language model, from the personas alone. */
  readonly distilled: readonly TraitDialogue[];
}

/** What the study is made of. */
export interface StudyData {
  readonly train: Domains;
  readonly test: Domains;
  /** Whether places of the two domains are twins: the same personas with the same traits. */
  readonly areTwins: boolean;
  /** Who says which traits the personas have: the file, or scorers, by what they say. */
  readonly labels: "given" | "scored";
  /** For the reader: what the dialogues are, and why these. */
  readonly sentences: readonly string[];
  /** What was read. */
  readonly files: readonly string[];
}

export interface StudyDataOptions {
  readonly profile: Profile;
  /** A JSONL file of dialogues, as `readTraitDialogues` takes it; in place of what the profile has. */
  readonly data?: string;
  /** The folder with PersonaChat's lines, of the profile `full`. */
  readonly personaChat?: string;
  /** Pairs of dialogues to be tested on. */
  readonly nTest: number;
  /**
   * Pairs of dialogues in all, at most.
   * @default all
   */
  readonly nDialogues?: number;
  readonly seed: number;
}

/**
 * The study's dialogues: those of `data`; else, in the profile `quick`, the embedded ones, and in the profile `full` PersonaChat against
 * Synthetic-Persona-Chat. Where no traits are given, the embedded scorers say them, by what the personas say.
 *
 * @throws {Error} if a file is not there, or there are not enough dialogues, saying what to do
 */
export async function loadStudyData({
  profile,
  data,
  personaChat,
  nTest,
  nDialogues = Infinity,
  seed,
}: StudyDataOptions): Promise<StudyData> {
  const found =
    data !== undefined
      ? await fromFile(data, `${shownPath(data)}, which DATA names`)
      : profile === "quick"
        ? await fromFile(embeddedTraitDialogues, "the embedded dialogues, as the profile quick has them")
        : await fromCorpora(personaChat, nDialogues + nTest);
  const { sentences, files } = found;
  const areTwins = found.areTwins;
  const count = Math.min(found.natural.length, found.distilled.length, nDialogues);
  if (count < nTest + 2)
    throw new Error(
      `there are ${count} dialogues of each domain, too few to keep ${nTest} of them for testing: set N_TEST lower, or take more`,
    );
  const order = new Random(seed).shuffle(Array.from({ length: count }, (_, i) => i));
  const part = (places: readonly number[]): Domains => {
    const sorted = [...places].sort((a, b) => a - b);
    return {
      natural: sorted.map((i) => found.natural[i]!),
      distilled: sorted.map((i) => found.distilled[i]!),
    };
  };
  return {
    train: part(order.slice(nTest)),
    test: part(order.slice(0, nTest)),
    areTwins,
    labels: found.labels,
    sentences,
    files,
  };
}

type Found = Domains & Pick<StudyData, "areTwins" | "labels" | "sentences" | "files">;

async function fromFile(path: string, why: string): Promise<Found> {
  if (!existsSync(path)) throw new Error(`${shownPath(path)}: there is no such file`);
  const all = readTraitDialogues(path);
  const plain = new Map(all.filter(({ form }) => form === "plain").map((one) => [one.pair, one]));
  const traits = all.filter(({ form }) => form === "traits");
  const twins = traits.filter(({ pair }) => plain.has(pair));
  if (twins.length > 0) {
    const rest = all.length - 2 * twins.length;
    return {
      natural: twins.map(({ pair }) => plain.get(pair)!),
      distilled: twins,
      areTwins: true,
      labels: "given",
      sentences: [
        `${twins.length} pairs of twins: ${why}. Each pair of personas has a dialogue that was written with regard to their traits and one that was not`,
        ...(rest > 0 ? [`${rest} dialogues without a twin are left out`] : []),
      ],
      files: [path],
    };
  }
  const corpus = await loadCorpus({ profile: "quick" });
  const others = corpus.splits.train.map((one) => asNatural(one));
  const labels = traits.length > 0 ? "given" : "scored";
  const own = traits.length > 0 ? traits : await labelled([...plain.values()]);
  return {
    natural: others,
    distilled: own,
    areTwins: false,
    labels,
    sentences: [
      `${own.length} dialogues: ${why}. None has a twin, so that ${others.length} of ${shownPath(corpus.source.directory)}, of other personas, stand for the natural domain`,
      ...(labels === "scored" ? [SCORED] : []),
    ],
    files: [path, ...corpus.files.map((file) => file.path)],
  };
}

const SCORED =
  "no traits are given: the embedded scorers say them, by what the personas say. They carry over to such dialogues badly (data/scorers/traits/README.md): what follows of traits is about the scorers first";

async function fromCorpora(folder: string | undefined, most: number): Promise<Found> {
  if (folder === undefined || !existsSync(folder))
    throw new Error(
      `the profile full compares PersonaChat with Synthetic-Persona-Chat: ${folder === undefined ? "NATURAL names no folder" : `${folder} is not there`}; ` +
        "name the folder with its lines (per-train.txt, src-train.txt and tgt-train.txt of songhaoyu/RCDG) in NATURAL, or your own dialogues in DATA",
    );
  const corpus = await loadCorpus({ profile: "full" });
  const scorers = await openTraitScorers();
  const some = <T>(list: readonly T[]) => list.slice(0, most);
  return {
    natural: await labelled(some(readPersonaChat(folder, "train")), scorers),
    distilled: await labelled(
      some(corpus.splits.train.map((one) => ({ ...asNatural(one), form: "traits" as const }))),
      scorers,
    ),
    areTwins: false,
    labels: "scored",
    sentences: [
      `natural: PersonaChat, which people wrote (${shownPath(folder)}); distilled: ${shownPath(corpus.source.directory)} (${corpus.source.why})`,
      SCORED,
    ],
    files: [
      ...["per", "src", "tgt"].map((name) => `${folder}/${name}-train.txt`),
      ...corpus.files.map(({ path }) => path),
    ],
  };
}

const asNatural = ({ id, personas, turns }: Dialogue): TraitDialogue => ({
  id,
  pair: id,
  form: "plain",
  personas,
  turns: turns.map(({ speaker, text }) => ({ speaker, text })),
});

/** Dialogues whose personas have the traits that scorers find in what they say. */
async function labelled(dialogues: readonly TraitDialogue[], given?: TraitScorers): Promise<TraitDialogue[]> {
  const scorers = given ?? (await openTraitScorers());
  const done: TraitDialogue[] = [];
  for (const dialogue of dialogues) {
    const personas: Persona[] = [];
    for (const [i, persona] of dialogue.personas.entries()) {
      const said = dialogue.turns.filter(({ speaker }) => speaker === i + 1).map(({ text }) => text);
      const found =
        said.length === 0 || knownTraits(persona).length > 0 ? [] : await scoredLabels(scorers, said);
      const told = found.flatMap(({ trait, label }) =>
        label === "no clue" ? [] : [[trait, label] as const],
      );
      personas.push(told.length === 0 ? persona : { ...persona, traits: Object.fromEntries(told) });
    }
    done.push({ ...dialogue, personas: personas as unknown as Dialogue["personas"] });
  }
  return done;
}
