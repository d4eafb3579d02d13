import type { HostTensor } from "../../tensors";
import type { ConfigFiles, Model } from "../architecture";

/** A model with its config files. */
export interface Checkpoint extends Model, ConfigFiles {}

/** A checkpoint that is in memory: every parameter by its Hugging Face name. */
export interface LoadedCheckpoint extends Checkpoint {
  readonly parameters: ReadonlyMap<string, HostTensor<"float32">>;
}

/**
 * A checkpoint whose parameters lie in open files, whatever their format. Each is read, and its values checked, every time that
 * it is asked for; nothing is kept, so that who makes a program of it decides what is in memory.
 */
export interface OpenCheckpoint extends Checkpoint {
  /** Closes the files: afterwards no parameter can be had. What was made of them goes on. */
  readonly close: () => void;
}
