import type { Dialogue } from "./dialogue";
import { type SpcRow, type SplitName, splitNames, type Splits } from "./spc";

/** Counts over one row of the corpus: a row of a table. */
export interface ConversationMeasures {
  id: string;
  split: string;
  turns: number;
  turnsUser1: number;
  turnsUser2: number;
  /** Words of all turns. */
  words: number;
  wordsUser1: number;
  wordsUser2: number;
  factsUser1: number;
  factsUser2: number;
  placeholders: number;
  /** Oddities other than placeholders, by occurrence. */
  oddities: number;
}

/** Counts turns, words and facts of each row. */
export function measureConversations(rows: readonly SpcRow[]): ConversationMeasures[] {
  return rows.map(({ id, split, turns, personas, oddities }) => {
    const turnCounts = [0, 0] as [number, number];
    const wordCounts = [0, 0] as [number, number];
    for (const { speaker, text } of turns) {
      turnCounts[speaker - 1]!++;
      wordCounts[speaker - 1]! += splitWords(text).length;
    }
    const { placeholder = 0, ...others } = oddities;
    return {
      id,
      split,
      turns: turns.length,
      turnsUser1: turnCounts[0],
      turnsUser2: turnCounts[1],
      words: wordCounts[0] + wordCounts[1],
      wordsUser1: wordCounts[0],
      wordsUser2: wordCounts[1],
      factsUser1: personas[0].facts.length,
      factsUser2: personas[1].facts.length,
      placeholders: placeholder,
      oddities: Object.values(others).reduce((sum, times) => sum + times, 0),
    };
  });
}

/** Letters and digits of any script, with inner apostrophes and hyphens, in lower case: `I'm` and `I’m` are one word. */
export function splitWords(text: string): string[] {
  const plain = text.toLowerCase().replaceAll("’", "'");
  return plain.match(/[\p{L}\p{M}\p{N}]+(?:['-][\p{L}\p{M}\p{N}]+)*/gu) ?? [];
}

/** How often each {@link splitWords | word} occurs in the texts, most frequent first, equal ones in alphabetical order. */
export function vocabulary(texts: Iterable<string>): Map<string, number> {
  const counts = new Map<string, number>();
  for (const text of texts) {
    for (const word of splitWords(text)) counts.set(word, (counts.get(word) ?? 0) + 1);
  }
  return new Map([...counts].sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1)));
}

/**
 * Which share of a vocabulary a known one lacks, in 0–1: of the distinct words (`types`) and of their occurrences
 * (`tokens`); 0 for an empty vocabulary.
 */
export function unseenShare(
  counts: ReadonlyMap<string, number>,
  known: ReadonlyMap<string, number>,
): { types: number; tokens: number } {
  let types = 0;
  let tokens = 0;
  let all = 0;
  for (const [word, times] of counts) {
    all += times;
    if (known.has(word)) continue;
    types++;
    tokens += times;
  }
  return all === 0 ? { types: 0, tokens: 0 } : { types: types / counts.size, tokens: tokens / all };
}

/** What is said in dialogues, a turn each, without speaker labels: what {@link vocabulary} wants. */
export function utterances(dialogues: readonly Pick<Dialogue, "turns">[]): string[] {
  return dialogues.flatMap(({ turns }) => turns.map(({ text }) => text));
}

/** What two splits share. Facts and personas are compared without regard to case, punctuation and spacing. */
export interface SplitOverlap {
  first: SplitName;
  second: SplitName;
  /** Distinct facts in both, in the first and in the second split. */
  sharedFacts: number;
  factsFirst: number;
  factsSecond: number;
  /** Distinct whole personas (sets of facts) in both, in the first and in the second split. */
  sharedPersonas: number;
  personasFirst: number;
  personasSecond: number;
  /** Conversations of the second split whose text also occurs in the first. */
  sharedConversations: number;
}

/** Compares the splits pair by pair: train–valid, train–test, valid–test. */
export function splitOverlap(splits: Splits): SplitOverlap[] {
  const sets = Object.fromEntries(splitNames.map((name) => [name, distinct(splits[name])])) as Record<
    SplitName,
    ReturnType<typeof distinct>
  >;
  const pairs = splitNames.flatMap((a, i) => splitNames.slice(i + 1).map((b) => [a, b] as const));
  return pairs.map(([first, second]) => ({
    first,
    second,
    sharedFacts: sharedCount(sets[first].facts, sets[second].facts),
    factsFirst: sets[first].facts.size,
    factsSecond: sets[second].facts.size,
    sharedPersonas: sharedCount(sets[first].personas, sets[second].personas),
    personasFirst: sets[first].personas.size,
    personasSecond: sets[second].personas.size,
    sharedConversations: splits[second].filter(
      ({ text }) => text.trim() !== "" && sets[first].texts.has(text),
    ).length,
  }));
}

function distinct(rows: readonly SpcRow[]) {
  const facts = new Set<string>();
  const personas = new Set<string>();
  for (const row of rows) {
    for (const persona of row.personas) {
      const keys = persona.facts.map((fact) => splitWords(fact).join(" "));
      for (const key of keys) facts.add(key);
      personas.add(keys.sort().join("\n"));
    }
  }
  return { facts, personas, texts: new Set(rows.map(({ text }) => text)) };
}

function sharedCount(a: ReadonlySet<string>, b: ReadonlySet<string>): number {
  let shared = 0;
  for (const item of a) if (b.has(item)) shared++;
  return shared;
}
