import type { Model } from "../models";
import { DEFAULT_LORA, type LoraConfig, type Unfreezing } from "../models/lora";
import type { sections, ValuesOf } from "../settings";

/**
 * What the settings train of a model, for the policy.
 *
 * @throws {Error} if the lm_head is to be trained and is the embedding
 */
export function adaptation(
  settings: ValuesOf<typeof sections.adaptation.settings>,
  { architecture, config }: Pick<Model, "architecture" | "config">,
): { lora: LoraConfig; unfreezing: Unfreezing } {
  const { rank, alpha, loraDropout, trainHead, unfrozenEncoderBlocks, unfrozenDecoderBlocks } = settings;
  if (trainHead && architecture.tying?.isTied(config)) {
    throw new Error(
      `trainHead: the lm_head of this ${architecture.name} is its embedding, which is not trained: set trainHead to false ` +
        `(in a notebook: notebookExperiment(run.parameters, { trainHead: false }))`,
    );
  }
  const modulesToSave = trainHead ? DEFAULT_LORA.modulesToSave : [];
  return {
    lora: {
      ...DEFAULT_LORA,
      rank,
      alpha,
      dropout: loraDropout,
      targetModules: architecture.defaultTargets,
      modulesToSave,
    },
    unfreezing: { encoder: unfrozenEncoderBlocks, decoder: unfrozenDecoderBlocks },
  };
}
