import { personaText } from "../corpus";
import { type AskedDialogue, type Generation, untrainedIdentity, type Variant } from "../evaluation";
import type { JsonValue } from "../io";
import { Random } from "../random";
import { Bm25Index, type Bm25Options, TfidfIndex, type TfidfOptions } from "../retrieval";

/** What of a dialogue is indexed or returned: the facts of both personas, or its conversation. */
export type ConversationPart = "personas" | "conversation";

export interface RetrievalBaselineOptions {
  /** @default "tfidf" (character 3–5-grams) */
  retriever?: "tfidf" | "bm25";
  tfidf?: TfidfOptions;
  bm25?: Bm25Options;
  /**
   * What is searched for the query, the personas in question.
   * @default "personas"
   */
  indexed?: ConversationPart;
  /**
   * What is answered of the dialogue found.
   * @default "conversation"
   */
  returned?: ConversationPart;
  /** @default "retrieval" */
  name?: string;
}

/**
 * Retrieval: answers with the dialogue of `pool` whose personas are nearest to those asked for. A dialogue is
 * never answered with itself.
 */
export function retrievalBaseline(
  pool: readonly AskedDialogue[],
  {
    retriever = "tfidf",
    indexed = "personas",
    returned = "conversation",
    ...rest
  }: RetrievalBaselineOptions = {},
): Variant {
  refuseEmpty(pool);
  const part = (dialogue: AskedDialogue, which: ConversationPart) =>
    which === "personas" ? personaText(dialogue) : dialogue.text;
  const texts = pool.map((dialogue) => part(dialogue, indexed));
  const index =
    retriever === "tfidf" ? TfidfIndex.build(texts, rest.tfidf) : Bm25Index.build(texts, rest.bm25);
  const places = placesById(pool);
  const answers = new Map<AskedDialogue, Generation>();
  const answer = (dialogue: AskedDialogue): Generation => {
    const input = personaText(dialogue);
    const [best] = index.search(input, 1, { exclude: places.get(dialogue.id) ?? [] });
    if (best === undefined) throw new Error(`there is no dialogue but ${dialogue.id} itself to answer with`);
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
    generate: (dialogues) =>
      dialogues.map((dialogue) => {
        const known = answers.get(dialogue) ?? answer(dialogue);
        answers.set(dialogue, known);
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
    generate: (dialogues) =>
      dialogues.map((dialogue) => ({
        input: personaText(dialogue),
        output: dialogue.personas.map(({ facts }) => facts.join(" ")).join("\n"),
      })),
  };
}

/** Bound: answers with any dialogue of `pool` but the one in question, drawn by `seed`. */
export function randomBaseline(pool: readonly AskedDialogue[], seed = 13): Variant {
  refuseEmpty(pool);
  const places = placesById(pool);
  return {
    name: "random",
    identity: untrainedIdentity("bound", "random"),
    settings: { seed, pool: pool.length },
    generate: (dialogues) => {
      const random = new Random(seed);
      return dialogues.map((dialogue) => {
        const own = new Set(places.get(dialogue.id));
        if (own.size === pool.length) throw new Error(`there is no dialogue but ${dialogue.id} itself`);
        let place = random.integer(pool.length);
        while (own.has(place)) place = random.integer(pool.length);
        const drawn = pool[place]!;
        return { input: personaText(dialogue), output: drawn.text };
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
    generate: (dialogues) =>
      dialogues.map((dialogue) => ({ input: personaText(dialogue), output: dialogue.text })),
  };
}

function placesById(pool: readonly AskedDialogue[]): Map<string, number[]> {
  const places = new Map<string, number[]>();
  pool.forEach(({ id }, place) => places.set(id, [...(places.get(id) ?? []), place]));
  return places;
}

function refuseEmpty(pool: readonly AskedDialogue[]): void {
  if (pool.length === 0) throw new RangeError("the baseline needs dialogues to choose from");
}
