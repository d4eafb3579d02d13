/** npm run evaluate: evaluates a trained adapter under several ways of generating, beside the bounds of equal length. */
import { Command, InvalidArgumentError, Option } from "commander";
import { effectRows } from "../src/analysis";
import { cutVariant, randomBaseline, referenceBaseline, retrievalBaseline } from "../src/baselines";
import { loadCorpus } from "../src/corpus";
import { showTable } from "../src/display";
import {
  type EvaluatedVariant,
  evaluateVariants,
  evaluationPaths,
  type EvaluationPlace,
  type Metric,
  readEvaluation,
  scoreRows,
} from "../src/evaluation";
import {
  answeringSettings,
  answeringVariant,
  askedRows,
  changeSettings,
  type ExperimentSettings,
  experimentVariant,
  isTrainedByMethod,
  loadBase,
  openExperiment,
  openTrained,
  untrainedExperiment,
} from "../src/experiments";
import { checkWritable, shownPath } from "../src/io";
import { type Profile, profiles } from "../src/settings";
import { parseSetting } from "./options";

interface Way {
  name: string;
  changes: Partial<ExperimentSettings>;
}

interface Options {
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

/** What is evaluated on what, ready to begin. */
interface Planned {
  readonly evaluate: (place: EvaluationPlace) => Promise<EvaluatedVariant[]>;
  readonly metrics: readonly Metric[];
  /** What was answered, for the table's caption. */
  readonly answered: string;
  readonly close: () => void;
}

const BASE = "base model";

const ofPersonas: Metric[] = ["personaCoverage", "personaCoverageContent", "ownership"];

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
  const command = new Command("npm run evaluate --")
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
  const { out, runId } = command.opts<Options>();

  checkWritable(out);
  const planned = isTrainedByMethod(adapter)
    ? await planRows(adapter, command)
    : await planDialogues(adapter, command);
  const place = { directory: out, runId };
  let evaluated: EvaluatedVariant[];
  try {
    evaluated = await planned.evaluate(place);
  } finally {
    planned.close();
  }
  showTable(scoreRows(readEvaluation(place).variants, planned.metrics), {
    caption: `${planned.answered}, with 95 % intervals`,
  });
  const base = evaluated.find(({ summary }) => summary.variant === BASE);
  const others = evaluated.filter((one) => one !== base);
  if (base && others.length > 0) showComparisons(others, base, planned.metrics);
  const written = Object.values(evaluationPaths(place)).map((path) => `  ${shownPath(path)}`);
  console.log(`\nWritten:\n${written.join("\n")}`);
}

/** An adapter of the experiments answers conversations of the corpus. */
async function planDialogues(adapter: string, command: Command): Promise<Planned> {
  const { profile, split, variant, set, base: withBase, bounds, data } = command.opts<Options>();
  if (data !== undefined)
    throw new Error(
      `--data: ${adapter} was trained on conversations of the corpus, and answers these; rows are for what npm run train left`,
    );
  const base = await loadBase(profile);
  const corpus = await loadCorpus({ profile });
  const opened = openExperiment(adapter, { base, corpus });
  const settings = changeSettings(opened.settings, set);
  const answered = corpus.splits[split].slice(0, settings.nTest);
  const ways = variant.length > 0 ? variant : [{ name: "adapter", changes: {} }];
  const { train } = corpus.splits;
  const variants = [
    ...(withBase ? [experimentVariant(BASE, untrainedExperiment(settings, { base, corpus }))] : []),
    ...ways.map(({ name, changes }) => experimentVariant(name, opened, { ...set, ...changes })),
    ...(bounds
      ? [randomBaseline(train, settings.seed), retrievalBaseline(train), referenceBaseline()]
      : []
    ).map((bound) => cutVariant(bound, settings.maxNewTokens, base.tokenizer)),
  ];
  return {
    evaluate: (place) => evaluateVariants(variants, answered, { ...place, seed: settings.seed }),
    metrics: ["bleu", "rougeL", "jaccard", ...ofPersonas, "distinct2", "outputTokens"],
    answered: `${answered.length} ${split} conversations`,
    close: () => base.checkpoint.close(),
  };
}

/** What npm run train left answers rows of a file. */
async function planRows(adapter: string, command: Command): Promise<Planned> {
  const { variant, set, base: withBase, data } = command.opts<Options>();
  const alien = ["profile", "split", "bounds"].find((name) => command.getOptionValueSource(name) === "cli");
  if (alien !== undefined)
    throw new Error(`--${alien}: is for conversations of the corpus; ${adapter} answers the rows of --data`);
  const model = await openTrained(adapter);
  const { validation } = model.config;
  const path = data ?? (typeof validation === "string" ? validation : undefined);
  if (path === undefined)
    throw new Error("--data: name the JSONL file with the rows to be answered, which were not trained on");
  const settings = answeringSettings(set, "--set");
  const asked = askedRows(path, { seed: settings.seed, limit: settings.nTest });
  const ways = variant.length > 0 ? variant : [{ name: "adapter", changes: {} }];
  const { adapter: _, ...untrained } = model;
  const variants = [
    ...(withBase ? [answeringVariant(BASE, untrained, settings)] : []),
    ...ways.map(({ name, changes }) =>
      answeringVariant(name, model, answeringSettings({ ...set, ...changes }, `--variant ${name}`)),
    ),
  ];
  const isKnown = asked.some(({ personas }) => personas.some(({ facts }) => facts.length > 0));
  return {
    evaluate: (place) => evaluateVariants(variants, asked, { ...place, seed: settings.seed }),
    metrics: [
      "bitsPerByte",
      "perplexity",
      "rougeL",
      ...(isKnown ? ofPersonas : []),
      "distinct2",
      "outputTokens",
    ],
    answered: `${asked.length} rows of ${shownPath(path)}`,
    close: () => model.base.checkpoint.close(),
  };
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
