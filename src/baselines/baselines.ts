import { type Conversation, personaText } from "../corpus";
import { type Generation, type JsonValue, untrainedIdentity, type Variant } from "../evaluation";
import { Random } from "../random";
import { Bm25Index, type Bm25Options, TfidfIndex, type TfidfOptions } from "../retrieval";

/** What of a conversation is indexed or returned: the facts of both personas, or the conversation. */
export type ConversationPart = "personas" | "conversation";

export interface RetrievalBaselineOptions {
  /** `"tfidf"` (character 3–5-grams) unless told. */
  retriever?: "tfidf" | "bm25";
  tfidf?: TfidfOptions;
  bm25?: Bm25Options;
  /** What is searched for the query, the personas in question; `"personas"` unless told. */
  indexed?: ConversationPart;
  /** What is answered of the conversation found; `"conversation"` unless told. */
  returned?: ConversationPart;
  /** `"retrieval"` unless told. */
  name?: string;
}

/**
 * Retrieval: answers with the conversation of `pool` whose personas are nearest to those asked for. A conversation is
 * never answered with itself.
 */
export function retrievalBaseline(
  pool: readonly Conversation[],
  {
    retriever = "tfidf",
    indexed = "personas",
    returned = "conversation",
    ...rest
  }: RetrievalBaselineOptions = {},
): Variant {
  refuseEmpty(pool);
  const part = (conversation: Conversation, which: ConversationPart) =>
    which === "personas" ? personaText(conversation) : conversation.text;
  const texts = pool.map((conversation) => part(conversation, indexed));
  const index =
    retriever === "tfidf" ? TfidfIndex.build(texts, rest.tfidf) : Bm25Index.build(texts, rest.bm25);
  const places = placesById(pool);
  const answers = new Map<Conversation, Generation>();
  const answer = (conversation: Conversation): Generation => {
    const input = personaText(conversation);
    const [best] = index.search(input, 1, { exclude: places.get(conversation.id) ?? [] });
    if (best === undefined)
      throw new Error(`there is no conversation but ${conversation.id} itself to answer with`);
    const found = pool[best.index]!;
    return { input, output: part(found, returned), retrieved: [{ id: found.id, score: best.score }] };
  };
  const name = rest.name ?? "retrieval";
  return {
    name,
    identity: untrainedIdentity("baseline", name),
    settings: {
      retriever,
      ...(index.options as Record<string, JsonValue>),
      indexed,
      returned,
      pool: pool.length,
    },
    generate: (conversations) =>
      conversations.map((conversation) => {
        const known = answers.get(conversation) ?? answer(conversation);
        answers.set(conversation, known);
        return known;
      }),
  };
}

/** Template: answers with the personas' own sentences, User 1's facts on one line and User 2's on the next. */
export function templateBaseline(): Variant {
  return {
    name: "template",
    identity: untrainedIdentity("baseline", "template"),
    settings: {},
    generate: (conversations) =>
      conversations.map((conversation) => ({
        input: personaText(conversation),
        output: conversation.personas.map((facts) => facts.join(" ")).join("\n"),
      })),
  };
}

/** Bound: answers with any conversation of `pool` but the one in question, drawn by `seed`. */
export function randomBaseline(pool: readonly Conversation[], seed = 13): Variant {
  refuseEmpty(pool);
  const places = placesById(pool);
  return {
    name: "random",
    identity: untrainedIdentity("bound", "random"),
    settings: { seed, pool: pool.length },
    generate: (conversations) => {
      const random = new Random(seed);
      return conversations.map((conversation) => {
        const own = new Set(places.get(conversation.id));
        if (own.size === pool.length)
          throw new Error(`there is no conversation but ${conversation.id} itself`);
        let place = random.integer(pool.length);
        while (own.has(place)) place = random.integer(pool.length);
        const drawn = pool[place]!;
        return { input: personaText(conversation), output: drawn.text };
      });
    },
  };
}

/** Bound: answers with the reference itself, which no system can beat. */
export function referenceBaseline(): Variant {
  return {
    name: "reference",
    identity: untrainedIdentity("bound", "reference"),
    settings: {},
    generate: (conversations) =>
      conversations.map((conversation) => ({ input: personaText(conversation), output: conversation.text })),
  };
}

function placesById(pool: readonly Conversation[]): Map<string, number[]> {
  const places = new Map<string, number[]>();
  pool.forEach(({ id }, place) => places.set(id, [...(places.get(id) ?? []), place]));
  return places;
}

function refuseEmpty(pool: readonly Conversation[]): void {
  if (pool.length === 0) throw new RangeError("the baseline needs conversations to choose from");
}
