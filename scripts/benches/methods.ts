import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { effect } from "../../src/analysis";
import { type Dialogue, loadCorpus, type Message, sampleDirectory } from "../../src/corpus";
import { type EvaluatedVariant, evaluateVariants, type Metric } from "../../src/evaluation";
import {
  answeringSettings,
  answeringVariant,
  askedRows,
  dpo,
  learningCurves,
  type LoggedRun,
  type Method,
  openTrained,
  ppo,
  rloo,
  runMethod,
  sft,
} from "../../src/experiments";
import { BrowserMissingError, closeBrowser, renderFigure } from "../../src/figures";
import { writeFileWhole, writeJsonLines } from "../../src/io";
import { bootstrapMean, type Interval } from "../../src/metrics";
import { asConversation } from "../../src/prompts";
import { Random } from "../../src/random";
import { type Bench, round } from "./bench";

const root = join(__dirname, "../..");
/** A causal model with a chat template. */
const MODEL = process.env["METHODS_MODEL"] ?? join(root, "data/chat-model");
/** Share of the usual steps and iterations, to try it out. */
const SHARE = Number(process.env["METHODS_SHARE"] ?? 1);
/** The word that is paid for. */
const WORD = process.env["METHODS_WORD"] ?? "love";
const SEED = 13;

const steps = (usual: number) => Math.max(2, Math.round(SHARE * usual));

/** Messages of a row: who the assistant is, and four times what the user says and what it answers. */
const MESSAGES = 9;

/** What is trained, in this order; DPO stands on SFT's adapter. */
const lora = { rank: 16, alpha: 32, maxLength: 384, seed: SEED };
const online = {
  ...{ ...lora, rewards: [{ reward: "word", word: WORD }], maxNewTokens: 16, learningRate: 1e-3 },
  ...{ promptsPerIteration: 8, completionsPerPrompt: 4, batchSize: 16, maxLength: 80 },
};
const configurations = {
  sft: { ...lora, learningRate: 1e-3, batchSize: 8, maxSteps: steps(60) },
  dpo: { maxLength: 384, seed: SEED, learningRate: 2e-4, batchSize: 8, maxSteps: steps(30) },
  rloo: { ...online, iterations: steps(40), klCoefficient: 0.02 },
  ppo: { ...online, iterations: steps(40), epochsPerIteration: 2, klCoefficient: 0.02, temperature: 1 },
};

interface Pair {
  readonly prompt: readonly Message[];
  readonly chosen: readonly Message[];
  readonly rejected: readonly Message[];
  readonly meta: object;
}

/** Both sides of each dialogue as a row: who the assistant is, in the system message, and what the two say at first. */
function conversations(dialogues: readonly Dialogue[]) {
  return dialogues.flatMap((dialogue) =>
    ([1, 2] as const).flatMap((speaker) => {
      const row = asConversation(dialogue, speaker);
      const [assistant, user] = [dialogue.personas[speaker - 1]!, dialogue.personas[2 - speaker]!];
      if (!row) return [];
      return [{ messages: row.messages.slice(0, MESSAGES), meta: { personas: { assistant, user } } }];
    }),
  );
}

/** Of each row one turn of the assistant: what was said, before what somebody else says somewhere in another dialogue. */
function pairs(rows: ReturnType<typeof conversations>, random: Random): Pair[] {
  const answers = (messages: readonly Message[]) =>
    messages.flatMap(({ role }, at) =>
      role === "assistant" && messages[at - 1]?.role === "user" ? [at] : [],
    );
  const drawn = <T>(items: readonly T[]) => items[random.integer(items.length)]!;
  return rows.map(({ messages, meta }, i) => {
    const at = drawn(answers(messages));
    // Rows of one dialogue stand side by side.
    const other = rows[(i + 2 + random.integer(rows.length - 3)) % rows.length]!.messages;
    return {
      prompt: messages.slice(0, at),
      chosen: [messages[at]!],
      rejected: [other[drawn(answers(other))]!],
      meta,
    };
  });
}

/** What the user opens each conversation with, to somebody of whom nothing is said: short prompts, as a word is all that is paid for. */
const openings = (rows: ReturnType<typeof conversations>) =>
  rows.map(({ messages }) => ({ prompt: [messages.find(({ role }) => role === "user")!] }));

