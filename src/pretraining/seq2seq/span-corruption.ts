import type { Random } from "../../random";
import type { Example } from "../../training";
import type { PretrainingTokens } from "../tokens";
import { ended, type ExampleLengths } from "./example";
import { noiseMask } from "./noise";

/**
 * T5's objective (Raffel et al., 2020, §3.1.4): every noise span of the input becomes a sentinel, and the target is each
 * sentinel with the tokens that it stands for. Density and span length are drawn for every example, from T5's own
 * (0.15, 3) up to half the text in spans of 8, as in UL2's mixture of denoisers (Tay et al., 2022).
 */
export function spanCorruption(
  tokens: readonly number[],
  { sentinels, eos }: Pick<PretrainingTokens, "sentinels" | "eos">,
  lengths: ExampleLengths,
  random: Random,
): Example {
  const density = 0.15 + 0.35 * random.uniform();
  const spanLength = 3 + 5 * random.uniform();
  const inputIds: number[] = [];
  const labels: number[] = [];
  let span = -1;
  noiseMask(tokens.length, density, spanLength, random).forEach((noise, i, mask) => {
    if (noise && !mask[i - 1]) {
      span++;
      inputIds.push(sentinels[span]!);
      labels.push(sentinels[span]!);
    }
    (noise ? labels : inputIds).push(tokens[i]!);
  });
  return ended({ inputIds, labels }, lengths, eos);
}
