/** npm run score: trains a scorer of texts, measures it beside baselines, and asks it. */
import { join } from "node:path";
import { Command } from "commander";
import { showTable, startProgress, type Progress } from "../src/display";
import { readJson, shownPath, writeFileWhole } from "../src/io";
import {
  checkScorerTraining,
  compareFolds,
  type Comparison,
  compareWithBaselines,
  measuredCard,
  openLabelScorer,
  openScorer,
  readCard,
  readLabelledTexts,
  scorerReadme,
  scorerTrainingFields,
  type MeasuredCard,
  type ScorerCard,
  type ScoredText,
  trainScorer,
  writeCard,
} from "../src/scorers";
import { deviceOption } from "./options";
import { say, stopOnSignal } from "./stopping";

async function runTraining(path: string): Promise<void> {
  const settings = checkScorerTraining(readJson(path), path);
  const signal = stopOnSignal("Stopping after the step in progress, which is saved");
  let progress: Progress | undefined;
  const { directory, card, interrupted, best } = await trainScorer(settings, {
    say,
    signal,
    onMessage: (message, event) => event !== "saved" && say(message),
    onStep(row, maxSteps) {
      progress ??= startProgress(settings.name, maxSteps - row.step + 1, { unit: "steps" });
      const shown = `loss ${row.loss.toFixed(3)}`;
      progress.advance(1, shown);
      if (row.evalLoss !== undefined)
        say(
          `step ${row.step}: validation loss ${row.evalLoss.toFixed(4)}, ${JSON.stringify(row.evalMetrics)}`,
        );
      if (row.step === maxSteps) progress.finish(shown);
    },
  });
  if (interrupted) {
    console.log(`stopped; run the same command to go on`);
    process.exitCode = 130;
    return;
  }
  writeFileWhole(join(directory, "README.md"), scorerReadme(card, shownPath(directory)));
  if (best) console.log(`the lowest validation loss is ${best.loss.toFixed(4)}, at step ${best.step}`);
  console.log(`npm run score -- measure ${shownPath(directory)} ROWS   # on rows that it has not seen`);
}

const percent = (value: number) => `${(100 * value).toFixed(1)} %`;

function showComparison(
  { name, labels }: { name: string; labels: readonly string[] },
  comparison: Comparison,
): void {
  const { measures, baselines, differences } = comparison;
  showTable([
    { scorer: name, accuracy: percent(measures.accuracy.value), "more than it": "" },
    ...Object.entries(baselines).map(([name, { accuracy }]) => {
      const { value, low, high } = differences[name]!;
      return {
        scorer: name,
        accuracy: percent(accuracy.value),
        "more than it": `${(100 * value).toFixed(1)} (${(100 * low).toFixed(1)} to ${(100 * high).toFixed(1)}) points`,
      };
    }),
  ]);
  console.log("confusion (rows: the label that texts have, columns: the label given)");
  showTable(
    measures.confusion.map((row, i) => ({
      is: labels[i]!,
      ...Object.fromEntries(row.map((count, k) => [`said ${labels[k]!}`, count])),
    })),
  );
  console.log(
    `Cohen's κ ${measures.kappa.value.toFixed(3)} (${measures.kappa.low.toFixed(3)} to ${measures.kappa.high.toFixed(3)}), loss ${measures.loss.toFixed(4)}, expected calibration error ${percent(measures.calibrationError)}`,
  );
  showTable(
    measures.reliability
      .filter(({ count }) => count > 0)
      .map(({ from, to, count, confidence, accuracy }) => ({
        probability: `${from.toFixed(1)} to ${to.toFixed(1)}`,
        texts: count,
        said: percent(confidence),
        right: percent(accuracy),
      })),
  );
}

async function runFolds(path: string, { folds, write }: { folds: string; write?: boolean }): Promise<void> {
  const settings = checkScorerTraining(readJson(path), path);
  const count = Number(folds);
  const signal = stopOnSignal("Stopping after the step in progress, which is saved");
  const comparison = await compareFolds(settings, { folds: count, signal });
  showComparison(settings, comparison);
  if (!write) return;
  const card = readCard(settings.output);
  if (!card)
    throw new Error(
      `${settings.output}: no scorer is there to write into; train it first: npm run score -- train ${path}`,
    );
  addMeasured(settings.output, card, measuredCard(settings.train, comparison, count));
}

