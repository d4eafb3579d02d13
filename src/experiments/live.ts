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

/** Runs over their steps: training loss and gradient norm as means of some steps in a row, validation loss, learning rate. */
export function learningCurves(runs: readonly LoggedRun[], text: FigureText): Figure {
  const panel = (
    title: string,
    curve: (log: readonly StepLog[]) => { x: number[]; y: number[] },
    fromZero = false,
  ): LinePanel => ({ title, fromZero, series: runs.map(({ name, log }) => ({ name, ...curve(log) })) });
  const panels = [
    panel("training loss, with dropout and weights", (log) => means(log, ({ loss }) => loss)),
    panel("validation loss", (log) => {
      const evaluated = log.filter(({ evalLoss }) => evalLoss !== undefined);
      return { x: evaluated.map(({ step }) => step), y: evaluated.map(({ evalLoss }) => evalLoss!) };
    }),
    panel("gradient norm before clipping", (log) => means(log, ({ gradNorm }) => gradNorm), true),
    panel("learning rate", (log) => means(log, ({ learningRate }) => learningRate), true),
  ];
  return linePanels({ width: 900, height: 620, ...text, panels, columns: 2, x: { title: "step" } });
}

/** Means over windows of steps, each at its last step. */
function means(log: readonly StepLog[], value: (row: StepLog) => number): { x: number[]; y: number[] } {
  const width = Math.max(1, Math.ceil(log.length / mostPoints));
  const windows: StepLog[][] = [];
  for (let i = 0; i < log.length; i += width) windows.push(log.slice(i, i + width));
  return {
    x: windows.map((rows) => rows.at(-1)!.step),
    y: windows.map((rows) => rows.reduce((sum, row) => sum + value(row), 0) / rows.length),
  };
}

/** Shows in the running cell how runs train, one after the other. */
export interface LiveTraining {
  /** For the run of this name: its curves and its progress are shown, and the cell's interrupt stops it. */
  hooks(name: string): TrainingHooks;
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
 */
export function liveTraining(text: FigureText): LiveTraining {
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
          progress.advance(1, `loss ${row.loss.toFixed(3)}`);
          if (row.step === maxSteps) progress.finish(`loss ${row.loss.toFixed(3)}`);
          figure.update(() => learningCurves(runs, text));
        },
        onMessage(message, event) {
          if (event !== "saved") console.log(`${name}: ${message}`);
        },
      };
    },
    finish: (finished, path) => figure.finish(learningCurves(finished, text), path),
  };
}
