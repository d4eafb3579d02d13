import type { Random } from "../../random";
import type { Document } from "../documents";
import type { PretrainingTokens } from "../tokens";
import type { Words } from "../words";
import { copyingText } from "./copying";
import { dialogueText, personaChatText } from "./dialogue";
import { factsText } from "./facts";
import { sentencesText } from "./sentences";
import { type CausalText, cutTo } from "./text";

/** The kinds of texts that a causal model learns from: how often each is drawn, and the room that it is drawn for at least. */
export const causalTexts = {
  dialogue: { share: 0.3, room: 0 },
  "persona chat": { share: 0.35, room: 256 },
  "owned sentences": { share: 0.2, room: 160 },
  copying: { share: 0.09, room: 64 },
  facts: { share: 0.06, room: 96 },
} as const;
export type CausalTextKind = keyof typeof causalTexts;
export const causalTextKinds = Object.keys(causalTexts) as readonly CausalTextKind[];

/** What texts are made of. */
export interface CausalMaterial {
  readonly documents: readonly Document[];
  readonly words: Words;
  readonly special: PretrainingTokens;
}

/** A text of one of the kinds, by their shares, of at most `room` tokens; dialogues are drawn with replacement. */
export function drawCausalText(
  material: CausalMaterial,
  kinds: readonly CausalTextKind[],
  room: number,
  random: Random,
): CausalText {
  const { documents, words, special } = material;
  const fitting = kinds.filter((kind) => causalTexts[kind].room <= room);
  const kind = weighted(fitting.length > 0 ? fitting : kinds, random);
  const document = () => documents[random.integer(documents.length)]!;
  const draw = (): CausalText => {
    switch (kind) {
      case "dialogue":
        return dialogueText(document(), special, room, random);
      case "persona chat":
        return personaChatText(document(), special, room, random);
      case "owned sentences":
        return sentencesText(document(), document(), words, special, random);
      case "copying":
        return copyingText(document(), special, room, random);
      case "facts":
        return factsText(document(), special, random);
    }
  };
  return cutTo(draw(), room);
}

function weighted(kinds: readonly CausalTextKind[], random: Random): CausalTextKind {
  const total = kinds.reduce((sum, kind) => sum + causalTexts[kind].share, 0);
  let left = random.uniform() * total;
  return kinds.find((kind) => (left -= causalTexts[kind].share) < 0) ?? kinds.at(-1)!;
}
