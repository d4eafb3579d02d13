import { existsSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { readJson, removeFile, writeJson } from "../io";
import { truncationSchema } from "./examples";
import { parseExperiment } from "./settings";

/** Beside an adapter's files: what it was trained with, so that it is never used with inputs of another form. */
const SETTINGS_FILE = "settings.json";

/** Of what {@link writeSettings} writes; part of a run's fingerprint, so that no run is found whose file cannot be read. */
export const SAVED_VERSION = 4;

const schema = z.object({
  version: z.literal(SAVED_VERSION),
  /** Fingerprint of model, examples and training settings. */
  key: z.string(),
  settings: z.record(z.string(), z.unknown()),
  /** The base model, as adapter_config.json names it. */
  baseModel: z.string(),
  /** Of its parameters. */
  baseChecksum: z.string(),
  steps: z.number(),
  /** The lowest validation loss. */
  best: z.object({ step: z.number(), loss: z.number() }).optional(),
  /** Wall-clock time of the steps, those of earlier processes included. */
  seconds: z.number(),
  truncation: truncationSchema,
});

export type SavedSettings = Omit<z.infer<typeof schema>, "settings" | "version"> & {
  settings: ReturnType<typeof parseExperiment>;
};

/** Reads what {@link writeSettings} left; undefined where an adapter was never finished. */
export function readSettings(adapter: string): SavedSettings | undefined {
  const path = join(adapter, SETTINGS_FILE);
  if (!existsSync(path)) return undefined;
  const parsed = schema.safeParse(readJson(path));
  if (!parsed.success) throw new Error(`${path}: ${z.prettifyError(parsed.error)}`);
  const { version: _, ...saved } = parsed.data;
  return { ...saved, settings: parseExperiment(saved.settings, path) };
}

/** Before an adapter's files are replaced: what is there is not whole until {@link writeSettings}. */
export function removeSettings(adapter: string): void {
  removeFile(join(adapter, SETTINGS_FILE));
}

/** Written after an adapter's other files, so that it also says that they are whole. */
export function writeSettings(adapter: string, saved: SavedSettings): void {
  writeJson(join(adapter, SETTINGS_FILE), { version: SAVED_VERSION, ...saved });
}