const bench: Bench = {
  description:
    "SFT, DPO, RLOO and PPO on the embedded conversations: what SFT and DPO change on held-out ones, with intervals, and how a word " +
    "that is paid for is learned. METHODS_MODEL names the causal model, METHODS_SHARE a share of the steps, METHODS_WORD the word; " +
    "curves go to docs/methods where all steps are done",
  async run(report) {
    const folder = mkdtempSync(join(tmpdir(), "methods-"));
    try {
      const { splits } = await loadCorpus({ directory: sampleDirectory });
      const random = new Random(SEED);
      const rows = conversations(splits.train);
      const heldOut = pairs(conversations([...splits.valid, ...splits.test]), random.fork(1));
      // Each pair once: the reference scores them all.
      const { maxSteps, batchSize } = configurations.dpo;
      const preferred = pairs(rows, random.fork(0)).slice(0, maxSteps * batchSize);
      const file = (name: string, of: readonly object[]) => {
        const path = join(folder, `${name}.jsonl`);
        writeJsonLines(path, of);
        return path;
      };
      const swapped = heldOut.map(({ chosen, rejected, ...row }) => ({
        ...row,
        chosen: rejected,
        rejected: chosen,
      }));
      const data = {
        sft: file("conversations", rows),
        dpo: file("pairs", preferred),
        online: file("prompts", openings(rows)),
        held: file("held-out", heldOut),
        swapped: file("swapped", swapped),
      };
      const log: Record<string, LoggedRun & { seconds: number }> = {};
      const train = async (method: Method, of: string, extra: object = {}) => {
        const started = performance.now();
        const output = join(folder, method.name);
        const named = configurations[method.name as keyof typeof configurations];
        const config = { model: MODEL, data: of, output, ...named, ...extra };
        const { log: steps } = await runMethod(method, config, {
          say: (line) => report(`${method.name}: ${line}`),
          onMessage: (message, event) => event !== "saved" && report(`${method.name}: ${message}`),
        });
        log[method.name] = {
          name: method.name.toUpperCase(),
          log: steps,
          seconds: (performance.now() - started) / 1000,
        };
        return output;
      };
      const tuned = await train(sft, data.sft);
      const aligned = await train(dpo, data.dpo, {
        adapter: tuned,
        reference: { kind: "adapter", directory: tuned },
      });
      await train(rloo, data.online);
      await train(ppo, data.online);
      report("answering held-out conversations");
      const evaluated = await evaluateHeldOut({ SFT: tuned, DPO: aligned }, data, folder);
      return {
        model: MODEL.replace(`${root}/`, ""),
        word: WORD,
        configurations,
        ...evaluated,
        learned: {
          rloo: learned(log["rloo"]!.log, 1),
          ppo: learned(log["ppo"]!.log, configurations.ppo.epochsPerIteration),
        },
        seconds: Object.fromEntries(Object.entries(log).map(([name, { seconds }]) => [name, round(seconds)])),
        figures: SHARE === 1 ? await drawn(log) : "all steps are needed for figures",
      };
    } finally {
      await closeBrowser();
      rmSync(folder, { recursive: true });
    }
  },
};
export default bench;

