/** npm run judge: measures the embedded judge on held-out answers and writes its card. */
import { relative } from "node:path";
import { Command } from "commander";
import { findPart, readPart } from "../src/corpus";
import { formatDuration, showTable, startProgress } from "../src/display";
import { shownPath, writeJson } from "../src/io";
import { embeddedChatModel } from "../src/models";
import {
  composedJudge,
  describeStanding,
  embeddedCard,
  embeddedComposition,
  heldOutPlaces,
  type JudgeCard,
  measureJudge,
  openLikelihood,
  partsOf,
  whyNotDecides,
} from "../src/judges";
import { deviceOption, wholeFrom } from "./options";

interface Options {
  card: string;
  places?: number;
}

const SAMPLE = "data/sample";

/** `every`th place, so that all dialogues have their share. */
const spread = <T>(all: readonly T[], count: number): T[] =>
  all.filter((_, i) => Math.floor((i * count) / all.length) !== Math.floor(((i - 1) * count) / all.length));

function cardRows({ judge, contradicted, swapped, parts }: JudgeCard) {
  const row = (
    of: string,
    auc: Record<"contradicted" | "swapped", { value: number; low: number; high: number }>,
  ) => ({
    judge: of,
    "AUC, contradictions": auc.contradicted.value,
    "from ": auc.contradicted.low,
    "to ": auc.contradicted.high,
    "AUC, swapped personas": auc.swapped.value,
    from: auc.swapped.low,
    to: auc.swapped.high,
  });
  return [
    row(judge, { contradicted: contradicted.auc, swapped: swapped.auc }),
    ...Object.entries(parts).map(([name, auc]) => row(`  ${name} alone`, auc)),
  ];
}

async function main(): Promise<void> {
  const command = new Command("npm run judge --")
    .description(
      "Measures how well the embedded judge tells right answers from contradictions and from those of swapped personas, on the sample's test " +
        "split, and writes its card. docs/judges.md explains it.",
    )
    .argument(
      "[model]",
      "a causal model tuned on dialogues: a folder, a GGUF file, or OWNER/NAME of the Hugging Face hub",
      embeddedChatModel,
    )
    .option("--card <FILE>", "where the card is written", embeddedCard)
    .option(
      "--places <number>",
      "how many places are judged at most, for a first look; default: all",
      wholeFrom(2),
    )
    .addOption(deviceOption())
    .showHelpAfterError()
    .parse();
  const { card: path, places: most } = command.opts<Options>();
  const model = command.args[0] ?? embeddedChatModel;
  const started = performance.now();
  const root = `${__dirname}/..`;
  const { rows } = readPart(findPart(`${root}/${SAMPLE}`, "test"), "test");
  const { places: all, labels } = heldOutPlaces(rows);
  const places = most === undefined ? all : spread(all, most);
  const composition = embeddedComposition({ likelihood: await openLikelihood(model) });
  const judge = composedJudge(composition);
  const progress = startProgress("Judging", places.length, { unit: "places" });
  const shown = relative(root, model).startsWith("..") ? shownPath(model) : relative(root, model);
  const card = await measureJudge(
    judge,
    { places, labels },
    {
      data: `${SAMPLE}/test.csv and data/judges/contradictions.json`,
      command: `npm run judge -- ${shown}${most === undefined ? "" : ` --places ${most}`}`,
      parts: partsOf(composition),
      onProgress: () => progress.advance(1),
    },
  );
  progress.finish();
  writeJson(path, card);
  showTable(cardRows(card), {
    caption: describeStanding({ name: judge.name, standing: { card } }),
    digits: 2,
  });
  const why = whyNotDecides({ card });
  console.log(why === undefined ? "It may reward and decide." : `It may not reward or decide: ${why}.`);
  console.log(`${shownPath(path)} written after ${formatDuration((performance.now() - started) / 1000)}`);
}

main()
  .catch((error: unknown) => {
    console.error((error as Error).message);
    process.exitCode = 1;
  })
  .finally(() => process.exit());
