import type { TaskType } from "./architecture";
import type { Tokenizer } from "./tokenizer";

/**
 * A text as the tokens that a model goes on from. An encoder–decoder reads a whole text, up to its end-of-sequence token. A
 * causal model writes on where the text stops: it gets what its texts begin with and no end, behind which it would begin another.
 *
 * @param maxLength the most tokens, those at the beginning and the end included
 * @default maxLength no limit
 * @throws {RangeError} if nothing is left for a causal model to go on from
 */
export function inputTokens(
  tokenizer: Pick<Tokenizer, "encode" | "textStart">,
  taskType: TaskType,
  text: string,
  maxLength = Infinity,
): number[] {
  if (taskType === "SEQ_2_SEQ_LM") return tokenizer.encode(text, { maxLength });
  const { textStart } = tokenizer;
  const room = Math.max(0, maxLength - textStart.length);
  const tokens = [...textStart, ...tokenizer.encode(text, { maxLength: room, addEos: false })];
  if (tokens.length === 0)
    throw new RangeError(
      "an empty text gives a causal model nothing to go on from: give it a word, or a tokenizer whose texts begin with a token",
    );
  return tokens;
}
