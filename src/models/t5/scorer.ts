import { packedRows } from "../language-model";
import type { ScorerForm } from "../scorer/form";
import { meanOfTokens } from "../scorer/states";
import type { T5Config } from "./config";
import { encode, t5 } from "./model";

/**
 * A head on the mean of the encoder's outputs. transformers opens it as T5ForTokenClassification, whose linear head stands on
 * each token: the mean of its logits over a text's tokens are the text's logits. (Its T5ForSequenceClassification runs the decoder
 * over the text once more.)
 */
export const t5Scorer: ScorerForm<T5Config> = {
  className: "T5ForTokenClassification",
  peftTask: "TOKEN_CLS",
  head: "classifier",
  headHasBias: true,
  prefix: "transformer.",
  reads: (name) => name === "shared.weight" || name.startsWith("encoder."),
  width: ({ dModel }) => dModel,
  states(config, parameters, hooks) {
    const model = t5(config, parameters, hooks);
    return (batch) => {
      const packed = packedRows(batch);
      const outputs = encode(model, batch.inputIds, batch.attentionMask, packed);
      return meanOfTokens(outputs, batch, packed);
    };
  },
};
