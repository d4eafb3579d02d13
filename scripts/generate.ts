/** npm run generate: a teacher writes dialogues of the personas, to train a simulator on. */
import { join, resolve } from "node:path";
import { Command, InvalidArgumentError } from "commander";
import { type Budget, ChatClient, describeSpent, type Prices } from "../src/chat-api";
import { personaDirectory, personaNamed, readPersonaSpecs } from "../src/corpus";
import { showTable, startProgress } from "../src/display";
import { jobTeacher, openTeacher as openLocal } from "../src/grid";
import { checkWritable, shownPath } from "../src/io";
import {
  collectRecords,
  type Generated,
  type GenerateOptions,
  generateRecords,
  generationPaths,
  keptUsage,
  readTopics,
  topicsFile,
} from "../src/simulator";
import { type JobChoices, jobEngine, withJobOptions } from "./job-options";
import { deviceOption, wholeFrom } from "./options";
import { say, stopOnSignal } from "./stopping";

interface Options extends JobChoices {
  perJob: number;
  teacher?: string;
  local?: string;
  count: number;
  persona: string[];
  personas: string;
  topics: string;
  out: string;
  seed: number;
  concurrency: number;
  maxTokens: number;
  temperature: number;
  prices?: Prices;
  money?: number;
  tokens?: number;
}

/** A number from 0, for an option. */
function amount(text: string): number {
  const value = Number(text);
  if (text.trim() === "" || !(value >= 0 && Number.isFinite(value)))
    throw new InvalidArgumentError(`"${text}" is not a number from 0.`);
  return value;
}

function readPrices(text: string): Prices {
  const [prompt, completion, ...others] = text.split(",").map(amount);
  if (prompt === undefined || completion === undefined || others.length > 0)
    throw new InvalidArgumentError(`"${text}" is not two prices such as 0.15,0.60.`);
  return { prompt, completion };
}

const command = withJobOptions(
  new Command("npm run generate --"),
  "with --local, jobs",
  "none, the model writes in this process",
)
  .option("--per-job <number>", "dialogues of a job", wholeFrom(1), 40)
  .description(
    "A teacher writes dialogues of eight turns or more from persona specifications and topics. What is well formed, in character, " +
      "harmless and new is kept.",
  )
  .option(
    "--teacher <model>",
    "a model behind the chat API at OPENAI_BASE_URL, with the key in OPENAI_API_KEY",
  )
  .option("--local <model>", "instead: a model of this project's kinds, as npm run chat takes it")
  .option(
    "--count <number>",
    "dialogues that are asked for in all, those of earlier runs included",
    wholeFrom(1),
    50,
  )
  .option(
    "--persona <id>",
    "only this persona (repeatable)",
    (text: string, before: string[]) => [...before, text],
    [],
  )
  .option("--personas <folder>", "persona specifications, a JSON file each", personaDirectory)
  .option("--topics <file>", "a topic a line", topicsFile)
  .option(
    "--out <folder>",
    "where the dialogues lie",
    join(process.env["PERSONA_OUTPUTS"] || "outputs", "generated"),
  )
  .option(
    "--seed <number>",
    "for the order of topics, the partners and the teacher's draws",
    wholeFrom(0),
    13,
  )
  .option("--concurrency <number>", "requests on their way at a time", wholeFrom(1), 4)
  .option("--max-tokens <number>", "the most tokens of a dialogue", wholeFrom(1), 1200)
  .option("--temperature <number>", "0 takes the likeliest token each time", amount, 0.9)
  .option("--prices <prompt,completion>", "what a million tokens cost", readPrices)
  .option("--money <amount>", "what all runs in this folder may cost, by --prices", amount)
  .option("--tokens <number>", "how many tokens all runs in this folder may take", amount)
  .addOption(deviceOption())
  .addHelpText(
    "after",
    `
After the first 50 dialogues of a run it is told what the others will take: begin with --count 50 to see it for 10,000. The same command
with the same or a larger --count goes on where it was stopped or killed. A first Ctrl-C waits for the requests that are on their way,
a second one leaves at once; neither loses what was answered.

A model of this project (--local) can write in several processes (--parallel), or on whatever machines npm run worker is at work
(--redis, docs/jobs.md). What it writes is the same, as long as --concurrency is.

The folder holds dialogues.jsonl (kept), rejected.jsonl (each with its reason), answers.jsonl (as they came) and generation.json.

Examples:
  OPENAI_BASE_URL=https://api.openai.com/v1 OPENAI_API_KEY=… npm run generate -- --teacher MODEL --prices 0.15,0.60 --money 5
  npm run generate -- --local models/teacher --count 60 --concurrency 8
  npm run generate -- --local models/teacher --count 10000 --redis redis://10.0.0.5:6379`,
  )
  .showHelpAfterError();

