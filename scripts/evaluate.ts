/** npm run evaluate: evaluates a trained adapter under several ways of generating, beside the bounds of equal length. */
import { Command, InvalidArgumentError, Option } from "commander";
import { cutVariant, randomBaseline, referenceBaseline, retrievalBaseline } from "../src/baselines";
import { loadCorpus } from "../src/corpus";
import { showTable } from "../src/display";
import {
  evaluateVariants,
  evaluationPaths,
  readEvaluation,
  scoreRows,
  type SetMetric,
} from "../src/evaluation";
import {
  changeSettings,
  type ExperimentSettings,
  experimentVariant,
  loadBase,
  openExperiment,
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
  out: string;
  runId?: string;
}

const shown: SetMetric[] = [
  "bleu",
  "rougeL",
  "jaccard",
  "personaCoverage",
  "personaCoverageContent",
  "ownership",
  "distinct2",
  "outputTokens",
];

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
      "Answers conversations with a trained adapter, scores the answers, and adds the rows to an evaluation's files.",
    )
    .argument("<adapter>", "folder with adapter_config.json and settings.json, such as outputs/t5-small-lora")
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
    .option("--base", "the base model as well", false)
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
    --variant "greedy:" --variant "best of 8:doSample=true,temperature=0.8,candidates=8"`,
    )
    .showHelpAfterError()
    .parse();
  const [adapter] = command.args as [string];
  const { profile, split, variant, set, base: withBase, bounds, out, runId } = command.opts<Options>();

  checkWritable(out);
  const base = await loadBase(profile);
  const corpus = await loadCorpus({ profile });
  const opened = openExperiment(adapter, { base, corpus });
  const settings = changeSettings(opened.settings, set);
  const answered = corpus.splits[split].slice(0, settings.nTest);
  const ways = variant.length > 0 ? variant : [{ name: "adapter", changes: {} }];
  const { train } = corpus.splits;
  const variants = [
    ...(withBase ? [experimentVariant("base model", untrainedExperiment(settings, { base, corpus }))] : []),
    ...ways.map(({ name, changes }) => experimentVariant(name, opened, { ...set, ...changes })),
    ...(bounds
      ? [randomBaseline(train, settings.seed), retrievalBaseline(train), referenceBaseline()]
      : []
    ).map((bound) => cutVariant(bound, settings.maxNewTokens, base.tokenizer)),
  ];
  const place = { directory: out, runId };
  await evaluateVariants(variants, answered, { ...place, seed: settings.seed });
  base.checkpoint.close();
  showTable(scoreRows(readEvaluation(place).variants, shown), {
    caption: `${answered.length} ${split} conversations, with 95 % intervals`,
  });
  const written = Object.values(evaluationPaths(place)).map((path) => `  ${shownPath(path)}`);
  console.log(`\nWritten:\n${written.join("\n")}`);
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
});
