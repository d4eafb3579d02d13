import { existsSync, openSync, readSync, closeSync, statSync } from "node:fs";
import { disguise } from "../../io";
import type { Architecture, ModelConfig } from "../architecture";
import { architectureOf } from "../architectures";
import { openGguf } from "../gguf";
import { openLlama2c } from "../llama2c";
import type { ModelFile } from "../model-file";
import type { TokenizerFiles } from "../tokenizer";
import type { OpenCheckpoint } from "./checkpoint";
import { openModelDirectory } from "./read";
import { CONVERT_ANEW, listed, requireShape } from "./shapes";

/** An open checkpoint of any format. */
export interface OpenedCheckpoint extends OpenCheckpoint {
  /** The tokenizer of a model in one file; a folder holds its tokenizer's files. */
  tokenizer?(): TokenizerFiles;
}

/**
 * Opens a model: a folder in Hugging Face layout, a GGUF file (.gguf), or a checkpoint of llama2.c (.bin) with its tokenizer
 * beside it. A file's tensors are compared with what its kind of model has at once; their values are read when asked for.
 *
 * @throws {Error} if the path, which it names, is none of these, or not whole, or of a kind that is not supported
 */
export function openCheckpoint(path: string): OpenedCheckpoint {
  if (!existsSync(path) || statSync(path).isDirectory()) return openModelDirectory(path);
  const open = formatOf(path);
  const file = open(path);
  try {
    const { configFile, generationConfigFile } = file;
    const architecture = architectureOf(configFile, path);
    const config = architecture.parseConfig(configFile, path, generationConfigFile);
    checkShapes(file, architecture, config);
    return {
      architecture,
      config,
      configFile,
      generationConfigFile,
      parameters: file,
      tokenizer: () => file.tokenizer(),
      close: () => file.close(),
    };
  } catch (error) {
    file.close();
    throw error;
  }
}

/** Whether a path is a file that {@link openCheckpoint} opens by itself, by its name. */
export function isModelFile(path: string): boolean {
  return /\.(gguf|bin)$/i.test(path) && statSync(path, { throwIfNoEntry: false })?.isFile() === true;
}

/** How a file is opened: by what it begins with, else by its name. */
function formatOf(path: string): (path: string) => ModelFile {
  const head = Buffer.alloc(4);
  const descriptor = openSync(path, "r");
  try {
    readSync(descriptor, head, 0, 4, 0);
  } finally {
    closeSync(descriptor);
  }
  if (head.toString("latin1") === "GGUF" || /\.gguf$/i.test(path)) return openGguf;
  const other = disguise(path);
  if (other !== undefined) throw new Error(`${path} ${other}`);
  if (/\.bin$/i.test(path)) return openLlama2c;
  throw new Error(
    `${path}: not a model: a folder in Hugging Face layout, a GGUF file (.gguf) or a checkpoint of llama2.c (.bin) is needed`,
  );
}

/** Throws unless a file holds the parameters of its config, and no others, in their shapes. */
function checkShapes({ path, shapes }: ModelFile, architecture: Architecture, config: ModelConfig): void {
  const expected = architecture.parameterShapes(config);
  const extra = [...shapes.keys()].filter((name) => !Object.hasOwn(expected, name));
  if (extra.length > 0)
    throw new Error(
      `${path}: not in a ${architecture.name} of these sizes: ${listed(extra)}; ${CONVERT_ANEW}`,
    );
  const missing = Object.keys(expected).filter((name) => !shapes.has(name));
  if (missing.length > 0) throw new Error(`${path}: missing tensors: ${listed(missing)}; ${CONVERT_ANEW}`);
  for (const [name, shape] of shapes) requireShape(path, name, shape, expected[name]!, CONVERT_ANEW);
}
