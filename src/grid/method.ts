import { existsSync } from "node:fs";
import { join } from "node:path";
import { evaluateVariants, evaluationPaths } from "../evaluation";
import {
  answeringSettings,
  answeringVariant,
  askedRows,
  checkConfig,
  type Method,
  methods,
  openTrained,
  runMethod,
  stepNote,
} from "../experiments";
import { contentsOf, readJson } from "../io";
import { openSource } from "../serve";
import { didYouMean } from "../text";
import { checksumOf } from "./checksum";
import type { Settings } from "./declaration";
import type { GridTask } from "./task";

/** What a run's settings say: how it is trained, and on what it is evaluated. */
interface MethodSettings {
  readonly method: Method;
  /** The file with what its configuration says beside settings: rewards, a reference. */
  readonly path: string;
  /** Rows that the trained model answers. */
  readonly test: string;
  readonly asked: { readonly nTest: number; readonly maxNewTokens: number };
  /** The configuration without the place of its output. */
  readonly config: Readonly<Record<string, unknown>>;
}

/** Files that a configuration names, whose contents decide the result. */
const filesOfConfig = ["data", "validation", "adapter"] as const;

function read(settings: Settings): MethodSettings {
  const { method: name, config: path, test, nTest, answerTokens, ...changes } = settings;
  const names = methods.map((one) => one.name);
  const method = methods.find((one) => one.name === name);
  if (!method)
    throw new Error(
      `method: must be one of ${names.join(", ")}, not ${String(name)}.${didYouMean(String(name), names)}`,
    );
  const file = (name: string, value: unknown, what: string) => {
    if (typeof value !== "string") throw new Error(`${name}: name ${what}`);
    if (!existsSync(value)) throw new Error(`${name}: ${value}: ${contentsOf(value)}`);
    return value;
  };
  const given = readJson(file("config", path, "the JSON file with the configuration that runs share"));
  if (typeof given !== "object" || given === null || Array.isArray(given))
    throw new Error(`config: ${String(path)}: a configuration is an object`);
  if ("output" in changes)
    throw new Error("output: each run of a grid has a folder of its own; leave it out");
  const { output: _, ...shared } = given as Record<string, unknown>;
  const own: Record<string, unknown> = { ...shared, ...changes };
  for (const name of filesOfConfig) if (own[name] !== undefined) file(name, own[name], "a file");
  const { nTest: limit, maxNewTokens } = answeringSettings(
    {
      ...(nTest !== undefined && { nTest }),
      ...(answerTokens !== undefined && { maxNewTokens: answerTokens }),
    },
    "nTest and answerTokens (as maxNewTokens of the answers)",
  );
  return {
    method,
    path: path as string,
    test: file("test", test, "the JSONL file with the rows that trained models answer"),
    asked: { nTest: limit, maxNewTokens },
    config: own,
  };
}

const isSetting = (value: unknown): value is Settings[string] =>
  ["string", "number", "boolean"].includes(typeof value);

/**
 * Trains by a method and answers held-out rows: `method`, the file `config`, the rows `test`, and anything of the configuration that is a
 * number, a text, true or false can be varied.
 */
export const gridTask: GridTask = {
  settings(given) {
    const { method, path, test, asked, config } = read(given);
    checkConfig(method, { ...config, output: "." }, path);
    const own = Object.entries(config).filter(([, value]) => isSetting(value));
    return {
      ...{ method: method.name, config: path, test, nTest: asked.nTest, answerTokens: asked.maxNewTokens },
      ...(Object.fromEntries(own) as Settings),
    };
  },

  async inputs(_, runs) {
    const sums = new Map<string, Promise<string>>();
    const sumOf = (path: string) => {
      const known = sums.get(path) ?? checksumOf(path);
      sums.set(path, known);
      return known;
    };
    return Promise.all(
      runs.map(async (settings) => {
        const { path, test, config } = read(settings);
        const named = [...filesOfConfig, "model"].flatMap((name) => {
          const value = config[name];
          return typeof value === "string" ? [[name, value] as const] : [];
        });
        const files = [["config", path], ["test", test], ...named] as const;
        return Object.fromEntries(
          await Promise.all(files.map(async ([name, file]) => [name, await sumOf(file)] as const)),
        );
      }),
    );
  },

  work: () => ({ units: 100, unit: "% of runs" }),

  files: (id) => Object.values(evaluationPaths({ directory: "", runId: id })),

  async run(settings, { id, family, directory, folder, signal, phase, progress }) {
    const { method, path, test, asked, config } = read(settings);
    const output = join(folder, "adapter");
    let began = false;
    phase("training");
    const trained = await runMethod(
      method,
      { ...config, output },
      {
        signal,
        openSource,
        say: (sentence) => console.error(sentence),
        onMessage: (message) => console.error(message),
        onStep(row, steps) {
          if (!began) progress((100 * (row.step - 1)) / steps);
          began = true;
          progress((100 * row.step) / steps, stepNote(row));
        },
      },
      path,
    );
    if (trained.stopped === "interrupted" || signal.aborted) return undefined;
    if (!began) progress(100);
    phase("evaluating");
    progress(100, "evaluating");
    const model = await openTrained(output);
    try {
      const answering = answeringSettings(asked);
      const rows = askedRows(test, { seed: answering.seed, limit: asked.nTest });
      const place = { directory, runId: id, seed: answering.seed };
      await evaluateVariants([answeringVariant(id, model, answering, family)], rows, place);
    } finally {
      model.base.checkpoint.close();
    }
    return { steps: trained.steps, tokens: trained.log.at(-1)?.numTokens ?? 0 };
  },
};
