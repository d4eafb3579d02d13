import type { ProgramTensor, StoredTensor } from "../engine";
import type { HostTensor } from "../tensors";
import type { TokenizerFiles } from "./tokenizer";

/** A model in one file, of whatever format: its config as Hugging Face writes it, and parameters that are read when asked for. */
export interface ModelFile {
  readonly path: string;
  readonly configFile: Readonly<Record<string, unknown>>;
  readonly generationConfigFile: Readonly<Record<string, unknown>>;
  /** The shape of every parameter in the file, by its Hugging Face name. */
  readonly shapes: ReadonlyMap<string, readonly number[]>;
  get(name: string): HostTensor<"float32"> | undefined;
  /** Where a parameter lies in the file as it is, if it does. */
  locate(name: string): StoredTensor | undefined;
  /** A weight that the file keeps in few bits, as a scheme of `models/quantization` has it: its name and its tensors. */
  rounded?(
    name: string,
  ): { readonly scheme: string; readonly tensors: Readonly<Record<string, ProgramTensor>> } | undefined;
  /** The tokenizer that the file brings. */
  tokenizer(): TokenizerFiles;
  close(): void;
}
