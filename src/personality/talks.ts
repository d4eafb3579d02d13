import { mean } from "simple-statistics";
import { type Dialogue, type Speaker, traitNames, type Turn } from "../corpus";
import type { TextGenerationOptions } from "../generation";
import { bootstrapMean, type BootstrapOptions, type Interval, turnsIn } from "../metrics";
import type { PersonaPrompt } from "./instruction";
import { type TraitScorers, traitScores } from "./scoring";
import { situationPrompt, writingPrompt } from "./situations";
import type { Speakers } from "./speakers";
import { knownTraits } from "./traits";

/** What two personas said, and what it took. */
export interface Talk extends Pick<Dialogue, "personas" | "turns"> {
  /** Tokens that were read and written. */
  readonly tokens: number;
}

/** What the first of two hears before it says something; it is no turn. */
const OPENING = "Hello!";

/**
 * Two of a model talk with each other, each told of its own persona alone: the first answers a greeting, the second what the first
 * says, and so on. All pairs of personas go on side by side. A speaker who says nothing ends a talk.
 *
 * @param name the adapter of both
 * @param turns of both together
 */
export async function talkInPairs(
  speakers: Speakers,
  name: string | undefined,
  pairs: readonly Dialogue["personas"][],
  prompt: PersonaPrompt,
  { turns, ...options }: TextGenerationOptions & { readonly turns: number },
): Promise<Talk[]> {
  const said: Turn[][] = pairs.map(() => []);
  const tokens = pairs.map(() => 0);
  let open = pairs.map((_, i) => i);
  for (let at = 0; at < turns && open.length > 0; at++) {
    const speaker: Speaker = at % 2 === 0 ? 1 : 2;
    const prompts = open.map((i) => {
      const greeting: Turn = { speaker: 2, text: OPENING };
      return situationPrompt(
        { speaker, persona: pairs[i]![speaker - 1]!, history: [greeting, ...said[i]!] },
        prompt,
        speakers.taskType,
      );
    });
    const answers = await speakers.say(name, prompts, { ...options, seed: (options.seed ?? 0) + at });
    open.forEach((i, k) => {
      tokens[i]! += answers[k]!.promptTokens + answers[k]!.tokens;
      if (answers[k]!.text !== "") said[i]!.push({ speaker, text: answers[k]!.text });
    });
    open = open.filter((_, k) => answers[k]!.text !== "");
  }
  return pairs.map((personas, i) => ({ personas, turns: said[i]!, tokens: tokens[i]! }));
}

/** One model writes whole dialogues, told of both personas: what it writes that is no turn is left out. */
export async function writeWhole(
  speakers: Speakers,
  name: string | undefined,
  pairs: readonly Dialogue["personas"][],
  prompt: PersonaPrompt,
  { turns, ...options }: TextGenerationOptions & { readonly turns: number },
): Promise<Talk[]> {
  const written = await speakers.say(
    name,
    pairs.map((personas) => writingPrompt(personas, prompt)),
    options,
  );
  return pairs.map((personas, i) => {
    const { text, promptTokens, tokens } = written[i]!;
    return { personas, turns: turnsIn(`User 1: ${text}`).slice(0, turns), tokens: promptTokens + tokens };
  });
}

/** How clearly speakers show their traits at one turn of their talks. */
export interface TraitsAtTurn {
  /** From 1. */
  readonly turn: number;
  readonly turns: number;
  /** Mean over the known traits of those who speak: the scorer's log-odds towards the level that the speaker has. */
  readonly shown: Interval;
}

/**
 * Traits by turn: each trait that a speaker has counts by its scorer's log-odds, less the mean that this scorer gives to all turns, and
 * turned round where the speaker has it low. Above 0 the speakers are as they should be.
 */
export async function traitsByTurn(
  talks: readonly Pick<Dialogue, "personas" | "turns">[],
  scorers: TraitScorers,
  bootstrap?: BootstrapOptions,
): Promise<TraitsAtTurn[]> {
  const all = talks.flatMap(({ personas, turns }) =>
    turns.map(({ speaker, text }, at) => ({ at, text, known: knownTraits(personas[speaker - 1]!) })),
  );
  const shown: number[][] = all.map(() => []);
  for (const trait of traitNames) {
    const scores = await traitScores(
      scorers[trait],
      all.map(({ text }) => text),
    );
    const middle = scores.length === 0 ? 0 : mean(scores);
    all.forEach(({ known }, i) => {
      const own = known.find((one) => one.trait === trait);
      if (own) shown[i]!.push((own.level === "high" ? 1 : -1) * (scores[i]! - middle));
    });
  }
  const last = Math.max(0, ...talks.map(({ turns }) => turns.length));
  return Array.from({ length: last }, (_, at) => at).flatMap((at): TraitsAtTurn[] => {
    const values = all.flatMap((one, i) => (one.at === at && shown[i]!.length > 0 ? [mean(shown[i]!)] : []));
    return values.length === 0
      ? []
      : [{ turn: at + 1, turns: values.length, shown: bootstrapMean(values, bootstrap) }];
  });
}
