import type { Example } from "../../training";
import { ended, type ExampleLengths } from "./example";

/** What comes after `at` tokens of a text, from the tokens before. */
export function continuation(
  tokens: readonly number[],
  at: number,
  { eos }: { readonly eos: number },
  lengths: ExampleLengths,
): Example {
  const inputIds = tokens.slice(Math.max(0, at - lengths.input + 1), at);
  return ended({ inputIds, labels: tokens.slice(at) }, lengths, eos);
}
