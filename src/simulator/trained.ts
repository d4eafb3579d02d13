import { rmSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { type PersonaSpec, writePlayedPersonas } from "../corpus";
import { type Method, type MethodHooks, type MethodResult, runMethod } from "../experiments";
import { copyFileWhole, filesOf, makeFolder, replaceFolder, sha256, sha256File } from "../io";

/** Characters of a fingerprint in a folder's name. */
const SHOWN = 12;

/**
 * Trains by a method in a folder that is named by what decides the training: configuration and data. So what was trained already is
 * found, what was stopped goes on, and runs that differ in anything have folders of their own.
 *
 * @param config as the method takes it, without `output`
 * @param directory where the runs' folders are
 */
export async function trainSimulator(
  method: Method,
  config: Readonly<Record<string, unknown>> & { readonly data: string },
  directory: string,
  hooks: MethodHooks = {},
): Promise<MethodResult> {
  const rewards = Object.entries(hooks.rewards ?? {}).map(([name, { fingerprint }]) => [name, fingerprint]);
  const { data, ...decides } = config;
  const key = sha256(JSON.stringify([method.name, decides, await sha256File(data), rewards]));
  const output = join(directory, `${method.name}-${key.slice(0, SHOWN)}`);
  return runMethod(method, { ...config, output }, hooks);
}

/**
 * Puts a trained adapter into a folder of its own with all that somebody needs who gets it: the adapter as PEFT opens it, tokenizer,
 * card and log, and the personas that it plays, by which `npm run chat` knows how to ask it. The folder is there whole or not at all.
 *
 * @throws {Error} if the run was interrupted
 */
export function keepSimulator(
  directory: string,
  { output, stopped }: Pick<MethodResult, "output" | "stopped">,
  personas: readonly PersonaSpec[],
): void {
  if (stopped === "interrupted")
    throw new Error(
      `${output}: the training was stopped before its end; run it again, and it goes on from there`,
    );
  const whole = join(dirname(directory), `.${basename(directory)}.${process.pid}.tmp`);
  makeFolder(whole);
  try {
    for (const file of filesOf(output, 1)) copyFileWhole(file, join(whole, basename(file)));
    writePlayedPersonas(whole, personas);
    replaceFolder(directory, whole);
  } finally {
    rmSync(whole, { recursive: true, force: true });
  }
}
