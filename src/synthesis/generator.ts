import { join } from "node:path";
import type { ChatSource, TokenUsage } from "../chat-api";
import type { Dialogue, Persona } from "../corpus";
import { type MethodHooks, runMethod, sft } from "../experiments";
import { generateTexts } from "../generation";
import { sha256, writeJsonLines } from "../io";
import {
  type Checkpoint,
  loadPretrained,
  mergeAdapter,
  openPretrained,
  readAdapter,
  type Tokenizer,
} from "../models";
import { personaInstruction } from "../prompts";
import { Random } from "../random";
import { checksum } from "../training";
import type { Answerer } from "./attributes";
import { dialogueRow, type Facts, factsOfBoth, profilesPrompt, TURNS } from "./dialogues";

/** What a generator wrote for a pair. */
export interface Written {
  readonly text: string;
  /** Whether it ended at its most tokens, and not by itself. */
  readonly isCut: boolean;
  readonly usage: TokenUsage;
}

/** Writes dialogues of pairs. What it writes depends on what it is given alone. */
export interface Generator {
  readonly name: string;
  /** What identifies it, to the last bit. */
  readonly fingerprint: unknown;
  /**
   * Has it learn from a pool, in an iteration (from 1): what is written then follows from it.
   *
   * @param directory where it may keep what it learned
   * @returns seconds that learning took, also where that was in an earlier process
   */
  learn(pool: readonly Dialogue[], iteration: number, directory: string): Promise<number>;
  /** Dialogues of pairs, `candidates` of each, in order. */
  write(pairs: readonly Facts[], candidates: number, seed: number): Promise<readonly (readonly Written[])[]>;
}

export interface TunedOptions {
  readonly seed: number;
  /** Steps of the first iteration, and of each later one. */
  readonly steps: { readonly first: number; readonly later: number };
  readonly maxNewTokens: number;
  readonly hooks?: MethodHooks;
}

/** Texts that go through the model together. */
const BATCH = 16;

/**
 * A causal model of this project as a generator: it is tuned on a pool, from profiles to dialogue, by supervised fine-tuning, and in
 * later iterations goes on from its last adapter. Drawn with top-k 40 and temperature 0.7, as in the paper.
 *
 * @param folder of the model
 */
export async function tunedGenerator(
  folder: string,
  { seed, steps, maxNewTokens, hooks }: TunedOptions,
): Promise<Generator> {
  const { checkpoint, tokenizer } = await openCausal(folder);
  const model = identityOf(checkpoint);
  let adapter: string | undefined;
  const learned: string[] = [];
  return {
    name: `${folder.split(/[\\/]/).at(-1)!}, tuned`,
    fingerprint: { ...model, seed, steps, maxNewTokens },
    async learn(pool, iteration, directory) {
      const rows = pool.map((dialogue) => dialogueRow(tokenizer, dialogue));
      learned.push(sha256(JSON.stringify(rows)));
      const name = `${iteration}-${sha256(JSON.stringify({ ...model, seed, steps, learned })).slice(0, 12)}`;
      const data = join(directory, `${name}.jsonl`);
      writeJsonLines(data, rows);
      const output = join(directory, name);
      const { log } = await runMethod(
        sft,
        {
          ...{
            model: folder,
            data,
            output,
            seed,
            batchSize: 4,
            learningRate: 1e-3,
            saveSteps: 10,
            maxLength: 448,
          },
          ...(adapter === undefined ? { rank: 16, alpha: 32 } : { adapter }),
          maxSteps: iteration === 1 ? steps.first : steps.later,
        },
        hooks,
      );
      adapter = output;
      return log.reduce((sum, row) => sum + row.seconds, 0);
    },
    async write(pairs, candidates, seed) {
      const parameters = adapter
        ? mergeAdapter(checkpoint.parameters, readAdapter(adapter, checkpoint))
        : checkpoint.parameters;
      const prompts = pairs.map((pair) => profilesPrompt(tokenizer, pair));
      const texts = await withGenerator({ ...checkpoint, parameters }, tokenizer, prompts, {
        ...{ maxNewTokens, numReturnSequences: candidates, seed, batchSize: Math.ceil(BATCH / candidates) },
      });
      return pairs.map((_, i) => texts.slice(i * candidates, (i + 1) * candidates));
    },
  };
}

