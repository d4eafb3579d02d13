import type { Message, Said } from "../../corpus";

/**
 * What `encode` makes of something that was said, without as many of the oldest turns as must go for it to fit. A turn of the user
 * goes with what follows it, up to the next one; the system message and the last turn of the user stay. Text is never cut: what
 * does not fit even so is returned as it is.
 */
export function fitted<S extends Said, T>(
  said: S,
  encode: (said: S) => T,
  fits: (value: T) => boolean,
): { readonly value: T; readonly turnsLeftOut: number } {
  let value = encode(said);
  let turnsLeftOut = 0;
  let left: Said = said;
  while (!fits(value)) {
    const shorter = withoutOldestTurn(left);
    if (!shorter) break;
    turnsLeftOut += left.length - shorter.length;
    left = shorter;
    value = encode(shorter as S);
  }
  return { value, turnsLeftOut };
}

function withoutOldestTurn(said: Said): readonly Message[] | undefined {
  if (typeof said === "string") return undefined;
  const first = said.findIndex(({ role }) => role !== "system");
  const next = said.findIndex(({ role }, at) => at > first && role === "user");
  return next < 0 ? undefined : [...said.slice(0, first), ...said.slice(next)];
}
