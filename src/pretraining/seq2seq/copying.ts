import type { Example } from "../../training";
import { ended, type ExampleLengths } from "./example";

/** A text from itself. */
export function copying(
  tokens: readonly number[],
  { eos }: { readonly eos: number },
  lengths: ExampleLengths,
): Example {
  return ended({ inputIds: tokens, labels: tokens }, lengths, eos);
}
