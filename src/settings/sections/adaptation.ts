import { z } from "zod";
import { DEFAULT_LORA } from "../../models/lora";
import { frozenWeights } from "../../training";
import { section } from "../section";
import { count, positive, setting, whole } from "../setting";

export const adaptation = section("Adaptation", {
  frozenWeights: setting(z.enum(frozenWeights), {
    decides: "training",
    default: "float32",
    quick: "int8",
    label: "frozen weights",
    meaning:
      "How frozen linear layers are kept while training: as they are, in 8 bits, which is faster and a little off, or in " +
      "NF4's 4 bits, which takes an eighth of the memory and more time.",
  }),
  rank: setting(count, {
    decides: "training",
    default: DEFAULT_LORA.rank,
    label: "LoRA rank",
    notebook: "RANK",
    meaning: "r of the adapters.",
  }),
  alpha: setting(positive, {
    decides: "training",
    default: DEFAULT_LORA.alpha,
    label: "LoRA alpha",
    notebook: "ALPHA",
    meaning: "α: the adapters' update is scaled by α / r.",
  }),
  loraDropout: setting(z.number().min(0).lt(1), {
    decides: "training",
    default: DEFAULT_LORA.dropout,
    label: "LoRA dropout",
    meaning: "Dropout on the adapters' input while training.",
  }),
  trainHead: setting(z.boolean(), {
    decides: "training",
    default: true,
    label: "output layer trained",
    meaning: "Trains lm_head whole beside the adapters.",
  }),
  unfrozenEncoderBlocks: setting(whole, {
    decides: "unfreezing",
    default: 0,
    label: "unfrozen encoder blocks",
    notebook: "UNFREEZE",
    meaning: "Blocks of the encoder, from its top, that are trained whole.",
  }),
  unfrozenDecoderBlocks: setting(whole, {
    decides: "unfreezing",
    default: 0,
    label: "unfrozen decoder blocks",
    meaning: "Blocks of the decoder, from its top, that are trained whole.",
  }),
});
