import { existsSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { json, readJson, readText, sha256, writeCsv, writeFileWhole, writeJson } from "../io";
import type { Interval } from "../metrics";
import { identitySchema } from "./identity";
import { caseMetrics, isLikelihoodMetric, likelihoodMetrics, type Metric, setMetrics } from "./scores";

const interval = z.object({ value: z.number(), low: z.number(), high: z.number() });

/** Something that was retrieved for a case: a dialogue's id and its score. */
const retrieved = z.object({ id: z.string(), score: z.number() });

export const evaluationCaseSchema = z.object({
  variant: z.string(),
  /** The dialogue's id. */
  id: z.string(),
  /** The facts of User 1 and of User 2. */
  personas: z.tuple([z.array(z.string()), z.array(z.string())]),
  /** What the variant was given: the prompt, or the query. */
  input: z.string(),
  reference: z.string(),
  output: z.string(),
  retrieved: z.array(retrieved).optional(),
  /** Who says the output, where it is one turn. */
  speaker: z.union([z.literal(1), z.literal(2)]).optional(),
  /** How likely the reference was to the variant. */
  likelihood: z.object({ nats: z.number(), tokens: z.number(), bytes: z.number() }).optional(),
  metrics: z.record(z.enum(caseMetrics), z.number()),
});
/** One dialogue as one variant answered it; a line of `stage3_cases.jsonl`. */
export type EvaluationCase = z.infer<typeof evaluationCaseSchema>;

export const variantSummarySchema = z.object({
  variant: z.string(),
  /** Absent in files of versions that did not write it. */
  identity: identitySchema.optional(),
  /** What the variant was set to: retriever, template, generation settings and so on. */
  settings: z.record(z.string(), json),
  split: z.string(),
  cases: z.number().int().positive(),
  /** Fingerprint of the cases' ids in order, and of turns' references: variants with the same one can be compared case by case. */
  caseSet: z.string(),
  /** SHA-256 of the variant's lines in the cases file. */
  casesSha256: z.string(),
  seed: z.number().int(),
  resamples: z.number().int(),
  confidence: z.number(),
  /** When it was evaluated (ISO 8601), and how long the outputs took to make. */
  date: z.string(),
  seconds: z.number(),
  metrics: z.record(z.enum(setMetrics), interval),
  /** Of variants that were asked for the references' likelihood. */
  likelihood: z.record(z.enum(likelihoodMetrics), interval).optional(),
});
/** A variant's scores over all cases, each with its bootstrap interval; a row of `stage3_summary.json`. */
export type VariantSummary = z.infer<typeof variantSummarySchema>;

/** A score with its interval; undefined for a likelihood that was not asked. */
export function scoreOf(
  { metrics, likelihood }: Pick<VariantSummary, "metrics" | "likelihood">,
  metric: Metric,
): Interval | undefined {
  return isLikelihoodMetric(metric) ? likelihood?.[metric] : metrics[metric];
}

const summarySchema = z.object({
  version: z.literal(1),
  runId: z.string().nullable(),
  variants: z.array(variantSummarySchema),
});

// What an older version wrote lacks the scores that came later.
const writtenCase = evaluationCaseSchema.extend({
  metrics: z.partialRecord(z.enum(caseMetrics), z.number()),
});
const writtenSummary = summarySchema.extend({
  variants: z.array(variantSummarySchema.extend({ metrics: z.partialRecord(z.enum(setMetrics), interval) })),
});

/** Whether every score is there that there is now. */
function hasAll<Name extends string, Score>(
  scores: Partial<Record<Name, Score>>,
  names: readonly Name[],
): scores is Record<Name, Score> {
  return names.every((name) => name in scores);
}

/** Where an evaluation's files lie. */
export interface EvaluationPlace {
  directory: string;
  /** Goes into the files' names: letters, digits, `.`, `_`, `-`. */
  runId?: string;
}

export type EvaluationPaths = Record<"summary" | "cases" | "table", string>;

/** `stage3_summary.json`, `stage3_cases.jsonl`, `eval_metrics.csv`, each with `_RUNID` before the dot if there is one. */
export function evaluationPaths({ directory, runId }: EvaluationPlace): EvaluationPaths {
  if (runId !== undefined && !/^[\w-][\w.-]*$/.test(runId)) {
    throw new Error(`run id ${JSON.stringify(runId)}: only letters, digits, ".", "_" and "-", no "." first`);
  }
  const suffix = runId === undefined ? "" : `_${runId}`;
  return {
    summary: join(directory, `stage3_summary${suffix}.json`),
    cases: join(directory, `stage3_cases${suffix}.jsonl`),
    table: join(directory, `eval_metrics${suffix}.csv`),
  };
}

/** The variants evaluated so far, and their cases by variant. */
export interface Evaluation {
  variants: VariantSummary[];
  cases: Map<string, readonly EvaluationCase[]>;
}

/**
 * Reads what evaluations left; nothing where there are no files. A variant whose summary and cases do not belong
 * together (a run was cut off between the two files), or that an older version wrote, without a score that there is now, is left
 * out: it has to be evaluated again.
 *
 * @throws {Error} naming file, line and field where a file is not of this form
 */
export function readEvaluation(place: EvaluationPlace): Evaluation {
  const paths = evaluationPaths(place);
  if (!existsSync(paths.summary) || !existsSync(paths.cases)) return { variants: [], cases: new Map() };
  const summary = check(writtenSummary, readJson(paths.summary), paths.summary);
  const lines = new Map<string, string[]>();
  const cases = new Map<string, EvaluationCase[]>();
  readText(paths.cases)
    .split("\n")
    .forEach((line, i) => {
      if (line === "") return;
      const one = check(writtenCase, parseLine(line, paths.cases, i), `${paths.cases}, line ${i + 1}`);
      append(lines, one.variant, line);
      const { metrics } = one;
      if (hasAll(metrics, caseMetrics)) append(cases, one.variant, { ...one, metrics });
    });
  const whole = summary.variants.flatMap((row): VariantSummary[] => {
    const { variant, casesSha256, metrics } = row;
    const own = lines.get(variant) ?? [];
    const isWhole = linesSha256(own) === casesSha256 && own.length === (cases.get(variant)?.length ?? 0);
    return isWhole && hasAll(metrics, setMetrics) ? [{ ...row, metrics }] : [];
  });
  return {
    variants: whole,
    cases: new Map(whole.map(({ variant }) => [variant, cases.get(variant) ?? []])),
  };
}

/** Writes all three files, each whole or not at all: cases first, so that a summary never lacks its cases. */
export function writeEvaluation(place: EvaluationPlace, { variants, cases }: Evaluation): EvaluationPaths {
  const paths = evaluationPaths(place);
  const lines = variants.flatMap(({ variant }) => caseLines(cases.get(variant) ?? []));
  writeFileWhole(paths.cases, lines.map((line) => `${line}\n`).join(""));
  writeJson(paths.summary, {
    version: 1,
    runId: place.runId ?? null,
    variants,
  } satisfies z.infer<typeof summarySchema>);
  writeCsv(
    paths.table,
    variants.map((summary) => metricsRow(summary, place.runId ?? null)),
  );
  return paths;
}

/** SHA-256 of cases as they are written, for {@link VariantSummary.casesSha256}. */
export function casesSha256(cases: readonly EvaluationCase[]): string {
  return linesSha256(caseLines(cases));
}

function append<T>(lists: Map<string, T[]>, key: string, item: T): void {
  const list = lists.get(key);
  if (list) list.push(item);
  else lists.set(key, [item]);
}

function caseLines(cases: readonly EvaluationCase[]): string[] {
  return cases.map((one) => JSON.stringify(one));
}

function linesSha256(lines: readonly string[]): string {
  return sha256(lines.join("\n"));
}

/** A row of `eval_metrics.csv`: the scores of a variant (a likelihood that was not asked is empty), and the run that it is of, if that has a name. */
export function metricsRow(summary: VariantSummary, run: string | null): Record<string, string | number> {
  const { variant, split, cases, seed, date } = summary;
  const columns = [...setMetrics, ...likelihoodMetrics].flatMap((name): [string, number | ""][] => {
    const { value = "", low = "", high = "" } = scoreOf(summary, name) ?? {};
    return [
      [name, value],
      [`${name}_low`, low],
      [`${name}_high`, high],
    ];
  });
  return { run: run ?? "", variant, split, cases, seed, date, ...Object.fromEntries(columns) };
}

function parseLine(line: string, path: string, index: number): unknown {
  try {
    return JSON.parse(line);
  } catch (cause) {
    throw new Error(`${path}, line ${index + 1}: not valid JSON (${(cause as Error).message})`, { cause });
  }
}

function check<T>(schema: z.ZodType<T>, value: unknown, where: string): T {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  throw new Error(`${where}: not an evaluation file of this version\n${z.prettifyError(result.error)}`);
}
