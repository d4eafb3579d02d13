import type { Dialogue } from "../corpus";
import { startProgress } from "../display";
import { type JsonValue, sha256 } from "../io";
import { bootstrapInterval, type BootstrapOptions, requireResamples } from "../metrics";
import {
  casesSha256,
  type Evaluation,
  type EvaluationCase,
  evaluationCaseSchema,
  type EvaluationPlace,
  readEvaluation,
  type VariantSummary,
  writeEvaluation,
} from "./files";
import { assumedIdentity, type Identity } from "./identity";
import { additiveMetrics, scoreCase, setMetrics } from "./scores";

/** A dialogue to be answered: its personas are asked with, its text is the reference. */
export interface AskedDialogue extends Dialogue {
  /** The split that it is from. */
  readonly split: string;
  /** The conversation that its personas had: a turn a line, `User 1: …`. */
  readonly text: string;
}

/** What a variant made of one dialogue. */
export interface Generation {
  /** What it was given: the prompt, or the query. */
  input: string;
  output: string;
  /** What was retrieved for it, best first. */
  retrieved?: { id: string; score: number }[];
}

/** Anything that answers personas with a conversation: a baseline, a bound, a model with its settings. */
export interface Variant {
  /** Names its row and its cases; one name, one row. */
  name: string;
  settings: Record<string, JsonValue>;
  /** Who it is, for reports and averages over seeds; {@link assumedIdentity} unless it says so itself. */
  identity?: Identity;
  /** One answer a dialogue, in order. A dialogue's own turns and text are the reference: only bounds may look at them. */
  generate(dialogues: readonly AskedDialogue[]): Promise<Generation[]> | Generation[];
}

export interface EvaluationOptions
  extends EvaluationPlace, Pick<BootstrapOptions, "resamples" | "confidence"> {
  /**
   * Seed of the bootstrap.
   * @default 13
   */
  seed?: number;
}

/** A variant's summary and its cases. */
export interface EvaluatedVariant {
  summary: VariantSummary;
  cases: readonly EvaluationCase[];
}

/**
 * Runs variants over dialogues and scores what they say against {@link AskedDialogue.text}. Each variant's scores
 * (corpus BLEU and means, with percentile bootstrap intervals over the dialogues) become a row of the summary and
 * of the table, its answers lines of the cases file; rows of other variants that the files hold stay. The files are
 * written after every variant, so that an interrupted evaluation keeps what is done.
 */
export async function evaluateVariants(
  variants: readonly Variant[],
  dialogues: readonly AskedDialogue[],
  { seed = 13, resamples = 1000, confidence = 0.95, ...place }: EvaluationOptions,
): Promise<EvaluatedVariant[]> {
  if (dialogues.length === 0) throw new RangeError("evaluateVariants needs at least one dialogue");
  requireResamples(resamples);
  const progress = startProgress("Evaluating", variants.length, { unit: "variants" });
  const done: EvaluatedVariant[] = [];
  const evaluation = readEvaluation(place);
  for (const variant of variants) {
    const started = performance.now();
    const generations = await variant.generate(dialogues);
    const seconds = (performance.now() - started) / 1000;
    const cases = scoreGenerations(variant.name, dialogues, generations);
    const metrics = additiveMetrics(cases);
    const summary: VariantSummary = {
      variant: variant.name,
      identity: variant.identity ?? assumedIdentity(variant.name, variant.settings),
      settings: variant.settings,
      split: [...new Set(dialogues.map(({ split }) => split))].join("+"),
      cases: cases.length,
      caseSet: sha256(JSON.stringify(cases.map(({ id }) => id))),
      casesSha256: casesSha256(cases),
      seed,
      resamples,
      confidence,
      date: new Date().toISOString(),
      seconds,
      metrics: Object.fromEntries(
        setMetrics.map((name) => [name, bootstrapInterval(metrics[name], { seed, resamples, confidence })]),
      ) as VariantSummary["metrics"],
    };
    add(evaluation, { summary, cases });
    writeEvaluation(place, evaluation);
    done.push({ summary, cases });
    progress.advance(1, variant.name);
  }
  progress.finish();
  return done;
}

function scoreGenerations(
  variant: string,
  dialogues: readonly AskedDialogue[],
  generations: readonly Generation[],
): EvaluationCase[] {
  if (generations.length !== dialogues.length) {
    throw new Error(`${variant} gave ${generations.length} answers to ${dialogues.length} dialogues`);
  }
  return dialogues.map(({ id, personas, text }, i) => {
    const generation = generations[i]!;
    const scored = {
      personas: personas.map(({ facts }) => facts),
      reference: text,
      output: generation.output,
    };
    return evaluationCaseSchema.parse({ variant, id, ...scored, ...generation, metrics: scoreCase(scored) });
  });
}

function add(evaluation: Evaluation, { summary, cases }: EvaluatedVariant): void {
  const at = evaluation.variants.findIndex(({ variant }) => variant === summary.variant);
  if (at < 0) evaluation.variants.push(summary);
  else evaluation.variants[at] = summary;
  evaluation.cases.set(summary.variant, cases);
}
