import type { Dialogue, Turn } from "../corpus";
import { ownedFacts, turnsIn } from "../metrics";
import type { Tokenizer } from "../models";
import { buildTarget } from "../prompts";

/** Two who are to talk: the facts of speaker 1 and of speaker 2. */
export type Facts = readonly [readonly string[], readonly string[]];

/** Turns of a dialogue that is made, fewest and most. */
export const TURNS = { fewest: 5, most: 8 } as const;

/** The facts of a dialogue's two. */
export const factsOfBoth = ({ personas }: Pick<Dialogue, "personas">): Facts => [
  personas[0].facts,
  personas[1].facts,
];

/**
 * The part of a dialogue, 8 turns in a row, in which most facts are said by those whose they are, the first of several; undefined where
 * there are fewer than 5 turns. What is made is as long, so that they compare.
 */
export function tellingPart(dialogue: Dialogue): Dialogue | undefined {
  const turns = dialogue.turns.map(({ speaker, text }): Turn => ({ speaker, text }));
  if (turns.length < TURNS.fewest) return undefined;
  const { id, personas } = dialogue;
  const facts = factsOfBoth(dialogue);
  let best: { owned: number; turns: readonly Turn[] } | undefined;
  for (let start = 0; start === 0 || start + TURNS.most <= turns.length; start++) {
    const part = turns.slice(start, start + TURNS.most);
    const { owned } = ownedFacts(part, facts);
    if (!best || owned > best.owned) best = { owned, turns: part };
  }
  return { id, personas: [{ facts: personas[0].facts }, { facts: personas[1].facts }], turns: best!.turns };
}

/**
 * What a causal model goes on from to write a dialogue: the facts of the two. The embedded one was pretrained on dialogues behind their
 * own sentences, with tokens between the two speakers and before the dialogue; a model without these is told by labels.
 */
export function profilesPrompt(tokenizer: Pick<Tokenizer, "encode">, [first, second]: Facts): string {
  const [between, write] = ["<extra_id_50>", "<extra_id_0>"];
  const isToken = (text: string) => tokenizer.encode(text, { addEos: false }).length === 1;
  const [one, two] = [first, second].map((facts) =>
    facts.map((fact) => fact.replace(/\s+/g, " ").trim()).join(" "),
  );
  return isToken(between) && isToken(write)
    ? `${one} ${between} ${two} ${write}`
    : `User 1 says of themselves: ${one}\nUser 2 says of themselves: ${two}\n\n`;
}

/** A dialogue as a row to learn from: its profiles, and its turns. */
export function dialogueRow(tokenizer: Pick<Tokenizer, "encode">, dialogue: Dialogue) {
  return {
    prompt: profilesPrompt(tokenizer, factsOfBoth(dialogue)),
    completion: ` ${buildTarget(dialogue).replace(/\n/g, " ")}`,
  };
}

/** The turns of what a model wrote, 8 at most; the last one is left out where the model was cut in it. */
export function writtenTurns(text: string, isCut: boolean): Turn[] {
  const turns = turnsIn(text).map(({ speaker, text }): Turn => ({ speaker, text: text.trim() }));
  return (isCut ? turns.slice(0, -1) : turns).slice(0, TURNS.most);
}
