import type { TaskType, Tokenizer } from "../models";
import type { ScoredText } from "./scorer";

/** How a model's scorer turns texts into tokens. */
export interface Encoding {
  readonly tokenizer: Pick<Tokenizer, "encode" | "textStart">;
  readonly taskType: TaskType;
  /** The most tokens of what is read together. */
  readonly maxTokens: number;
}

/** Tokens of a text, and whether some were cut off. */
export interface TextTokens {
  readonly ids: readonly number[];
  readonly isCut: boolean;
}

/**
 * A text as a scorer reads it, or two together, as transformers' tokenizers write them. An encoder–decoder reads each up to its
 * end-of-sequence token, one behind the other (`tokenizer(first, second)`); a causal model reads them as lines of one text, with
 * what its texts begin with and no end (`tokenizer(first + "\n" + second)`). Of what is too long, the longer text loses its end.
 *
 * @throws {RangeError} if a text has no tokens
 */
export function textTokens({ tokenizer, taskType, maxTokens }: Encoding, text: ScoredText): TextTokens {
  const parts = typeof text === "string" ? [text] : text;
  const isCausal = taskType === "CAUSAL_LM";
  const start = isCausal ? tokenizer.textStart : [];
  const whole = isCausal
    ? [tokenizer.encode(parts.join("\n"), { addEos: false })]
    : parts.map((part) => tokenizer.encode(part));
  const ids = [...start, ...whole.flat()];
  if (ids.length === 0) throw new RangeError(`${JSON.stringify(parts.join(" "))} has no tokens`);
  if (ids.length <= maxTokens) return { ids, isCut: false };
  const room = maxTokens - start.length;
  const pieces = isCausal
    ? parts.map((part, i) => tokenizer.encode(i === 0 ? part : `\n${part}`, { addEos: false }))
    : whole;
  const lengths = shares(
    pieces.map(({ length }) => length),
    room,
  );
  const cut = parts.flatMap((part, i) =>
    isCausal ? pieces[i]!.slice(0, lengths[i]) : tokenizer.encode(part, { maxLength: lengths[i]! }),
  );
  return { ids: [...start, ...cut], isCut: true };
}

/** How many tokens each of one or two texts keeps, so that they fit in `room`: the longer one gives. */
function shares(lengths: readonly number[], room: number): number[] {
  const [first, second] = lengths as [number, number?];
  if (second === undefined) return [room];
  const half = Math.floor(room / 2);
  if (first <= half) return [first, room - first];
  if (second <= half) return [room - second, second];
  return [room - half, half];
}
