import type { DialogueRecord } from "../corpus";
import { type Figure, type Sequence, sequences } from "../figures";

/** One dialogue becoming its examples: a row for each turn of the persona, with the history that is asked and the turn that is learned. */
export function unrollingFigure({ persona_id, topic, turns }: DialogueRecord): Figure {
  const examples = turns.flatMap(({ role }, at): Sequence[] =>
    role === "assistant"
      ? []
      : [
          {
            name: `turn ${at + 1}`,
            cells: turns.slice(0, at + 1).map(({ content, role }, place) => ({
              text: content,
              kind:
                place === at
                  ? "completion, learned"
                  : `history: ${role === "user" ? "the persona" : "its partner"}`,
            })),
          },
        ],
  );
  return sequences({
    title: `One dialogue, ${examples.length} examples: ${persona_id} on ${topic}`,
    caption:
      "Each turn of the persona is learned once, as the answer to all that was said before; alternatives would be rejected in the same place.",
    sequences: examples,
  });
}
