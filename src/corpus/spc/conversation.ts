import type { Speaker, Turn } from "../dialogue";
import type { Aside, AsideKind, Oddity, OddityCounts, Placeholder, SpcTurn } from "./types";

const none: readonly Placeholder[] = Object.freeze([]);
const label = /^([*\s]*)user\s*([12])[*\s]*:/i;
const separator = /^[*\-_=~\s]+$/;
const stageDirection = /^(?:\[.*|\(.*\)|\*.*\*)$/;
const gap =
  /\[[^[\]\n]{1,30}(?<![.!?])\]|\((?:(?:[a-z']{1,20} )?name|username|user ?[12](?:'s)?(?: [^()\n.!?]{1,25})?)\)/gi;
const brokenCharacters = /\uFFFD|â€|Ã[\u0080-\u00BF]|Â[\u0080-\u00BF]/g;

/** A conversation's text taken apart. Every line that is not blank is either a turn or an aside. */
export interface ParsedConversation {
  turns: SpcTurn[];
  asides: Aside[];
  oddities: OddityCounts;
}

/**
 * Takes a conversation apart, line by line. A line that starts with `User 1:` or `User 2:`, bare or decorated with
 * stars, is a turn; every other line with text is an {@link Aside}. Nothing is guessed and nothing is an error: what
 * is odd is counted.
 *
 * @param text lines separated by `\n`
 */
export function parseConversation(text: string): ParsedConversation {
  const turns: SpcTurn[] = [];
  const asides: Aside[] = [];
  const counts: OddityCounts = {};
  if (text.trim() === "") return { turns, asides, oddities: { "empty conversation": 1 } };
  let line = -1;
  for (let start = 0; start <= text.length;) {
    let end = text.indexOf("\n", start);
    if (end < 0) end = text.length;
    const raw = text.slice(start, end).trim();
    start = end + 1;
    line++;
    if (raw === "") {
      if (end < text.length) countOddity(counts, "blank line");
      continue;
    }
    const utterance = plainUtterance(raw) ?? decoratedUtterance(raw, counts);
    if (!utterance) {
      const kind = asideKind(raw);
      countOddity(counts, kind);
      asides.push({ kind, text: raw, line });
      continue;
    }
    const { speaker, said } = utterance;
    if (said === "") countOddity(counts, "empty turn");
    const before = turns[turns.length - 1];
    if (before?.speaker === speaker) countOddity(counts, "repeated speaker");
    if (!before && speaker === 2) countOddity(counts, "starts with User 2");
    const placeholders = findPlaceholders(said);
    countOddity(counts, "placeholder", placeholders.length);
    turns.push({ speaker, text: said, line, placeholders });
  }
  countOddity(counts, "broken characters", text.match(brokenCharacters)?.length ?? 0);
  return { turns, asides, oddities: counts };
}

/**
 * Gaps that the generator left open: `[…]` of at most 30 characters that is no sentence, and `(…)` that asks for a
 * name or speaks of a user, e.g. `[city]`, `(user 1's name)`.
 */
export function findPlaceholders(text: string): readonly Placeholder[] {
  if (!text.includes("[") && !text.includes("(")) return none;
  const found = [...text.matchAll(gap)].map(({ index, 0: match }) => ({
    start: index!,
    end: index! + match.length,
  }));
  return found.length > 0 ? found : none;
}

/** Writes turns as a conversation, `User 1: …` a line. */
export function formatTurns(turns: readonly Turn[]): string {
  return turns.map(({ speaker, text }) => `User ${speaker}: ${text}`).join("\n");
}

export function countOddity(counts: OddityCounts, oddity: Oddity, times = 1): void {
  if (times > 0) counts[oddity] = (counts[oddity] ?? 0) + times;
}

interface Utterance {
  speaker: Speaker;
  said: string;
}

/** The common form, without a regular expression: it is nearly every line. */
function plainUtterance(line: string): Utterance | undefined {
  if (!line.startsWith("User ") || line[6] !== ":") return undefined;
  const digit = line[5];
  if (digit !== "1" && digit !== "2") return undefined;
  return { speaker: digit === "1" ? 1 : 2, said: line.slice(7).trim() };
}

function decoratedUtterance(line: string, counts: OddityCounts): Utterance | undefined {
  const match = label.exec(line);
  if (!match) return undefined;
  countOddity(counts, "decorated speaker");
  const rest = line.slice(match[0].length);
  const said = match[1] ? trimStars(rest) : rest.trim();
  return { speaker: match[2] === "1" ? 1 : 2, said };
}

/** Without the stars and spaces at both ends. */
function trimStars(text: string): string {
  const isStar = (index: number) => text[index] === "*" || text[index]!.trim() === "";
  let start = 0;
  let end = text.length;
  while (start < end && isStar(start)) start++;
  while (end > start && isStar(end - 1)) end--;
  return text.slice(start, end);
}

function asideKind(line: string): AsideKind {
  if (separator.test(line)) return "separator";
  return stageDirection.test(line) ? "stage direction" : "no speaker";
}
