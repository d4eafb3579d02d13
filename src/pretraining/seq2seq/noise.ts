import type { Random } from "../../random";

/** Which of `length` tokens are noise: spans of `spanLength` on average, `density` of the tokens in all. */
export function noiseMask(length: number, density: number, spanLength: number, random: Random): boolean[] {
  const noise = Math.min(length - 1, Math.max(1, Math.round(length * density)));
  const spans = Math.max(1, Math.min(Math.round(noise / spanLength), noise, length - noise));
  const noiseLengths = randomParts(noise, spans, random);
  const keptLengths = randomParts(length - noise, spans, random);
  return keptLengths.flatMap((kept, i) => [
    ...new Array<boolean>(kept).fill(false),
    ...new Array<boolean>(noiseLengths[i]!).fill(true),
  ]);
}

/** `total` as a sum of `parts` whole numbers of at least 1, every such sum being as likely. */
function randomParts(total: number, parts: number, random: Random): number[] {
  const cuts = random
    .shuffle(Array.from({ length: total - 1 }, (_, i) => i + 1))
    .slice(0, parts - 1)
    .sort((a, b) => a - b);
  return [...cuts, total].map((cut, i) => cut - (cuts[i - 1] ?? 0));
}