/** The embedded causal model, or another one, as one who answers questions as a persona; see `Answerer`. */
export async function modelAnswerer(folder: string): Promise<Answerer> {
  const { checkpoint, tokenizer } = await openCausal(folder);
  const answer: Answerer["answer"] = async (asked, seed) => {
    const prompts = asked.map(({ known, query }) =>
      tokenizer.applyChatTemplate(
        [
          { role: "system", content: personaInstruction({ facts: known } satisfies Persona) },
          { role: "user", content: query },
        ],
        { addGenerationPrompt: true },
      ),
    );
    const answers = await withGenerator(checkpoint, tokenizer, prompts, {
      ...{ maxNewTokens: 24, numReturnSequences: 1, seed, batchSize: 2 * BATCH },
    });
    return answers.map(({ text }) => text.trim());
  };
  return { fingerprint: identityOf(checkpoint), answer };
}

/** What tells models apart: their config and parameters. */
const identityOf = ({ architecture, config, parameters }: Checkpoint) => ({
  config: sha256(JSON.stringify(config)),
  parameters: checksum(parameters, Object.keys(architecture.parameterShapes(config))),
});

async function openCausal(folder: string) {
  const opened = /^[\w-][\w.-]*\/[\w.-]+$/.test(folder)
    ? await loadPretrained({ pretrained: folder })
    : await openPretrained({ kind: "directory", directory: folder, why: "named" });
  if (opened.checkpoint.architecture.taskType !== "CAUSAL_LM")
    throw new Error(`${folder}: dialogues are made by a causal model, and this is none: take a Llama`);
  return opened;
}

async function withGenerator(
  checkpoint: Checkpoint,
  tokenizer: Tokenizer,
  prompts: readonly (string | readonly number[])[],
  options: {
    readonly maxNewTokens: number;
    readonly numReturnSequences: number;
    readonly seed: number;
    readonly batchSize: number;
  },
): Promise<Written[]> {
  const generator = await checkpoint.architecture.createGenerator(checkpoint);
  try {
    const texts = await generateTexts(generator, tokenizer, prompts, {
      ...options,
      ...{ doSample: true, topK: 40, temperature: 0.7 },
    });
    const lengths = prompts.map((prompt) =>
      typeof prompt === "string" ? tokenizer.encode(prompt, { addEos: false }).length : prompt.length,
    );
    return texts.map(({ text, tokens, input }) => ({
      text,
      isCut: !generator.stopTokenIds.includes(tokens.at(-1)!),
      usage: { promptTokens: lengths[input]!, completionTokens: tokens.length },
    }));
  } finally {
    await generator.dispose();
  }
}

/** Examples that are shown with a pair, as in the paper. */
const SHOWN = 5;

/** A larger model as a generator: it is shown five dialogues of the pool with their profiles, and asked for another one. */
export function askedGenerator(
  source: ChatSource,
  { maxNewTokens }: { readonly maxNewTokens: number },
): Generator {
  let pool: readonly Dialogue[] = [];
  return {
    name: source.name,
    fingerprint: { source: source.name, maxNewTokens, shown: SHOWN },
    learn(now) {
      pool = now;
      return Promise.resolve(0);
    },
    write: (pairs, candidates, seed) =>
      Promise.all(
        pairs.map((pair, i) =>
          Promise.all(
            Array.from({ length: candidates }, async (_, j): Promise<Written> => {
              const own = seed * 100_000 + i * 100 + j;
              const { text, finish, usage } = await source.ask({
                ...{
                  messages: fewShot(pool, pair, own),
                  maxTokens: maxNewTokens,
                  temperature: 0.7,
                  seed: own,
                },
              });
              return { text, isCut: finish === "length", usage };
            }),
          ),
        ),
      ),
  };
}

function fewShot(pool: readonly Dialogue[], pair: Facts, seed: number) {
  const shown = new Random(seed).shuffle(pool).slice(0, SHOWN);
  const profiles = ([first, second]: Facts) =>
    ["User 1:", ...first.map((fact) => `- ${fact}`), "User 2:", ...second.map((fact) => `- ${fact}`)].join(
      "\n",
    );
  const examples = shown.map(
    (dialogue) =>
      `${profiles(factsOfBoth(dialogue))}\n\n${dialogue.turns.map(({ speaker, text }) => `User ${speaker}: ${text}`).join("\n")}`,
  );
  const task =
    `Write a natural conversation of these two, of ${TURNS.fewest} to ${TURNS.most} turns, each on a line of its own that begins with "User 1:" or "User 2:". ` +
    "They tell what is true of them in words of their own and do not recite it. Write nothing else.";
  return [
    { role: "user" as const, content: [...examples, `${profiles(pair)}\n\n${task}`].join("\n\n---\n\n") },
  ];
}
