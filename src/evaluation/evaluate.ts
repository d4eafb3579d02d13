import type { Dialogue, Speaker } from "../corpus";
import { startProgress } from "../display";
import { type JsonValue, sha256 } from "../io";
import { type AdditiveMetric, bootstrapInterval, type BootstrapOptions, requireResamples } from "../metrics";
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
import {
  additiveMetric,
  additiveMetrics,
  type Likelihood,
  likelihoodMetrics,
  scoreCase,
  setMetrics,
} from "./scores";

/** What is answered, whatever it is made of. */
export interface Asked {
  readonly id: string;
  /** The split, or the file, that it is from. */
  readonly split: string;
  /** Who speaks: User 1 and User 2. */
  readonly personas: Dialogue["personas"];
  /** The reference: the conversation that the personas had, a turn a line, `User 1: …`; or one turn of `speaker`. */
  readonly text: string;
  readonly speaker?: Speaker;
}

/** A dialogue to be answered: its personas are asked with, its text is the reference. */
export interface AskedDialogue extends Dialogue, Asked {}

/** What a variant made of one dialogue. */
export interface Generation {
  /** What it was given: the prompt, or the query. */
  input: string;
  output: string;
  /** What was retrieved for it, best first. */
  retrieved?: { id: string; score: number }[];
  /** How likely the reference was, where a variant can tell. */
  likelihood?: Pick<Likelihood, "nats" | "tokens">;
}

/** Anything that answers: personas with a conversation, or a turn with the next. A baseline, a bound, a model with its settings. */
export interface Variant<One extends Asked = AskedDialogue> {
  /** Names its row and its cases; one name, one row. */
  name: string;
  settings: Record<string, JsonValue>;
  /** Who it is, for reports and averages over seeds; {@link assumedIdentity} unless it says so itself. */
  identity?: Identity;
  /** One answer for each, in order. A dialogue's own turns and text are the reference: only bounds may look at them. */
  generate(asked: readonly One[]): Promise<Generation[]> | Generation[];
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
export async function evaluateVariants<One extends Asked = AskedDialogue>(
  variants: readonly Variant<One>[],
  asked: readonly One[],
  { seed = 13, resamples = 1000, confidence = 0.95, ...place }: EvaluationOptions,
): Promise<EvaluatedVariant[]> {
  if (asked.length === 0) throw new RangeError("evaluateVariants needs at least one dialogue");
  requireResamples(resamples);
  const progress = startProgress("Evaluating", variants.length, { unit: "variants" });
  const done: EvaluatedVariant[] = [];
  const evaluation = readEvaluation(place);
  for (const variant of variants) {
    const started = performance.now();
    const generations = await variant.generate(asked);
    const seconds = (performance.now() - started) / 1000;
    const cases = scoreGenerations(variant.name, asked, generations);
    const metrics = additiveMetrics(cases);
    const interval = (metric: AdditiveMetric) => bootstrapInterval(metric, { seed, resamples, confidence });
    const isLikelihoodAsked = cases.every(({ likelihood }) => likelihood !== undefined);
    const summary: VariantSummary = {
      variant: variant.name,
      identity: variant.identity ?? assumedIdentity(variant.name, variant.settings),
      settings: variant.settings,
      split: [...new Set(asked.map(({ split }) => split))].join("+"),
      cases: cases.length,
      caseSet: sha256(JSON.stringify(cases.map(identifies))),
      casesSha256: casesSha256(cases),
      seed,
      resamples,
      confidence,
      date: new Date().toISOString(),
      seconds,
      metrics: Object.fromEntries(
        setMetrics.map((name) => [name, interval(metrics[name])]),
      ) as VariantSummary["metrics"],
      ...(isLikelihoodAsked && {
        likelihood: Object.fromEntries(
          likelihoodMetrics.map((name) => [name, interval(additiveMetric(cases, name))]),
        ) as VariantSummary["likelihood"],
      }),
    };
    add(evaluation, { summary, cases });
    writeEvaluation(place, evaluation);
    done.push({ summary, cases });
    progress.advance(1, variant.name);
  }
  progress.finish();
  return done;
}

/** What tells cases apart: a dialogue's id, and of a turn what was said, as rows of a file have no ids of their own. */
const identifies = ({ id, speaker, reference }: EvaluationCase) =>
  speaker === undefined ? id : [id, reference];

function scoreGenerations(
  variant: string,
  asked: readonly Asked[],
  generations: readonly Generation[],
): EvaluationCase[] {
  if (generations.length !== asked.length) {
    throw new Error(`${variant} gave ${generations.length} answers to ${asked.length} dialogues`);
  }
  return asked.map(({ id, personas, text, speaker }, i) => {
    const { likelihood, ...generation } = generations[i]!;
    const scored = {
      personas: personas.map(({ facts }) => facts),
      reference: text,
      output: generation.output,
      ...(speaker && { speaker }),
      ...(likelihood && { likelihood: { ...likelihood, bytes: Buffer.byteLength(text, "utf8") } }),
    };
    return evaluationCaseSchema.parse({ variant, id, ...scored, ...generation, metrics: scoreCase(scored) });
  });
}

/** Adds variants that were evaluated elsewhere to an evaluation's files, in place of those of the same names. */
export function addVariants(place: EvaluationPlace, evaluated: readonly EvaluatedVariant[]): void {
  if (evaluated.length === 0) return;
  const evaluation = readEvaluation(place);
  for (const one of evaluated) add(evaluation, one);
  writeEvaluation(place, evaluation);
}

function add(evaluation: Evaluation, { summary, cases }: EvaluatedVariant): void {
  const at = evaluation.variants.findIndex(({ variant }) => variant === summary.variant);
  if (at < 0) evaluation.variants.push(summary);
  else evaluation.variants[at] = summary;
  evaluation.cases.set(summary.variant, cases);
}
