import { type DialogueRecord, splitWords } from "../corpus";
import { distinctN } from "../metrics";
import { simpleTokens } from "../text";

/** What the persona says in records, a turn each. */
export function personaTurns(records: readonly Pick<DialogueRecord, "turns">[]): string[] {
  return records.flatMap(({ turns }) =>
    turns.flatMap(({ role, content }) => (role === "user" ? [content] : [])),
  );
}

/** Words that are said a second time in the same order. */
export interface RepeatedRun {
  readonly words: string;
  /** Where they are said first, and where again: persona, topic and turn (from 1). */
  readonly first: string;
  readonly again: string;
}

/** Runs of `length` words that turns of personas have in common: of each turn the first one that was said before. */
export function repeatedRuns(records: readonly DialogueRecord[], length = 8): RepeatedRun[] {
  const places = new Map<string, string>();
  return records.flatMap(({ persona_id, topic, turns }) =>
    turns.flatMap(({ role, content }, at): RepeatedRun[] => {
      if (role !== "user") return [];
      const place = `${persona_id}, ${topic}, turn ${at + 1}`;
      let repeated: RepeatedRun | undefined;
      for (const words of runsOf(content, length)) {
        const first = places.get(words);
        if (first === undefined) places.set(words, place);
        else repeated ??= { words, first, again: place };
      }
      return repeated ? [repeated] : [];
    }),
  );
}

/** All runs of so many words of a text. */
export function runsOf(text: string, length: number): string[] {
  const words = splitWords(text);
  return words.slice(length - 1).map((_, at) => words.slice(at, at + length).join(" "));
}

/** How varied texts are beside others, over equally many tokens of both. */
export interface Diversity {
  readonly distinct2: number;
  readonly reference: number;
  /** The tokens of each side that were compared. */
  readonly tokens: number;
}

/** distinct-2 of texts and of others, each over its first tokens, as many as the shorter side has. */
export function diversityBeside(texts: readonly string[], others: readonly string[]): Diversity {
  const sides = [texts, others].map((side) => side.map(simpleTokens));
  const tokens = Math.min(...sides.map((side) => side.reduce((sum, { length }) => sum + length, 0)));
  const [distinct2, reference] = sides.map((side) => distinctN(beginning(side, tokens), 2));
  return { distinct2: distinct2!, reference: reference!, tokens };
}

/** The first so many tokens of texts, as texts. */
function beginning(texts: readonly (readonly string[])[], tokens: number): string[] {
  let left = tokens;
  return texts.flatMap((text) => {
    const kept = text.slice(0, left);
    left -= kept.length;
    return kept.length > 0 ? [kept.join(" ")] : [];
  });
}

/** Fewer words than these may be said again, as "no." and "ok. done." are. */
const FEW_WORDS = 3;

/**
 * What is wrong with the course of a dialogue; nothing where the persona begins, both speak in turn, so often, and the persona does
 * not repeat itself. A partner may: dull ones do.
 */
export function courseProblem(
  turns: readonly { readonly role: string; readonly content: string }[],
  [fewest, most]: readonly [number, number],
): string | undefined {
  if (turns[0]?.role !== "user") return "the persona does not begin";
  const twice = turns.findIndex(({ role }, at) => at > 0 && role === turns[at - 1]!.role);
  if (twice > 0) return `turn ${twice + 1} is the same speaker's as the one before`;
  if (turns.length < fewest) return `${turns.length} turns, fewer than ${fewest}`;
  if (turns.length > most) return `${turns.length} turns, more than ${most}`;
  const said = new Map<string, number>();
  for (const [at, { role, content }] of turns.entries()) {
    const words = splitWords(content);
    if (role !== "user" || words.length < FEW_WORDS) continue;
    const earlier = said.get(words.join(" "));
    if (earlier !== undefined) return `turn ${at + 1} says what turn ${earlier + 1} says`;
    said.set(words.join(" "), at);
  }
  return undefined;
}

/** Counts over the records of a persona: a row of a table. */
export interface RecordCounts {
  readonly persona: string;
  readonly dialogues: number;
  readonly topics: number;
  /** Turns of the persona, their mean words, and how many of them have alternatives. */
  readonly turns: number;
  readonly meanWords: number;
  readonly withAlternatives: number;
  /** Dialogues by scenario and by source. */
  readonly scenarios: Readonly<Record<string, number>>;
  readonly sources: Readonly<Record<string, number>>;
}

/** Counts the records of each persona, in order of their ids. */
export function countRecords(records: readonly DialogueRecord[]): RecordCounts[] {
  const ids = [...new Set(records.map(({ persona_id }) => persona_id))].sort();
  return ids.map((persona) => {
    const own = records.filter(({ persona_id }) => persona_id === persona);
    const said = personaTurns(own);
    const words = said.reduce((sum, text) => sum + splitWords(text).length, 0);
    return {
      persona,
      dialogues: own.length,
      topics: new Set(own.map(({ topic }) => topic)).size,
      turns: said.length,
      meanWords: words / said.length,
      withAlternatives: own.flatMap(({ turns }) => turns).filter(({ alternatives }) => alternatives).length,
      scenarios: tally(own.map(({ metadata }) => metadata.scenario_type)),
      sources: tally(own.map(({ metadata }) => metadata.source)),
    };
  });
}

function tally(names: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const name of names) counts[name] = (counts[name] ?? 0) + 1;
  return counts;
}
