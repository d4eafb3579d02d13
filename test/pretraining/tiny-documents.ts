/** Dialogues of few made-up tokens to pretrain on. */
import type { Speaker } from "../../src/corpus/dialogue";
import type { Document } from "../../src/pretraining/documents";
import type { PretrainingTokens } from "../../src/pretraining/tokens";
import { Words } from "../../src/pretraining/words";
import { Random } from "../../src/random/random";

const SENTINELS = Array.from({ length: 60 }, (_, i) => 44 + i);
export const TINY_VOCABULARY = 44 + SENTINELS.length;

/** Tokens 3 to 43 are ordinary. */
export const tinyTokens: PretrainingTokens = {
  sentinels: SENTINELS,
  eos: 1,
  write: SENTINELS[0]!,
  repeat: SENTINELS[1]!,
  endOfTurn: SENTINELS[2]!,
  system: SENTINELS[3]!,
  between: SENTINELS[50]!,
};

/** Turns of ten tokens, two of which are the label: 3 and 4 of speaker 1, 3 and 5 of speaker 2. What is said is of 6 to 30. */
export function tinyDocument(seed: number, turnCount = 4): Document {
  const random = new Random(seed);
  const turns = Array.from({ length: turnCount }, (_, i) => {
    const speaker: Speaker = i % 2 === 0 ? 1 : 2;
    return { start: 10 * i, said: 10 * i + 2, end: 10 * i + 10, speaker };
  });
  const said = () => Array.from({ length: 8 }, () => 6 + random.integer(25));
  return {
    tokens: turns.flatMap(({ speaker }) => [3, 3 + speaker, ...said()]),
    turns,
    sentences: turns.map(({ said, end, speaker }) => ({ start: said, end, speaker })),
    personas: [
      {
        facts: [
          [31, 32, 33],
          [34, 35],
        ],
        instruction: [6, 31, 32, 33, 34, 35],
      },
      {
        facts: [
          [36, 37],
          [38, 39, 40],
        ],
        instruction: [6, 36, 37, 38, 39, 40],
      },
    ],
  };
}

/** Every ordinary token is a word of four letters. */
export const tinyWords = (documents: readonly Document[]): Words =>
  new Words(documents, (id) => {
    const letter = (value: number) => String.fromCharCode(97 + (value % 26));
    return id >= 3 && id < 44 ? `▁${letter(id)}${letter(id / 26)}ab` : undefined;
  });
