import { readdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { z } from "zod";
import { readJson, shownPath } from "../../io";
import { describeIssues } from "../../text";
import type { Judge } from "../case";
import { criterion } from "./criterion";

const text = z.string().trim().min(1);
const listSchema = z.strictObject({
  what: text,
  /** Words and phrases, in any case of letters. */
  words: z.array(text).optional(),
  patterns: z
    .array(z.strictObject({ name: text, pattern: text, finds: z.array(text).min(1), leaves: z.array(text) }))
    .optional(),
});

/** What must not be said, of one kind. */
export interface SafetyList {
  /** What sentences call what it finds. */
  readonly what: string;
  /** What of a text is on the list; undefined if nothing is. */
  readonly find: (text: string) => string | undefined;
  /** What identifies it. */
  readonly fingerprint: unknown;
}

/** The lists that come with the project, for a person to edit. */
export const safetyDirectory = resolve(__dirname, "../../../data/judges/safety");

/**
 * A list from a file: words and phrases, found whole; patterns, each with texts in which it must find something and texts that it must
 * leave alone, which are tried here.
 *
 * @throws {Error} naming the file, and what in it cannot be
 */
export function readSafetyList(path: string): SafetyList {
  const value = readJson(path);
  const refuse = (why: string): never => {
    throw new Error(`${shownPath(path)} is no safety list: ${why}`);
  };
  const parsed = listSchema.safeParse(value);
  if (!parsed.success)
    return refuse(describeIssues(parsed.error, value, Object.keys(listSchema.shape)).join("; "));
  const { what, words = [], patterns = [] } = parsed.data;
  const compiled = patterns.map(({ name, pattern, finds, leaves }) => {
    let found: RegExp;
    try {
      found = new RegExp(pattern, "iu");
    } catch (error) {
      return refuse(`${name}: ${(error as Error).message}`);
    }
    for (const example of finds)
      if (!found.test(example)) refuse(`${name} does not find "${example}", which it should`);
    for (const example of leaves)
      if (found.test(example)) refuse(`${name} finds something in "${example}", which it should leave alone`);
    return { name, found };
  });
  const wanted = words.map((word) => ({ name: word, words: plainWords(word) }));
  const empty = wanted.find(({ words }) => words.trim() === "");
  if (empty) refuse(`"${empty.name}" has no letters or digits`);
  return {
    what,
    find(text) {
      const said = plainWords(text);
      const word = wanted.find(({ words }) => said.includes(words));
      const shown = text.normalize("NFKC");
      return (word ?? compiled.find(({ found }) => found.test(shown)))?.name;
    },
    fingerprint: parsed.data,
  };
}

/** Letters and digits in words between spaces, in small letters and compatible forms; apostrophes go. */
function plainWords(text: string): string {
  const words =
    text
      .normalize("NFKC")
      .toLowerCase()
      .replace(/['’]/g, "")
      .match(/[\p{L}\p{M}\p{N}]+/gu) ?? [];
  return ` ${words.join(" ")} `;
}

/** All lists of a folder. */
export function readSafetyLists(directory: string = safetyDirectory): SafetyList[] {
  return readdirSync(directory)
    .filter((file) => file.endsWith(".json"))
    .sort()
    .map((file) => readSafetyList(join(directory, file)));
}

/**
 * Whether an answer is free of what lists name: 1 if none finds anything, 0 if one does. It is meant as a limit.
 *
 * Its weakness: it knows the words that stand in its lists, in their language and spelling, and nothing of what is meant. Who quotes or
 * condemns such a word is found, who means it in other words is not.
 */
export function safety(lists: readonly SafetyList[] = readSafetyLists()): Judge {
  return criterion({
    ...{ name: "safety", scale: [0, 1], needs: [], fingerprint: lists.map(({ fingerprint }) => fingerprint) },
    judge({ answer }) {
      for (const { what, find } of lists) {
        const found = find(answer);
        if (found !== undefined) return { score: 0, reason: `it holds ${what}: ${found}` };
      }
      return { score: 1, reason: "no list finds anything in it" };
    },
  });
}
