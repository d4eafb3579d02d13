import type * as tf from "@tensorflow/tfjs";
import type { ModelConfig } from "../architecture";
import type { LabelledBatch, ModelHooks } from "../language-model";
import type { NamedTensors } from "../layers";

/** Whole texts as a scorer takes them, padded on the right; a {@link LabelledBatch} without labels. */
export type TextBatch = Pick<LabelledBatch, "inputIds" | "attentionMask" | "tokenPositions" | "positionRows">;

/** How a kind of model says one thing of a whole text: on which state a head stands, and in which class of transformers. */
export interface ScorerForm<Config extends ModelConfig = ModelConfig> {
  /** The class of transformers that opens it. */
  readonly className: string;
  /** What PEFT calls the task of an adapter over that class. */
  readonly peftTask: "SEQ_CLS" | "TOKEN_CLS";
  /** What the class calls its head, a linear layer [labels, hidden]. */
  readonly head: string;
  readonly headHasBias: boolean;
  /** What the class puts before the names of the model's own parameters. */
  readonly prefix: string;
  /** Whether a text's state depends on a parameter of the model. */
  reads(name: string): boolean;
  /** The width of a state. */
  width(config: Config): number;
  /** One state for each text of a batch, [texts, width]. */
  states(config: Config, parameters: NamedTensors, hooks?: ModelHooks): (batch: TextBatch) => tf.Tensor2D;
}
