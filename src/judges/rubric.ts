import { readdirSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import { z } from "zod";
import { readJson, shownPath } from "../io";
import { describeIssues, didYouMean } from "../text";

const text = z.string().trim().min(1);

const rubricSchema = z
  .strictObject({
    name: z.string().regex(/^[a-z][a-z0-9_]{0,40}$/, "a name is small letters, digits and _"),
    question: text,
    needs: z.array(z.enum(["persona", "history"])),
    scale: z
      .tuple([z.number(), z.number()])
      .refine(([low, high]) => low < high, "a scale goes from low to high"),
    levels: z.array(z.strictObject({ score: z.number(), means: text })).min(2),
  })
  .refine(({ scale: [low, high], levels }) => levels.every(({ score }) => low <= score && score <= high), {
    error: "a level's score is outside the scale",
    path: ["levels"],
  });

/** What answers are judged by: a file that a person can read and edit. */
export interface Rubric {
  readonly name: string;
  /** What is asked of each answer. */
  readonly question: string;
  /** What a case must have to be judged by it. */
  readonly needs: readonly ("persona" | "history")[];
  /** The lowest and the highest score. */
  readonly scale: readonly [number, number];
  /** What some scores mean. */
  readonly levels: readonly { readonly score: number; readonly means: string }[];
}

/** The rubrics that come with the project. */
export const rubricDirectory = resolve(__dirname, "../../data/rubrics");

/** @throws {Error} naming the file, and what in it cannot be */
export function readRubric(path: string): Rubric {
  const value = readJson(path);
  const parsed = rubricSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  const issues = describeIssues(parsed.error, value, Object.keys(rubricSchema.shape));
  throw new Error(`${shownPath(path)} is no rubric: ${issues.join("; ")}`);
}

/**
 * A rubric of the project's by its name: adherence, consistency, quality, safety.
 *
 * @throws {Error} if there is none of this name
 */
export function rubric(name: string): Rubric {
  const names = readdirSync(rubricDirectory)
    .filter((file) => file.endsWith(".json"))
    .map((file) => basename(file, ".json"))
    .sort();
  if (names.includes(name)) return readRubric(join(rubricDirectory, `${name}.json`));
  throw new Error(`there is no rubric ${name}: there are ${names.join(", ")}.${didYouMean(name, names)}`);
}
