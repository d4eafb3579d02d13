import { interruptSignal, type Progress, startProgress } from "../display";
import { type Figure, type FigureText, type LinePanel, linePanels, startLiveFigure } from "../figures";
import type { StepLog, TrainingHooks } from "../training";

/** A run's name, and its log as far as it has come. */
export interface LoggedRun {
  readonly name: string;
  readonly log: readonly StepLog[];
}

/** Points of a curve, at most: a batch's loss says little by itself. */
const mostPoints = 30;

export interface CurvesOptions extends FigureText {
  /**
   * The metrics that tell how it goes, such as the `watched` of a method: they come first, and of the rest only loss and gradient
   * norm are drawn.
   * @default every metric, behind loss, gradient norm and learning rate
   */
  readonly metrics?: readonly string[];
}

/**
 * Runs over their steps: training loss and gradient norm as means of some steps in a row, validation loss, learning rate. Each
 * metric that objectives name has a panel for its means in training, one for its values in validation, or both side by side.
 */
export function learningCurves(
  runs: readonly LoggedRun[],
  { metrics: watched, ...text }: CurvesOptions,
): Figure {
  const panel = (title: string, curve: (log: readonly StepLog[]) => Curve, fromZero = false): LinePanel => ({
    title,
    fromZero,
    series: runs.map(({ name, log }) => ({ name, ...curve(log) })),
  });
  const inTraining = (name: string) =>
    panel(`${name} in training`, (log) => means(log, ({ metrics }) => metrics?.[name]));
  const inValidation = (name: string) =>
    panel(`${name} in validation`, (log) => measured(log, ({ evalMetrics }) => evalMetrics?.[name]));
  const loss = panel("training loss, with dropout and weights", (log) => means(log, ({ loss }) => loss));
  const validationLoss = panel("validation loss", (log) => measured(log, ({ evalLoss }) => evalLoss));
  const gradNorm = panel(
    "gradient norm before clipping",
    (log) => means(log, ({ gradNorm }) => gradNorm),
    true,
  );
  const [training, validation] = [metricNames(runs, "metrics"), metricNames(runs, "evalMetrics")];
  const isValidated = runs.some(({ log }) => log.some(({ evalLoss }) => evalLoss !== undefined));
  const ofMetric = (name: string) => [
    inTraining(name),
    ...(validation.includes(name) ? [inValidation(name)] : []),
  ];
  const pairs = training.filter((name) => validation.includes(name));
  const panels = watched
    ? [...watched.flatMap(ofMetric), loss, ...(isValidated ? [validationLoss] : []), gradNorm]
    : [
        ...[loss, validationLoss, gradNorm],
        panel("learning rate", (log) => means(log, ({ learningRate }) => learningRate), true),
        ...[...pairs, ...training.filter((name) => !pairs.includes(name))].flatMap(ofMetric),
        ...validation.filter((name) => !pairs.includes(name)).map(inValidation),
      ];
  const columns = 2;
  const height = 310 * Math.ceil(panels.length / columns);
  return linePanels({ width: 900, height, ...text, panels, columns, x: { title: "step" } });
}

function metricNames(runs: readonly LoggedRun[], where: "metrics" | "evalMetrics"): string[] {
  return [...new Set(runs.flatMap(({ log }) => log.flatMap((row) => Object.keys(row[where] ?? {}))))];
}

interface Curve {
  x: number[];
  y: number[];
}

/** The steps that have a finite value. */
function measured(log: readonly StepLog[], value: (row: StepLog) => number | undefined): Curve {
  const points = log.flatMap((row) => {
    const y = value(row);
    return Number.isFinite(y) ? [{ x: row.step, y: y! }] : [];
  });
  return { x: points.map(({ x }) => x), y: points.map(({ y }) => y) };
}

/** Means over windows of the steps that have a finite value, each at its window's last. */
function means(log: readonly StepLog[], value: (row: StepLog) => number | undefined): Curve {
  const { x, y } = measured(log, value);
  const width = Math.max(1, Math.ceil(x.length / mostPoints));
  const starts = Array.from({ length: Math.ceil(x.length / width) }, (_, i) => i * width);
  return {
    x: starts.map((start) => x[Math.min(start + width, x.length) - 1]!),
    y: starts.map((start) => {
      const window = y.slice(start, start + width);
      return window.reduce((sum, one) => sum + one, 0) / window.length;
    }),
  };
}

/** Where a step is, in a word and a number: the reward, or where nothing is rewarded the loss. */
export function stepNote({ loss, metrics }: Pick<StepLog, "loss" | "metrics">): string {
  const reward = metrics?.["reward"];
  return reward === undefined ? `loss ${loss.toFixed(3)}` : `reward ${reward.toFixed(3)}`;
}

/** Shows in the running cell how runs train, one after the other. */
export interface LiveTraining {
  /** For the run of this name: its curves, its progress and what it says are shown, and the cell's interrupt stops it. */
  hooks(name: string): TrainingHooks & { say(sentence: string): void };
  /** Puts the finished curves in place of the live ones and, with a path, saves them as `showFigure` does. */
  finish(runs: readonly LoggedRun[], path?: string): Promise<void>;
}

/**
 * Begins a live figure of {@link learningCurves}.
 *
 * @example
 * const live = liveTraining({ title: "Three runs" });
 * const trained = await trainExperiment(settings, { ...context, hooks: live.hooks("LoRA") });
 * await live.finish([{ name: "LoRA", log: trained.log }], run.path("learning-curves"));
 *
 * @example
 * const live = liveTraining({ title: "A word is learned", metrics: experiments.rloo.watched });
 * const { log } = await experiments.runMethod(experiments.rloo, config, live.hooks("RLOO"));
 * await live.finish([{ name: "RLOO", log }], run.path("rloo"));
 */
export function liveTraining(text: CurvesOptions): LiveTraining {
  const figure = startLiveFigure();
  const runs: { name: string; log: StepLog[] }[] = [];
  return {
    hooks(name) {
      const run = { name, log: [] as StepLog[] };
      runs.push(run);
      let progress: Progress | undefined;
      return {
        signal: interruptSignal(),
        onStep(row, maxSteps) {
          // A run that is taken up has its first steps behind it.
          progress ??= startProgress(name, maxSteps - row.step + 1, { unit: "steps" });
          run.log.push(row);
          progress.advance(1, stepNote(row));
          if (row.step === maxSteps) progress.finish(stepNote(row));
          figure.update(() => learningCurves(runs, text));
        },
        onMessage(message, event) {
          if (event !== "saved") console.log(`${name}: ${message}`);
        },
        say: (sentence) => console.log(`${name}: ${sentence}`),
      };
    },
    finish: (finished, path) => figure.finish(learningCurves(finished, text), path),
  };
}
