/** A text that a causal model learns from. */
export interface CausalText {
  readonly tokens: readonly number[];
  /** How many at its start are read and not learned. */
  readonly given: number;
}

/** The first `room` tokens. */
export const cutTo = ({ tokens, given }: CausalText, room: number): CausalText => ({
  tokens: tokens.slice(0, room),
  given,
});
