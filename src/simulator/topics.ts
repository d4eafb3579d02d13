import { resolve } from "node:path";
import { type SplitName, splitNames } from "../corpus";
import { readText, shownPath } from "../io";
import { porterStem, stopWords } from "../metrics";
import { simpleTokens } from "../text";

/** The topics that come with the project, one a line. */
export const topicsFile = resolve(__dirname, "../../data/topics.txt");

/**
 * Topics of a text file, one a line; lines without text are passed over.
 *
 * @throws {Error} naming file and line, for a topic that is there twice, holds [ or ], or for a file without any
 */
export function readTopics(path = topicsFile): string[] {
  const places = new Map<string, number>();
  for (const [at, line] of readText(path)
    .split(/\r\n|\n|\r/)
    .entries()) {
    const topic = line.trim();
    if (topic === "") continue;
    const refuse = (problem: string): never => {
      throw new Error(`${shownPath(path)}, line ${at + 1}: ${problem}`);
    };
    if (/[[\]]/.test(topic)) refuse(`a topic has no [ and ]: write "${topic}" otherwise`);
    const earlier = places.get(topic);
    if (earlier !== undefined) refuse(`"${topic}" is the topic of line ${earlier}; leave out one of the two`);
    places.set(topic, at + 1);
  }
  if (places.size === 0) throw new Error(`${shownPath(path)}: no topic in it; write one a line`);
  return [...places.keys()];
}

/** From this share of their content words on two topics are nearly the same. */
const NEARLY_THE_SAME = 0.5;

/** Pairs of topics that share at least half of their content words (by their stems), of both together. */
export function nearDuplicates(topics: readonly string[]): [string, string][] {
  const stems = topics.map(
    (topic) =>
      new Set(
        simpleTokens(topic)
          .filter((token) => !stopWords.has(token))
          .map(porterStem),
      ),
  );
  return topics.flatMap((topic, i) =>
    topics.slice(0, i).flatMap((earlier, j): [string, string][] => {
      const shared = [...stems[i]!].filter((one) => stems[j]!.has(one)).length;
      const all = stems[i]!.size + stems[j]!.size - shared;
      return all === 0 || shared / all >= NEARLY_THE_SAME ? [[earlier, topic]] : [];
    }),
  );
}

/** In which split a topic is, by its place in the list from 1: every fifth tests; of the others those that end in 3 validate. */
export function splitOfPlace(place: number): SplitName {
  if (place % 5 === 0) return "test";
  return place % 10 === 3 ? "valid" : "train";
}

/**
 * Divides what has a topic into splits, so that no two share a topic.
 *
 * @param topics all topics in order; of dialogues with topics of their own {@link topicsOf} them
 * @throws {Error} if a topic is not among them
 */
export function splitByTopic<T extends { readonly topic: string }>(
  all: readonly T[],
  topics: readonly string[],
): Record<SplitName, T[]> {
  const places = new Map(topics.map((topic, at) => [topic, at + 1]));
  const splits = Object.fromEntries(splitNames.map((name) => [name, [] as T[]])) as Record<SplitName, T[]>;
  for (const one of all) {
    const place = places.get(one.topic);
    if (place === undefined)
      throw new Error(
        `the topic "${one.topic}" is not among the ${topics.length} that are divided; add it to them`,
      );
    splits[splitOfPlace(place)].push(one);
  }
  return splits;
}

/** The topics of records, in order of appearance. */
export function topicsOf(all: readonly { readonly topic: string }[]): string[] {
  return [...new Set(all.map(({ topic }) => topic))];
}
