import type { Random } from "../../random";
import type { Example } from "../../training";
import type { PretrainingTokens } from "../tokens";
import { ended, type ExampleLengths } from "./example";
import { noiseMask } from "./noise";

/**
 * Denoising with the whole text as target (T5's "BERT-style" objective, §3.3.1; as BART's): between 15 and 50 % of the tokens
 * are replaced, a span at a time, by the last sentinel. To answer, a model must copy what it was given and fill the gaps.
 */
export function wholeTextDenoising(
  tokens: readonly number[],
  { sentinels, eos }: Pick<PretrainingTokens, "sentinels" | "eos">,
  lengths: ExampleLengths,
  random: Random,
): Example {
  const density = 0.15 + 0.35 * random.uniform();
  const mask = noiseMask(tokens.length, density, 3, random);
  const inputIds = tokens.flatMap((token, i) => {
    if (!mask[i]) return [token];
    return mask[i - 1] ? [] : [sentinels.at(-1)!];
  });
  return ended({ inputIds, labels: [...tokens] }, lengths, eos);
}