/** Has a teacher write, in this process or as jobs. */
async function generate(options: Options, generation: Omit<GenerateOptions, "teacher">): Promise<Generated> {
  const { teacher, local, concurrency, prices, money, tokens, out } = options;
  if ((teacher === undefined) === (local === undefined))
    throw new Error("name a teacher: --teacher MODEL behind a chat API, or --local MODEL in this process");
  const areJobs = options.redis !== undefined || options.parallel !== undefined;
  if (local === undefined) {
    if (areJobs)
      throw new Error(
        "--redis and --parallel: are for a model that computes here (--local); what is asked of an API goes out of one process, --concurrency at a time",
      );
    const name = teacher!;
    const budget = budgetLeft(out, { money, tokens }, prices);
    const client = new ChatClient({ model: name, concurrency, budget, ...(prices && { prices }) });
    const generated = await generateRecords(client, { ...generation, teacher: name });
    console.log(`this run: ${describeSpent(client.spent)}`);
    return generated;
  }
  if (money !== undefined || tokens !== undefined)
    throw new Error("a model in this process costs nothing: leave out --money and --tokens");
  if (areJobs) {
    const { personas, persona, topics, seed, maxTokens, temperature, perJob } = options;
    const answering = jobTeacher({
      ...{ model: local, personas, persona: persona.join(","), topics, seed, maxTokens, temperature },
      ...{ rows: concurrency, perJob, directory: join(out, "jobs"), engine: jobEngine(options), say },
      ...(generation.signal && { signal: generation.signal }),
    });
    return collectRecords(answering, { ...generation, teacher: answering.teacher, inBatches: true });
  }
  const opened = await openLocal(local, concurrency);
  console.log(opened.why);
  try {
    return await generateRecords(opened.source, { ...generation, teacher: opened.name, inBatches: true });
  } finally {
    await opened.close();
  }
}

/** What earlier runs in the folder have left of a budget. */
function budgetLeft(
  out: string,
  { money, tokens }: Pick<Options, "money" | "tokens">,
  prices: Prices | undefined,
): Budget {
  const { promptTokens, completionTokens } = keptUsage(out);
  const paid = prices ? (promptTokens * prices.prompt + completionTokens * prices.completion) / 1e6 : 0;
  return {
    ...(money !== undefined && { money: Math.max(0, money - paid) }),
    ...(tokens !== undefined && { tokens: Math.max(0, tokens - promptTokens - completionTokens) }),
  };
}

function report({ records, rejected, open, stopped }: Generated, out: string): void {
  const reasons = new Map<string, number>();
  for (const { reason } of rejected) {
    const kind = reason.split(/[:;]/)[0]!.replace(/\d+/g, "…");
    reasons.set(kind, (reasons.get(kind) ?? 0) + 1);
  }
  const ids = [...new Set(records.map(({ persona_id }) => persona_id))].sort();
  const rows = [
    ...ids.map((id) => ({
      what: `kept, ${id}`,
      dialogues: records.filter((one) => one.persona_id === id).length,
    })),
    ...[...reasons]
      .sort(([, a], [, b]) => b - a)
      .map(([kind, dialogues]) => ({ what: `rejected, ${kind}`, dialogues })),
    ...(open > 0 ? [{ what: "not answered yet", dialogues: open }] : []),
  ];
  showTable(rows);
  const { records: kept, rejected: not } = generationPaths(out);
  console.log(`\nWritten:\n  ${records.length > 0 ? `${shownPath(kept)}\n  ` : ""}${shownPath(not)}`);
  if (stopped !== undefined) console.log(`\nstopped: ${stopped}`);
  if (open > 0) console.log("the same command goes on from here");
}

async function main(): Promise<void> {
  command.parse();
  const options = command.opts<Options>();
  options.out = resolve(options.out);
  const all = readPersonaSpecs(options.personas);
  const personas = options.persona.length > 0 ? options.persona.map((id) => personaNamed(id, all)) : all;
  const topics = readTopics(options.topics);
  checkWritable(options.out);
  const signal = stopOnSignal("Stopping after the requests that are on their way");
  const { count, seed, concurrency, maxTokens, temperature, prices, out } = options;
  const generated = await generate(options, {
    ...{ personas, topics, count, seed, concurrency, maxTokens, temperature },
    ...(prices && { prices }),
    directory: out,
    signal,
    say,
    progress: (total) => startProgress("teacher", total, { unit: "dialogues" }),
  });
  report(generated, out);
  if (generated.open > 0) process.exitCode = signal.aborted ? 130 : 1;
}

main()
  .catch((error: unknown) => {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 1;
  })
  .finally(() => process.exit());
