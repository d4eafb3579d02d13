/** npm run evaluate: evaluates a trained adapter under several ways of generating, beside the bounds of equal length. */
import { resolve } from "node:path";
import { Command, InvalidArgumentError, Option } from "commander";
import { effectRows } from "../src/analysis";
import { showTable } from "../src/display";
import {
  type EvaluatedVariant,
  evaluationPaths,
  type Metric,
  readEvaluation,
  scoreRows,
} from "../src/evaluation";
import { type ExperimentSettings, isTrainedByMethod } from "../src/experiments";
import { BASE_ROW, evaluateAsJobs, type EvaluationPlan, openEvaluation } from "../src/grid";
import { checkWritable, shownPath } from "../src/io";
import { type Profile, profiles } from "../src/settings";
import { type JobChoices, jobEngine, withJobOptions } from "./job-options";
import { deviceOption, parseSetting } from "./options";
import { say, stopOnSignal } from "./stopping";

interface Way {
  name: string;
  changes: Partial<ExperimentSettings>;
}

interface Options extends JobChoices {
  profile: Profile;
  variant: Way[];
  set: Partial<ExperimentSettings>;
  base: boolean;
  bounds: boolean;
  split: "valid" | "test";
  data?: string;
  out: string;
  runId?: string;
}

function readWay(text: string, before: Way[]): Way[] {
  const at = text.indexOf(":");
  if (at < 1)
    throw new InvalidArgumentError(`"${text}" is not of the form NAME:setting=value,setting=value.`);
  const settings = text
    .slice(at + 1)
    .split(",")
    .filter(Boolean);
  return [...before, { name: text.slice(0, at), changes: Object.fromEntries(settings.map(parseSetting)) }];
}

async function main(): Promise<void> {
  const command = withJobOptions(
    new Command("npm run evaluate --"),
    "rows of the table, each as a job",
    "none, they are evaluated in this process",
  )
    .description(
      "Answers conversations, or rows of your own, with a trained adapter, scores the answers, and adds the rows to an evaluation's files.",
    )
    .argument(
      "<adapter>",
      "folder of an adapter: of an experiment (outputs/t5-small-lora), or what npm run train left (outputs/keeper)",
    )
    .addOption(
      new Option("--profile <profile>", "corpus and base model").choices([...profiles]).default("quick"),
    )
    .addOption(
      new Option(
        "--split <split>",
        "whose first nTest conversations are answered: those of valid to choose a way of generating by, those of test to report",
      )
        .choices(["valid", "test"])
        .default("test"),
    )
    .option(
      "--data <file>",
      "rows to be answered by what npm run train left, of any form that can be learned from; default: its validation",
    )
    .option(
      "--variant <NAME:setting=value,…>",
      "a way of generating, under the name of its row (repeatable); default: as the adapter's settings say",
      readWay,
      [],
    )
    .option(
      "--set <NAME=VALUE>",
      "a setting of all rows (repeatable)",
      (text, before: object) => ({ ...before, ...Object.fromEntries([parseSetting(text)]) }),
      {},
    )
    .option("--base", "the base model as well, and what the others have more than it", false)
    .option(
      "--bounds",
      "random, retrieved and reference conversation, cut to the same number of tokens",
      false,
    )
    .option("--out <folder>", "where the evaluation's files lie", process.env["PERSONA_OUTPUTS"] || "outputs")
    .option("--run-id <id>", "ends the names of the files")
    .addOption(deviceOption())
    .addHelpText(
      "after",
      `
Example:
  npm run evaluate -- outputs/t5-small-lora --bounds --run-id decoding \\
    --variant "greedy:" --variant "best of 8:doSample=true,temperature=0.8,candidates=8"
  npm run evaluate -- outputs/keeper --data held-out.jsonl --base --set maxNewTokens=32`,
    )
    .showHelpAfterError()
    .parse();
  const [adapter] = command.args as [string];
  const options = command.opts<Options>();
  const { out, runId, profile, split, data, variant, set, base: withBase, bounds } = options;

  checkWritable(out);
  if (isTrainedByMethod(adapter)) refuseForRows(adapter, command);
  const ways = variant.length > 0 ? variant : [{ name: "adapter", changes: {} }];
  const plan: EvaluationPlan = {
    ...{ adapter: resolve(adapter), split, set, ways, base: withBase, bounds },
    ...(data !== undefined && { data: resolve(data) }),
  };
  const place = { directory: out, runId };
  const areJobs = options.redis !== undefined || options.parallel !== undefined;
  const opened = await openEvaluation(areJobs ? { ...plan, ways: [] } : plan, profile);
  let evaluated: EvaluatedVariant[];
  try {
    if (areJobs) {
      const signal = stopOnSignal("Stopping: evaluations that have begun are finished");
      const jobs = await evaluateAsJobs(plan, profile, place, { engine: jobEngine(options), signal, say });
      ({ evaluated } = jobs);
      if (jobs.outcomes.some(({ outcome }) => outcome !== "done" && outcome !== "skipped"))
        process.exitCode = signal.aborted ? 130 : 1;
    } else evaluated = await opened.evaluate(place);
  } finally {
    opened.close();
  }
  showTable(scoreRows(readEvaluation(place).variants, opened.metrics), {
    caption: `${opened.answered}, with 95 % intervals`,
  });
  const base = evaluated.find(({ summary }) => summary.variant === BASE_ROW);
  const others = evaluated.filter((one) => one !== base);
  if (base && others.length > 0) showComparisons(others, base, opened.metrics);
  const written = Object.values(evaluationPaths(place)).map((path) => `  ${shownPath(path)}`);
  console.log(`\nWritten:\n${written.join("\n")}`);
}

/** Rows are answered by nobody but the adapter and its base. */
function refuseForRows(adapter: string, command: Command): void {
  const alien = ["profile", "split", "bounds"].find((name) => command.getOptionValueSource(name) === "cli");
  if (alien !== undefined)
    throw new Error(`--${alien}: is for conversations of the corpus; ${adapter} answers the rows of --data`);
}

/** What each variant has more than the base, case by case. */
function showComparisons(
  variants: readonly EvaluatedVariant[],
  base: EvaluatedVariant,
  metrics: readonly Metric[],
): void {
  const seeded = (one: EvaluatedVariant) => ({ name: one.summary.variant, bySeed: [one] });
  const rows = effectRows(
    variants.map((one) => [seeded(one), seeded(base)] as const),
    metrics,
  );
  console.log("");
  showTable(
    rows.map((row) => ({
      "a − b": row["a − b"],
      metric: row.metric,
      difference: `${row.difference.toFixed(3)} [${row.low.toFixed(3)}, ${row.high.toFixed(3)}]`,
      "p (Holm)": row.adjustedPValue.toPrecision(2),
      verdict: row.verdict,
    })),
    { caption: "Differences on the same cases, with 95 % intervals of a paired bootstrap" },
  );
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
});
