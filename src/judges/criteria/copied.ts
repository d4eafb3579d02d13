/**
 * Which tokens of a text stand in runs of at least `run` tokens that one of the sources has as well; a source of fewer tokens is
 * looked for whole.
 */
export function copiedTokens(
  tokens: readonly string[],
  sources: readonly (readonly string[])[],
  run: number,
): boolean[] {
  const copied = new Array<boolean>(tokens.length).fill(false);
  const byLength = new Map<number, Set<string>>();
  for (const source of sources) {
    const length = Math.min(run, source.length);
    if (length === 0) continue;
    const runs = byLength.get(length) ?? new Set();
    byLength.set(length, runs);
    for (let at = 0; at + length <= source.length; at++) runs.add(source.slice(at, at + length).join(" "));
  }
  for (const [length, runs] of byLength)
    for (let at = 0; at + length <= tokens.length; at++)
      if (runs.has(tokens.slice(at, at + length).join(" "))) copied.fill(true, at, at + length);
  return copied;
}

/** The share of a text's tokens that {@link copiedTokens} finds; 0 of none. */
export function copiedShare(
  tokens: readonly string[],
  sources: readonly (readonly string[])[],
  run: number,
): number {
  const found = copiedTokens(tokens, sources, run).filter(Boolean).length;
  return tokens.length === 0 ? 0 : found / tokens.length;
}
