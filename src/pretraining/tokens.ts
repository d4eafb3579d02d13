import type { Tokenizer } from "../models/tokenizer";

/** The special tokens that pretraining texts are made with. */
export interface PretrainingTokens {
  /** `<extra_id_0>`, `<extra_id_1>`, …: what stands for the first, second, … span that was taken out of an input. */
  readonly sentinels: readonly number[];
  readonly eos: number;
  /** Between what the two speakers say. */
  readonly between: number;
  /** Of a causal model: after the sentences that a dialogue is to be made of. */
  readonly write: number;
  /** Of a causal model: after what is to be said again. */
  readonly repeat: number;
  /** Of a causal model: ends what somebody said in a chat. */
  readonly endOfTurn: number;
  /** Of a causal model: before what a chat tells of the persona. */
  readonly system: number;
}

/** The token that ends a turn in the chat template of a causal model that is pretrained here. */
export const END_OF_TURN = "<extra_id_2>";
/** The token before the system message there. */
export const SYSTEM = "<SYSTEM>";

/**
 * The tokens by their names in the project's own tokenizer.
 *
 * @throws {Error} if the tokenizer has one of them not as a token
 */
export function pretrainingTokens(tokenizer: Pick<Tokenizer, "encode" | "eosId">): PretrainingTokens {
  const id = (token: string): number => {
    const ids = tokenizer.encode(token, { addEos: false });
    if (ids.length !== 1) throw new Error(`pretraining needs the token ${token}, which the tokenizer lacks`);
    return ids[0]!;
  };
  const sentinels = Array.from({ length: 100 }, (_, i) => id(`<extra_id_${i}>`));
  return {
    sentinels,
    eos: tokenizer.eosId,
    between: sentinels[50]!,
    write: sentinels[0]!,
    repeat: sentinels[1]!,
    endOfTurn: id(END_OF_TURN),
    system: id(SYSTEM),
  };
}
