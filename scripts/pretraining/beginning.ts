import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { z } from "zod";
import { readJson, sha256File, writeJson } from "../../src/io";
import { openModelDirectory, WEIGHTS_FILE } from "../../src/models/pretrained";
import { embeddedTokenizer } from "../../src/models/tokenizer";
import type { PretrainingTokens } from "../../src/pretraining";
import type { PretrainingKind, TrainableModel } from "./kind";

const TOKENIZER_FILE = "tokenizer.json";
const LOG_FILE = "training_log.jsonl";

/** The weights that a run goes on from. */
export interface GivenWeights {
  /** The folder's name. */
  readonly name: string;
  /** What kind of model it is. */
  readonly kind: string;
  readonly sha256: string;
  /** The run that they are a checkpoint of, if it was one of these. */
  readonly run?: { readonly steps: number; readonly tokens: number; readonly started: Started };
}

/** When and from which code and weights a run was started. */
export interface Started {
  readonly date: string;
  readonly commit: string;
  readonly from?: GivenWeights;
}

const givenSchema: z.ZodType<GivenWeights> = z.lazy(() =>
  z.object({
    name: z.string(),
    kind: z.string(),
    sha256: z.string(),
    run: z.object({ steps: z.number(), tokens: z.number(), started: startedSchema }).optional(),
  }),
);
const startedSchema: z.ZodType<Started> = z.lazy(() =>
  z.object({ date: z.string(), commit: z.string(), from: givenSchema.optional() }),
);
const stepSchema = z.object({ step: z.number(), tokensPerSecond: z.number(), seconds: z.number() });

const STARTED_FILE = "started.json";

/** How a run was started, kept in its folder for when it is taken up again. */
export function startedIn(folder: string, from: GivenWeights | undefined): Started {
  const path = join(folder, STARTED_FILE);
  if (existsSync(path)) return startedSchema.parse(readJson(path));
  const { status, stdout } = spawnSync("git", ["rev-parse", "--short", "HEAD"], { encoding: "utf8" });
  const commit = status === 0 ? stdout.trim() : "unknown";
  const started: Started = { date: new Date().toISOString().slice(0, 10), commit, ...(from && { from }) };
  writeJson(path, started);
  return started;
}

/** The run whose folder a checkpoint lies in. */
function runOf(checkpoint: string): GivenWeights["run"] {
  const folder = dirname(resolve(checkpoint));
  const [started, log] = [STARTED_FILE, LOG_FILE].map((name) => join(folder, name)) as [string, string];
  const [, last] = /^checkpoint-(\d+)$/.exec(basename(resolve(checkpoint))) ?? [];
  if (last === undefined || !existsSync(started) || !existsSync(log)) return undefined;
  const steps = readFileSync(log, "utf8")
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => stepSchema.parse(JSON.parse(line)))
    .filter(({ step }) => step <= Number(last));
  const tokens = steps.reduce((sum, { tokensPerSecond, seconds }) => sum + tokensPerSecond * seconds, 0);
  return { steps: steps.length, tokens: Math.round(tokens), started: startedSchema.parse(readJson(started)) };
}

/** The model that a run begins with. */
export interface Beginning {
  readonly model: TrainableModel;
  /** Undefined where its weights are random. */
  readonly from?: GivenWeights;
}

/**
 * A model of random weights, or of those in a folder.
 *
 * @throws {Error} if the folder's model has another tokenizer, or is of a kind that this one cannot go on from
 */
export async function beginning(
  kind: PretrainingKind,
  folder: string | undefined,
  tokens: PretrainingTokens,
  seed: number,
): Promise<Beginning> {
  if (folder === undefined) return { model: kind.fromNothing(tokens, seed) };
  const own = join(folder, TOKENIZER_FILE);
  const read = (path: string) => JSON.stringify(JSON.parse(readFileSync(path, "utf8")));
  if (existsSync(own) && read(own) !== read(join(embeddedTokenizer, TOKENIZER_FILE)))
    throw new Error(
      `${folder}: its tokenizer is another than the project's own, so that its weights are for other tokens`,
    );
  const given = openModelDirectory(folder);
  try {
    const { vocabSize } = given.config;
    const needed = Math.max(...tokens.sentinels) + 1;
    if (vocabSize < needed)
      throw new Error(
        `${folder}: it has ${vocabSize} tokens, where the project's own tokenizer has ${needed}`,
      );
    const model = kind.fromWeights(given, tokens);
    const sha256 = await sha256File(join(folder, WEIGHTS_FILE));
    const run = runOf(folder);
    const from = {
      name: basename(resolve(folder)),
      kind: given.architecture.name,
      sha256,
      ...(run && { run }),
    };
    return { model, from };
  } finally {
    given.close();
  }
}
