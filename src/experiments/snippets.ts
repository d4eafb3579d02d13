import { type Dialogue, factsOf, personaText } from "../corpus";
import { sha256 } from "../io";
import { personaWords } from "../metrics";
import { Random } from "../random";
import { Bm25Index, type SearchResult, TfidfIndex } from "../retrieval";
import { simpleTokens } from "../text";
import type { ExperimentSettings } from "./settings";

/** A piece of a retrieved conversation. */
export interface Snippet {
  /** The conversation it is from. */
  id: string;
  /** How near the conversation's personas are to those asked for; 0 for a random one. */
  score: number;
  text: string;
}

/** Finds the snippets for a conversation's personas, the best first; never from the conversation itself. */
export type SnippetFinder = (conversation: Pick<Dialogue, "id" | "personas">) => Snippet[];

/**
 * Snippets of `pool`, which are to be training conversations only. The `k` conversations whose personas are nearest to those
 * asked for give one snippet each: the `snippetTurns` turns in a row that say most of the asked personas' content words, the
 * earliest where several do. A speaker's label is left out: it would take a third of a short turn's tokens.
 *
 * `"random"` is the control of the same length without the search: any conversations, and any place in them, drawn by `seed`
 * and the conversation's id. `"mixed"` draws one of the three and a number of snippets from 0 to `k` for each conversation.
 */
export function snippetFinder(
  pool: readonly Dialogue[],
  settings: Pick<ExperimentSettings, "seed" | "retriever" | "k" | "snippetTurns">,
): SnippetFinder {
  const { seed, retriever, k, snippetTurns } = settings;
  const sources = pool.filter(({ turns }) => turns.length > 0);
  const places = new Map<string, number[]>();
  sources.forEach(({ id }, place) => places.set(id, [...(places.get(id) ?? []), place]));

  const randomFor = (id: string) => new Random(seed).fork(parseInt(sha256(id).slice(0, 8), 16));

  if (retriever === "none") return () => [];
  if (retriever === "mixed") {
    const kinds = (["tfidf", "bm25", "random"] as const).map((retriever) =>
      snippetFinder(pool, { ...settings, retriever }),
    );
    return (conversation) => {
      const random = randomFor(conversation.id).fork(1);
      const find = kinds[random.integer(kinds.length)]!;
      return find(conversation).slice(0, random.integer(k + 1));
    };
  }
  if (retriever === "random") {
    return ({ id }) => {
      const random = randomFor(id);
      const others = random.shuffle(sources.filter((source) => source.id !== id)).slice(0, k);
      return others.map(({ id, turns }) => {
        const starts = Math.max(1, turns.length - snippetTurns + 1);
        return { id, score: 0, text: turnsFrom(turns, random.integer(starts), snippetTurns) };
      });
    };
  }
  const texts = sources.map(personaText);
  const index: { search(query: string, k: number, options: { exclude: number[] }): SearchResult[] } =
    retriever === "tfidf" ? TfidfIndex.build(texts) : Bm25Index.build(texts);
  return (conversation) => {
    const wanted = personaWords(factsOf(conversation.personas), { ignoreStopWords: true });
    const exclude = places.get(conversation.id) ?? [];
    return index.search(personaText(conversation), k, { exclude }).map(({ index: place, score }) => {
      const { id, turns } = sources[place]!;
      return { id, score, text: turnsFrom(turns, mostRelevant(turns, wanted, snippetTurns), snippetTurns) };
    });
  };
}

type Turns = readonly { readonly text: string }[];

const turnsFrom = (turns: Turns, start: number, length: number): string =>
  turns
    .slice(start, start + length)
    .map(({ text }) => text)
    .join(" ");

/** Where the `length` turns in a row begin that say most of the `wanted` words. */
function mostRelevant(turns: Turns, wanted: ReadonlySet<string>, length: number): number {
  const said = turns.map(({ text }) => simpleTokens(text).filter((token) => wanted.has(token)));
  let best = { start: 0, words: -1 };
  for (let start = 0; start <= Math.max(0, turns.length - length); start++) {
    const words = new Set(said.slice(start, start + length).flat()).size;
    if (words > best.words) best = { start, words };
  }
  return best.start;
}
