import { type Dialogue, factsOf, personaText } from "../corpus";
import { sha256 } from "../io";
import { personaWords } from "../metrics";
import { Random } from "../random";
import { Bm25Index, DenseIndex, type SearchResult, TfidfIndex } from "../retrieval";
import { simpleTokens } from "../text";
import { textVectors } from "./encoder";
import type { ExperimentSettings } from "./settings";

/** A piece of a retrieved conversation. */
export interface Snippet {
  /** The conversation it is from. */
  id: string;
  /** How near the conversation's personas are to those asked for; 0 for a random one. */
  score: number;
  text: string;
}

/** For whom snippets are found. */
type Asked = Pick<Dialogue, "id" | "personas">;

/** Finds the snippets for each conversation's personas, the best first; never from the conversation itself. */
export type SnippetFinder = (conversations: readonly Asked[]) => Promise<Snippet[][]>;

/**
 * Snippets of `pool`, which are to be training conversations only. The `k` conversations whose personas are nearest to those
 * asked for give one snippet each: the `snippetTurns` turns in a row that say most of the asked personas' content words, the
 * earliest where several do. A speaker's label is left out: it would take a third of a short turn's tokens.
 *
 * `"random"` is the control of the same length without the search: any conversations, and any place in them, drawn by `seed`
 * and the conversation's id. `"mixed"` draws one of the four and a number of snippets from 0 to `k` for each conversation.
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

  if (retriever === "none") return (conversations) => Promise.resolve(conversations.map(() => []));
  if (retriever === "mixed") {
    const kinds = searches.map((retriever) => snippetFinder(pool, { ...settings, retriever }));
    return async (conversations) => {
      const drawn = conversations.map((conversation) => {
        const random = randomFor(conversation.id).fork(1);
        return { conversation, kind: random.integer(kinds.length), most: random.integer(k + 1) };
      });
      const found = await Promise.all(
        kinds.map((find, kind) =>
          find(drawn.filter((one) => one.kind === kind).map(({ conversation }) => conversation)),
        ),
      );
      return drawn.map(({ kind, most }) => found[kind]!.shift()!.slice(0, most));
    };
  }
  if (retriever === "random") {
    return (conversations) =>
      Promise.resolve(
        conversations.map(({ id }) => {
          const random = randomFor(id);
          const others = random.shuffle(sources.filter((source) => source.id !== id)).slice(0, k);
          return others.map(({ id, turns }) => {
            const starts = Math.max(1, turns.length - snippetTurns + 1);
            return { id, score: 0, text: turnsFrom(turns, random.integer(starts), snippetTurns) };
          });
        }),
      );
  }
  const search = searchOf(retriever, sources.map(personaText));
  return async (conversations) => {
    const found = await search(
      conversations.map(personaText),
      k,
      (i) => places.get(conversations[i]!.id) ?? [],
    );
    return conversations.map((conversation, i) => {
      const wanted = personaWords(factsOf(conversation.personas), { ignoreStopWords: true });
      return found[i]!.map(({ index: place, score }) => {
        const { id, turns } = sources[place]!;
        return { id, score, text: turnsFrom(turns, mostRelevant(turns, wanted, snippetTurns), snippetTurns) };
      });
    });
  };
}

/** The retrievers that a mixture draws from. */
const searches = ["tfidf", "bm25", "dense", "random"] as const;

/** Searches for all queries at once; of each, the places that it is not to find. */
type Search = (
  queries: readonly string[],
  k: number,
  excluded: (query: number) => number[],
) => Promise<SearchResult[][]>;

function searchOf(retriever: "tfidf" | "bm25" | "dense", texts: readonly string[]): Search {
  if (retriever !== "dense") {
    const index = retriever === "tfidf" ? TfidfIndex.build(texts) : Bm25Index.build(texts);
    return (queries, k, excluded) =>
      Promise.resolve(queries.map((query, i) => index.search(query, k, { exclude: excluded(i) })));
  }
  return async (queries, k, excluded) => {
    if (queries.length === 0) return [];
    const vectors = await textVectors(queries);
    const width = vectors.length / queries.length;
    const index = await DenseIndex.build(texts, textVectors);
    const found: SearchResult[][] = [];
    for (let i = 0; i < queries.length; i++) {
      const query = vectors.subarray(i * width, (i + 1) * width);
      found.push(await index.searchVector(query, k, { exclude: excluded(i) }));
    }
    await index.dispose();
    return found;
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
