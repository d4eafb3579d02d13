import { existsSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { readJson, writeJson } from "../io";
import { scorerKinds } from "../models";

/** Beside a scorer's weights: what it is, and how good. */
export const CARD_FILE = "scorer.json";

const measured = z.strictObject({
  /** Which texts. */
  data: z.string(),
  count: z.int(),
  /** Where each row was scored by a scorer of the other folds: how many there were. */
  folds: z.int().optional(),
  accuracy: z.number(),
  /** Counts: rows are the labels that texts have, columns those that the scorer gives. */
  confusion: z.array(z.array(z.int())),
  calibrationError: z.number(),
  /** The accuracy of others on the same texts, by name. */
  beside: z.record(z.string(), z.number()),
  /** Cohen's κ of given and true labels: value and 95 % interval. */
  kappa: z.tuple([z.number(), z.number(), z.number()]).optional(),
  /** By how much the scorer is right more often than a logistic model of the same training texts: value and 95 % interval. */
  moreThanLogistic: z.tuple([z.number(), z.number(), z.number()]).optional(),
});
export type MeasuredCard = z.infer<typeof measured>;

const cardSchema = z.strictObject({
  version: z.literal(1),
  name: z.string(),
  /** `model`: a folder in Hugging Face's form; `adapter`: PEFT's over `base`; `logistic`: logistic.json. */
  form: z.enum(["model", "adapter", "logistic"]),
  kind: z.enum(scorerKinds),
  labels: z.array(z.string()),
  reads: z.array(z.string()).min(1).max(2),
  /** The most tokens of what is read together; of a logistic model none. */
  maxTokens: z.int().positive().optional(),
  /** Of an adapter: its model's folder, from this one, and what identifies its parameters. */
  base: z.strictObject({ path: z.string(), checksum: z.string() }).optional(),
  /** What it was trained on, under which licence that is, and the settings that make it again. */
  training: z.strictObject({
    data: z.string(),
    count: z.int(),
    licence: z.string(),
    settings: z.record(z.string(), z.unknown()),
  }),
  measured: z.array(measured),
});

/** What a scorer is, what it was trained on, and how good it is. */
export type ScorerCard = z.infer<typeof cardSchema>;

/** The card of a scorer's folder; undefined where there is none. */
export function readCard(directory: string): ScorerCard | undefined {
  const path = join(directory, CARD_FILE);
  if (!existsSync(path)) return undefined;
  const parsed = cardSchema.safeParse(readJson(path));
  if (!parsed.success) throw new Error(`${path}: ${z.prettifyError(parsed.error)}`);
  return parsed.data;
}

export function writeCard(directory: string, card: ScorerCard): void {
  writeJson(join(directory, CARD_FILE), card);
}
