import { parseConversation, type Turn } from "../corpus";
import { simpleTokens } from "../text";
import { personaWords } from "./overlap";
import { type AdditiveMetric, ratioMetric } from "./resampling";
import { rougeL } from "./rouge";

/** Words that make a sentence one about the speaker, as {@link simpleTokens} leaves them. */
const firstPerson = new Set(["i", "me", "my", "mine", "myself", "we", "us", "our", "ours", "ourselves"]);

/** Whether somebody speaks of themselves: a word of the first person is in it. */
export function isFirstPerson(text: string): boolean {
  return simpleTokens(text).some((token) => firstPerson.has(token));
}

/** Words that say that something is liked, or a name, and not what: half of "I love cats" is not said by "I love tea". */
const hollow = new Set(
  "like likes liked love loves loved enjoy enjoys enjoyed favorite favourite lot lots name named user".split(
    " ",
  ),
);

/** The content words of a fact: its distinct simple tokens without stop words and without words such as *like* and *love*. */
export function contentWords(text: string | readonly string[]): Set<string> {
  return new Set([...personaWords(text, { ignoreStopWords: true })].filter((word) => !hollow.has(word)));
}

/** A text's turns, also where they follow one another on a line, as a tokenizer leaves them that drops line breaks. */
export function turnsIn(text: string): Turn[] {
  return parseConversation(text.replace(/\s+(?=User [12]:)/g, "\n")).turns;
}

/** Sentences, split after `.`, `!` and `?`. */
export function sentences(text: string): string[] {
  return text
    .split(/(?<=[.!?])\s+/)
    .map((sentence) => sentence.trim())
    .filter((sentence) => sentence !== "");
}

/**
 * Whether turns say a fact: at least half of the fact's content words are in them. A fact without content words is never
 * said. It is a rule about words: what is said in wholly other words is not seen, and a denial counts as saying.
 */
export function says(turns: readonly Pick<Turn, "text">[], fact: string): boolean {
  const wanted = contentWords(fact);
  if (wanted.size === 0) return false;
  return share(wanted, turns.map(({ text }) => text).join("\n")) >= 0.5;
}

/** The turn that says most of a fact's content words, the earliest where several do; undefined where none says any. */
export function tellingTurn<T extends Pick<Turn, "text">>(turns: readonly T[], fact: string): T | undefined {
  const wanted = contentWords(fact);
  let best: { turn: T; share: number } | undefined;
  for (const turn of turns) {
    const found = share(wanted, turn.text);
    if (found > (best?.share ?? 0)) best = { turn, share: found };
  }
  return best?.turn;
}

/** Facts that come up in an answer, and how many of them their owner says. */
export interface OwnedFacts {
  said: number;
  owned: number;
}

/**
 * Whose fact it is, counted: a fact *comes up* where one turn says it ({@link says}), and it is *owned* where the turn that says
 * most of it ({@link tellingTurn}) is its own speaker's.
 *
 *     ownership = facts owned / facts that come up
 *
 * over all facts of all answers, so that an answer with many facts weighs more than one with few. A fact that the other
 * persona has as well (whose facts say it) belongs to neither and is not counted. Whoever gives facts out blindly has about a
 * half. Like all rules about words it knows no meaning: somebody who asks about the other's fact before it is told counts as
 * the one who said it.
 *
 * @param output turns, or a text that has them on lines `User 1: …`
 * @param personas the facts of User 1 and of User 2
 */
export function ownedFacts(
  output: string | readonly Turn[],
  personas: readonly (readonly string[])[],
): OwnedFacts {
  const turns = typeof output === "string" ? turnsIn(output) : output;
  const counted: OwnedFacts = { said: 0, owned: 0 };
  personas.forEach((facts, i) => {
    const others = personas.filter((_, other) => other !== i).flat();
    for (const fact of facts) {
      if (
        says(
          others.map((text) => ({ text })),
          fact,
        )
      )
        continue;
      const turn = tellingTurn(turns, fact);
      if (!turn || !says([turn], fact)) continue;
      counted.said++;
      if (turn.speaker === i + 1) counted.owned++;
    }
  });
  return counted;
}

/** Ownership of a set of answers, 0–1 ({@link ownedFacts}); 0 where no fact comes up. */
export function ownershipMetric(counts: readonly OwnedFacts[]): AdditiveMetric {
  return ratioMetric(counts.map(({ owned, said }) => [owned, said]));
}

/** The share of the wanted words that a text has; 0 where none is wanted. */
function share(wanted: ReadonlySet<string>, text: string): number {
  const said = new Set(simpleTokens(text));
  const found = [...wanted].filter((word) => said.has(word)).length;
  return wanted.size === 0 ? 0 : found / wanted.size;
}

/** How alike two turns are worded: ROUGE-L F of the one against the other, 0–1. */
export function likeness(a: string, b: string): number {
  return rougeL(a, b).fmeasure;
}