/** Puts what was measured into a scorer's card, in place of what stands there of the same rows, and into its page. */
function addMeasured(place: string, card: ScorerCard, measured: MeasuredCard): void {
  const others = card.measured.filter(({ data }) => data !== measured.data);
  const written = { ...card, measured: [...others, measured] };
  writeCard(place, written);
  writeFileWhole(join(place, "README.md"), scorerReadme(written, shownPath(place)));
  console.log(`written into ${shownPath(place)}`);
}

async function measure(place: string, path: string, { write }: { write?: boolean }): Promise<void> {
  const scorer = await openLabelScorer(place);
  try {
    const form = { reads: scorer.reads, labels: scorer.labels };
    const rows = readLabelledTexts(path, form);
    const card = readCard(place);
    const trained = card ? readLabelledTexts(card.training.data, form) : [];
    if (trained.length === 0)
      console.log(`${place} does not say on which rows it was trained: no baseline can be fitted to them`);
    const comparison = await compareWithBaselines(scorer, rows, trained);
    showComparison(scorer, comparison);
    const { measures } = comparison;
    const kinds = [...new Set(rows.flatMap(({ kind }) => kind ?? []))];
    if (kinds.length > 0)
      showTable(
        kinds.map((kind) => {
          const hits = measures.hits.filter((_, i) => rows[i]!.kind === kind);
          return { kind, texts: hits.length, right: percent(hits.filter(Boolean).length / hits.length) };
        }),
      );
    if (write && card) addMeasured(place, card, measuredCard(path, comparison));
  } finally {
    await scorer.close();
  }
}

async function ask(place: string, texts: string[]): Promise<void> {
  const scorer = await openScorer(place);
  try {
    const text: ScoredText = texts.length === 2 ? [texts[0]!, texts[1]!] : texts[0]!;
    if (scorer.kind === "reward") {
      const [reward] = await scorer.rewards([text]);
      console.log(reward!.toFixed(4));
      return;
    }
    const [probabilities] = await scorer.probabilities([text]);
    showTable(scorer.labels.map((label, i) => ({ label, probability: probabilities![i]!.toFixed(4) })));
  } finally {
    await scorer.close();
  }
}

const fields = scorerTrainingFields.map(({ name, meaning, default: value }) => {
  const given = value === undefined ? "needed" : `default ${JSON.stringify(value)}`;
  return `  ${name}  (${given})\n      ${meaning}`;
});
const command = new Command("npm run score --")
  .description(
    "Scorers of texts: trains one, measures it beside baselines, asks it. src/scorers/README.md goes through it.",
  )
  .showHelpAfterError();
command
  .command("train")
  .description("trains a scorer as a JSON file says")
  .argument("<config>", "JSON file with what to train, on what, and how")
  .addHelpText("after", () => `\nCONFIG.json is an object with these fields:\n${fields.join("\n")}`)
  .addOption(deviceOption())
  .action(runTraining);
command
  .command("measure")
  .description(
    "measures a scorer of labels on rows that it has not seen, beside models fitted to the rows that it was trained on",
  )
  .argument("<scorer>", "its folder")
  .argument("<rows>", "JSONL file with what it reads and label, or a text file of Dialogue NLI")
  .option("--write", "puts what was measured into the scorer's card")
  .addOption(deviceOption())
  .action(measure);
command
  .command("folds")
  .description(
    "trains and measures fold by fold: each row by a scorer of the other folds' rows, beside baselines of the same",
  )
  .argument("<config>", "JSON file with what to train, as for train")
  .option("--folds <count>", "how many folds", "10")
  .option("--write", "puts what was measured into the card of the scorer that the file names")
  .addOption(deviceOption())
  .action(runFolds);
command
  .command("ask")
  .description("says what a scorer says of a text, or of two")
  .argument("<scorer>", "its folder, or a classifier of the hub")
  .argument("<texts...>", "one text, or two")
  .addOption(deviceOption())
  .action(ask);

command
  .parseAsync()
  .catch((error: unknown) => {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 1;
  })
  .finally(() => process.exit());
