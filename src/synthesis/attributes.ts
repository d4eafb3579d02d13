import type { ChatSource } from "../chat-api";
import type { criteria } from "../judges";
import { sentences, stopWords } from "../metrics";
import { Random } from "../random";
import { simpleTokens, splitAtSpace } from "../text";
import { toxicIn } from "./critics";
import { type Embedding, TextVectors } from "./vectors";

/** A question to somebody of whom some attributes are known. */
export interface AskedAttribute {
  readonly known: readonly string[];
  readonly query: string;
}

/** Answers questions as the person described would. */
export interface Answerer {
  /** What identifies it. */
  readonly fingerprint: unknown;
  /** The answers in order; equal questions with equal seeds have equal answers. */
  readonly answer: (asked: readonly AskedAttribute[], seed: number) => Promise<readonly string[]>;
}

/** A new attribute, with the question that it answers and the round in which it was found. */
export interface NewAttribute {
  readonly text: string;
  readonly query: string;
  readonly round: number;
}

/** An answer that became none, and why: the kind of reason, and the reason. */
export interface RejectedAttribute extends NewAttribute {
  readonly why:
    | "not of the speaker"
    | "too short or long"
    | "repeats itself"
    | "shown"
    | "toxic"
    | "nearly there"
    | "enough";
  readonly reason: string;
}

type Reason = Pick<RejectedAttribute, "why" | "reason">;

export interface ExpandOptions {
  readonly seed: number;
  readonly rounds: number;
  /** Expansion ends where it has found so many. */
  readonly most: number;
  /** A cosine from which on two attributes are the same. */
  readonly sameFrom: number;
  readonly lists: readonly criteria.SafetyList[];
  readonly embedding: Embedding;
}

export interface Expanded {
  readonly added: readonly NewAttribute[];
  readonly rejected: readonly RejectedAttribute[];
  /** Of each round: how many were asked for, and how many are new. */
  readonly rounds: readonly { readonly round: number; readonly asked: number; readonly added: number }[];
  /** Those that there were, and the new ones behind them. */
  readonly vectors: TextVectors;
}

/** Attributes that are shown with a question. */
const SHOWN = 5;
/** Words of an attribute. */
const WORDS = { fewest: 4, most: 16 };

/**
 * New attributes by question: in each round every question is asked of somebody who is five attributes drawn at random, and the first
 * sentence of the answer that says something of the speaker is taken, unless it is too short or long, says a word twice, repeats one that is shown, holds
 * what safety lists name, or has a cosine of `sameFrom` or more to one that is there. What is not taken is kept with its reason.
 */
export async function expandAttributes(
  attributes: readonly string[],
  queries: readonly string[],
  { answer }: Answerer,
  { seed, rounds, most, sameFrom, lists, embedding }: ExpandOptions,
): Promise<Expanded> {
  let vectors = await TextVectors.of(attributes, embedding);
  const added: NewAttribute[] = [];
  const rejected: RejectedAttribute[] = [];
  const counts: { round: number; asked: number; added: number }[] = [];
  for (let round = 1; round <= rounds && added.length < most; round++) {
    const random = new Random(seed).fork(round);
    const asked = queries.map((query) => ({
      query,
      known: random.shuffle(vectors.texts).slice(0, SHOWN),
    }));
    const answers = await answer(asked, seed + round);
    const taken = answers.map((text) => attributeIn(text));
    const found = await TextVectors.of(
      taken.flatMap((text) => (text === undefined ? [] : [text])),
      embedding,
    );
    let place = 0;
    let count = 0;
    for (const [i, { query, known }] of asked.entries()) {
      const text = taken[i];
      const here = text === undefined ? -1 : place++;
      const against =
        added.length >= most
          ? { why: "enough" as const, reason: "enough are found" }
          : reasonAgainst(text, known, here);
      if (against) {
        rejected.push({ text: text ?? answers[i]!, query, round, ...against });
        continue;
      }
      vectors = vectors.with(found.pick([here]));
      added.push({ text: text!, query, round });
      count++;
    }
    counts.push({ round, asked: asked.length, added: count });

    function reasonAgainst(
      text: string | undefined,
      known: readonly string[],
      here: number,
    ): Reason | undefined {
      if (text === undefined)
        return { why: "not of the speaker", reason: "it says nothing of the speaker in one sentence" };
      const words = splitAtSpace(text).length;
      if (words < WORDS.fewest || words > WORDS.most)
        return {
          why: "too short or long",
          reason: `${words} words; an attribute has ${WORDS.fewest} to ${WORDS.most}`,
        };
      const all = simpleTokens(text);
      const twice = all.find((word, at) => !stopWords.has(word) && all.indexOf(word) < at);
      if (twice !== undefined) return { why: "repeats itself", reason: `it says "${twice}" twice` };
      const tokens = all.join(" ");
      if (known.some((one) => simpleTokens(one).join(" ") === tokens))
        return { why: "shown", reason: "it was shown" };
      const toxic = toxicIn(text, lists);
      if (toxic !== undefined) return { why: "toxic", reason: `it holds ${toxic}` };
      const near = found.nearest(here, vectors);
      return near && near.cosine >= sameFrom
        ? {
            why: "nearly there",
            reason: `as "${vectors.texts[near.place]!}" (cosine ${near.cosine.toFixed(2)})`,
          }
        : undefined;
    }
  }
  return { added, rejected, rounds: counts, vectors };
}

/** The first sentence that begins with I or My and asks nothing; undefined where there is none. */
export function attributeIn(answer: string): string | undefined {
  const found = sentences(answer.replace(/\s+/g, " ").trim()).find((sentence) =>
    /^(I|I'm|I've|My)\b[^?]*[.!]?$/.test(sentence),
  );
  return found?.replace(/!$/, ".").replace(/([^.])$/, "$1.");
}

/** A larger model as one who answers, by an instruction: one short sentence that begins with I or My and repeats nothing. */
export function askedAnswerer(source: ChatSource): Answerer {
  return {
    fingerprint: source.name,
    answer: (asked, seed) =>
      Promise.all(
        asked.map(async ({ known, query }, i) => {
          const content = [
            "This is known of a person:",
            ...known.map((one) => `- ${one}`),
            "",
            `The person is asked: ${query}`,
            "Write the answer: one short sentence that begins with I or My, fits what is known, and repeats none of it. Write nothing else.",
          ].join("\n");
          const { text } = await source.ask({
            ...{
              messages: [{ role: "user", content }],
              maxTokens: 60,
              temperature: 0.7,
              seed: seed * 10_000 + i,
            },
          });
          return text;
        }),
      ),
  };
}
