import type { z } from "zod";
import type { ChatSource } from "../../chat-api";
import type { JsonValue } from "../../io";
import type { Reward } from "../../rewards";
import type { Section, SettingsIn, ValuesOf } from "../../settings";
import type { Tokenizer } from "../../models";
import type { RewardScorer } from "../../scorers";
import type { LoraPolicy, StepLog, TrainingHooks } from "../../training";
import type { TrainingModel } from "./model";

/** The parts of a configuration that are no settings: which model, which files. Each says what it means by `describe`. */
export type Parts = Readonly<Record<string, z.ZodType>>;

/** A configuration: the parts of a method, and the settings of its sections. */
export type ConfigOf<P extends Parts, Sections extends readonly Section[]> = {
  readonly [Name in keyof P]: z.output<P[Name]>;
} & Readonly<ValuesOf<SettingsIn<Sections>>>;

/** How a run ended, and its log. */
export interface TrainedRun {
  readonly stopped: "finished" | "early stopping" | "interrupted";
  /** Optimiser steps done, those of earlier processes included. */
  readonly step: number;
  readonly log: readonly StepLog[];
}

/** A training that is ready to begin: model and data are read and checked. */
export interface MethodRun {
  readonly policy: Pick<LoraPolicy, "trained" | "write">;
  /** By which rows became tokens; it is written beside the adapter. */
  readonly tokenizer: Tokenizer;
  /** What identifies policy, objective, data and optimiser: equal ones are the same run. */
  readonly fingerprint: unknown;
  /** What a reader should know before it begins, a sentence each. */
  readonly notes: readonly string[];
  /** Optimiser steps of the whole run. */
  readonly steps: number;
  /** The most memory that a step takes beside parameters, gradients and moments, in bytes. */
  readonly stepBytes: () => number;
  /**
   * Trains, or goes on from the newest checkpoint in the directory; leaves `training_log.jsonl` and checkpoints there. The signal
   * ends it with a checkpoint.
   */
  train(directory: string, hooks: TrainingHooks): Promise<TrainedRun>;
  /** Frees what the run holds beside the policy: programs that generate, say. The model is closed afterwards. */
  readonly dispose?: () => Promise<void>;
}

/** What a run may ask for around it. */
export interface Surroundings {
  /** Opens a model to be asked in this process; it is closed after the run. */
  readonly openModel: (model: string) => Promise<ChatSource>;
  /** Opens a scorer that learned from preferences; it is closed after the run. */
  readonly openRewardModel: (place: string) => Promise<RewardScorer>;
  /** Rewards that a configuration may name as "given". */
  readonly rewards?: Readonly<Record<string, Reward>>;
}

/**
 * A way to train a model as a value: what it can be told, and how a run of it is made. `npm run train` and notebooks know methods by
 * nothing else; a new one is one file here with one of these, and its line in `methods.ts`.
 */
export interface Method<P extends Parts = Parts, Sections extends readonly Section[] = readonly Section[]> {
  /** What a command calls it: `sft`. */
  readonly name: string;
  /** One sentence: what is learned from what. */
  readonly summary: string;
  readonly parts: P;
  readonly sections: Sections;
  /** Values that settings have here unless they are given, where these are not their own defaults. */
  readonly defaults: Partial<ValuesOf<SettingsIn<Sections>>>;
  /** The metrics of its log that tell how it goes, for figures. */
  readonly watched: readonly string[];
  /** A configuration that works, for the help. */
  readonly example: Readonly<Record<string, JsonValue>>;
  /**
   * Reads and checks the data and makes a run.
   *
   * @throws {Error} naming file, line and remedy for data that cannot be trained on
   */
  prepare(
    config: ConfigOf<P, Sections>,
    model: TrainingModel,
    surroundings: Surroundings,
  ): Promise<MethodRun>;
}

/** A method, whose types follow from its parts and sections. */
export function method<const P extends Parts, const Sections extends readonly Section[]>(
  declared: Method<P, Sections>,
): Method {
  return declared as unknown as Method;
}
