import { packedRows } from "../language-model";
import type { ScorerForm } from "../scorer/form";
import { lastOfTokens } from "../scorer/states";
import { type LlamaConfig, type LlamaFamily, llamaFamilies } from "./config";
import { decode, llama } from "./model";
import { HEAD } from "./parameters";

/** A head on the output at the last token, as transformers' …ForSequenceClassification has it. */
export const llamaScorer = (family: LlamaFamily): ScorerForm<LlamaConfig> => ({
  className: `${llamaFamilies[family].name}ForSequenceClassification`,
  peftTask: "SEQ_CLS",
  head: "score",
  headHasBias: false,
  prefix: "",
  reads: (name) => name !== HEAD,
  width: ({ hiddenSize }) => hiddenSize,
  states(config, parameters, hooks) {
    const model = llama(config, parameters, hooks);
    return (batch) => {
      const packed = packedRows(batch);
      const outputs = decode(model, batch.inputIds, batch.attentionMask, packed);
      return lastOfTokens(outputs, batch, packed);
    };
  },
});
