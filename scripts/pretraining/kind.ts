import type { Model } from "../../src/models";
import type { OpenCheckpoint } from "../../src/models/pretrained";
import type { TokenizerFiles } from "../../src/models/tokenizer";
import type { Document, PretrainingTokens, Words } from "../../src/pretraining";
import type { ParameterMap, TrainingSpec } from "../../src/training";

/** A model whose parameters are in memory, to be trained where they are. */
export type TrainableModel = Model & { readonly parameters: ParameterMap };

/** What a run is made of beside the model. */
export interface PretrainingMaterial {
  readonly train: readonly Document[];
  readonly validation: readonly Document[];
  readonly words: Words;
  readonly tokens: PretrainingTokens;
  readonly batchSize: number;
  readonly rowLength: number;
  readonly steps: number;
  readonly seed: number;
  /** Dialogues that are not learned from as they have blanks. */
  readonly leftOut: number;
  /** Steps at the start that ask for copying alone. */
  readonly copySteps: number;
}

/** A kind of model that can be pretrained. */
export interface PretrainingKind {
  readonly name: "t5" | "llama";
  readonly defaults: {
    /** Where the model goes. */
    readonly model: string;
    readonly batchSize: number;
    readonly learningRate: number;
    /** The most steps at the start that ask for copying alone, of weights that have not learned it yet. */
    readonly copySteps: number;
  };
  /** Batches whose gradients make up a step. */
  readonly batchesPerStep: number;
  /** A model of random weights. */
  fromNothing(tokens: PretrainingTokens, seed: number): TrainableModel;
  /**
   * A model that begins with given weights.
   *
   * @throws {Error} if it cannot
   */
  fromWeights(given: OpenCheckpoint, tokens: PretrainingTokens): TrainableModel;
  /** What is asked for, each by a name. */
  readonly tasks: readonly string[];
  /** @param task this one alone; all unless given */
  spec(model: Model, material: PretrainingMaterial, task?: string): TrainingSpec;
  tokenizer(): TokenizerFiles;
  /** What the card says of it. */
  readonly card: {
    readonly title: string;
    readonly introduction: string;
    /** Its sizes in words. */
    sizes(model: Model): string;
    tasks(material: PretrainingMaterial): string;
    readonly abilities: string;
  };
}
