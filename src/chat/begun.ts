import type { GenerativeModel } from "../models";

/** A model whose every answer goes on from these tokens, as if it had chosen them itself; the answer is what follows. */
export function beginningWith(model: GenerativeModel, begun: readonly number[]): GenerativeModel {
  const { taskType, stopTokenIds, padTokenId } = model;
  return {
    taskType,
    stopTokenIds,
    padTokenId,
    async startDecoder(batch, rowsPerInput, maxNewTokens) {
      const decoder = await model.startDecoder(batch, rowsPerInput, maxNewTokens + begun.length);
      const prompts = decoder.prompts.map((prompt) => [...prompt, ...begun]);
      const fed = decoder.prompts[0]?.length ?? 0;
      for (let at = fed - 1; at < fed - 1 + begun.length; at++)
        await decoder.nextTokens(Int32Array.from(prompts, (prompt) => prompt[at]!));
      return {
        vocabularySize: decoder.vocabularySize,
        prompts,
        nextTokens: (tokens) => decoder.nextTokens(tokens),
        nextLogits: (tokens) => decoder.nextLogits(tokens),
        nextLogProbabilities: (tokens) => decoder.nextLogProbabilities(tokens),
        select: (rows) => decoder.select(rows),
        dispose: () => decoder.dispose(),
      };
    },
    dispose: () => model.dispose(),
  };
}