/** Scores of the answers to held-out turns, and whether what was said there is likelier than what somebody else says elsewhere. */
async function evaluateHeldOut(
  adapters: Readonly<Record<string, string>>,
  { held, swapped }: { readonly held: string; readonly swapped: string },
  directory: string,
) {
  const opened = [];
  for (const [name, adapter] of Object.entries(adapters))
    opened.push({ name, model: await openTrained(adapter) });
  const { adapter: _, ...base } = opened[0]!.model;
  const all = [{ name: "base", model: { ...base, adapter: undefined } }, ...opened];
  const score = (path: string, maxNewTokens: number, runId: string) =>
    evaluateVariants(
      all.map(({ name, model }) => answeringVariant(name, model, answeringSettings({ maxNewTokens }))),
      askedRows(path, { seed: SEED, limit: Math.max(8, Math.round(SHARE * 96)) }),
      { directory, runId },
    );
  const answered = await score(held, 24, "held");
  const others = await score(swapped, 1, "swapped");
  for (const { model } of opened) model.base.checkpoint.close();
  const margins = answered.map((one, i) => preferences(one, others[i]!));
  const name = (i: number) => answered[i]!.summary.variant;
  return {
    heldOut: answered[0]!.cases.length,
    rows: answered.flatMap(({ summary }, i) => [
      ...metrics.map((metric) =>
        row(
          name(i),
          metric,
          summary.likelihood?.[metric as "bitsPerByte"] ?? summary.metrics[metric as "rougeL"],
        ),
      ),
      row(
        name(i),
        "nats a token by which what was said is likelier",
        bootstrapMean(margins[i]!, { seed: SEED }),
      ),
      row(
        name(i),
        "share of turns of which it is",
        bootstrapMean(
          margins[i]!.map((margin) => Number(margin > 0)),
          { seed: SEED },
        ),
      ),
    ]),
    differences: (
      [
        [1, 0],
        [2, 1],
        [2, 0],
      ] as const
    ).flatMap(([a, b]) => [
      ...metrics.map((metric) =>
        row(`${name(a)} − ${name(b)}`, metric, effect([answered[a]!], [answered[b]!], metric)),
      ),
      row(
        `${name(a)} − ${name(b)}`,
        "nats a token by which what was said is likelier",
        bootstrapMean(
          margins[a]!.map((margin, i) => margin - margins[b]![i]!),
          { seed: SEED },
        ),
      ),
    ]),
  };
}

const metrics = [
  "bitsPerByte",
  "rougeL",
  "personaCoverageContent",
  "ownership",
  "outputTokens",
] as const satisfies readonly Metric[];

const row = (of: string, metric: string, { value, low, high }: Interval) => ({
  ...{ of, metric, value: round(value), low: round(low), high: round(high) },
});

/** By how many nats a token what was said is likelier than what was said elsewhere, case by case. */
function preferences(said: EvaluatedVariant, elsewhere: EvaluatedVariant): number[] {
  const surprise = ({ cases }: EvaluatedVariant) =>
    cases.map(({ likelihood }) => likelihood!.nats / likelihood!.tokens);
  const other = surprise(elsewhere);
  return surprise(said).map((nats, i) => other[i]! - nats);
}

/** The share of completions with the word in the first and the last fifth of a run, with intervals over iterations. */
function learned(log: LoggedRun["log"], stepsPerIteration: number) {
  const first = log.filter(({ step }) => (step - 1) % stepsPerIteration === 0);
  const rewards = first.flatMap(({ metrics }) => metrics?.["reward"] ?? []);
  const fifth = Math.max(1, Math.floor(rewards.length / 5));
  const mean = (some: readonly number[]) => row("", "", bootstrapMean(some, { seed: SEED }));
  const of = ({ value, low, high }: Interval) => ({ value, low, high });
  return {
    iterations: rewards.length,
    first: of(mean(rewards.slice(0, fifth))),
    last: of(mean(rewards.slice(-fifth))),
    klAtTheEnd: round(log.at(-1)!.metrics!["objective/kl"]!),
  };
}

/** The curves, into the pages of the methods; where no browser draws them the figures of the bench remain. */
async function drawn(log: Readonly<Record<string, LoggedRun>>): Promise<string[] | string> {
  try {
    return await draw(log);
  } catch (error) {
    if (error instanceof BrowserMissingError) return error.message;
    throw error;
  }
}

async function draw(log: Readonly<Record<string, LoggedRun>>): Promise<string[]> {
  const write = async (
    name: string,
    runs: readonly LoggedRun[],
    title: string,
    watched: readonly string[],
  ) => {
    const { svg } = await renderFigure(learningCurves(runs, { title, metrics: watched }));
    const path = join(root, "docs/methods", `${name}.svg`);
    writeFileWhole(path, svg);
    return `docs/methods/${name}.svg`;
  };
  const { sft: tuned, dpo: aligned, rloo: first, ppo: second } = log;
  return [
    await write("sft-learned", [tuned!], "Supervised fine-tuning on the embedded conversations", sft.watched),
    await write(
      "dpo-learned",
      [aligned!],
      "What was said is preferred to what somebody else says",
      dpo.watched,
    ),
    await write("online-learned", [first!, second!], `The word “${WORD}” is learned`, rloo.watched),
  ];
}
