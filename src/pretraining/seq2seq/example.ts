import type { Example } from "../../training";

/** The most tokens that an example may have, the end-of-sequence tokens included. */
export interface ExampleLengths {
  readonly input: number;
  readonly target: number;
}

/** An example cut to its lengths, both sides with the end-of-sequence token; a target that was cut goes without. */
export function ended({ inputIds, labels }: Example, lengths: ExampleLengths, eos: number): Example {
  return {
    inputIds: [...inputIds.slice(0, lengths.input - 1), eos],
    labels: [...labels, eos].slice(0, lengths.target),
  };
}
