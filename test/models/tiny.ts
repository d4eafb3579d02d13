import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { t5Architecture } from "../../src/models/t5/architecture";
import type { T5Config } from "../../src/models/t5/config";
import { parameterShapes } from "../../src/models/t5/parameters";
import { Random } from "../../src/random/random";
import { float32Tensor, type HostTensor } from "../../src/tensors/tensor";

/** A T5 v1.1 small enough for a test. */
export const TINY: T5Config = {
  vocabSize: 30,
  dModel: 8,
  dKv: 4,
  dFf: 32,
  numLayers: 2,
  numDecoderLayers: 2,
  numHeads: 2,
  relativeAttentionNumBuckets: 8,
  relativeAttentionMaxDistance: 20,
  dropoutRate: 0.1,
  layerNormEpsilon: 1e-6,
  feedForward: "gated-gelu",
  tieWordEmbeddings: false,
  decoderStartTokenId: 0,
  padTokenId: 0,
  eosTokenId: 1,
};

/** A model with seeded random weights: norms near 1, everything else with the spread that keeps activations near 1. */
export function randomT5(
  config: T5Config,
  seed: number,
): { architecture: typeof t5Architecture; config: T5Config; parameters: Map<string, HostTensor<"float32">> } {
  const random = new Random(seed);
  const parameters = new Map<string, HostTensor<"float32">>();
  for (const [name, shape] of Object.entries(parameterShapes(config))) {
    const isNorm = name.includes("layer_norm");
    const isTable = name === "shared.weight" || name.includes("relative_attention_bias");
    const spread = isNorm ? 0.1 : isTable ? 1 : shape[1]! ** -0.5;
    const data = Float32Array.from(
      { length: shape.reduce((a, b) => a * b, 1) },
      () => spread * random.normal(),
    );
    parameters.set(name, float32Tensor(shape, isNorm ? data.map((x) => 1 + x) : data));
  }
  return { architecture: t5Architecture, config, parameters };
}

/** A unigram tokenizer with T5's special tokens over a few pieces, written into a model directory. */
export function writeTinyTokenizer(directory: string): void {
  const special = ["<pad>", "</s>", "<unk>"];
  const pieces = ["▁", "▁I", "▁like", "▁dogs", "s", "."];
  const added = special.map((content, id) => ({
    id,
    content,
    single_word: false,
    lstrip: false,
    rstrip: false,
    normalized: false,
    special: true,
  }));
  const metaspace = { type: "Metaspace", replacement: "▁", add_prefix_space: true, prepend_scheme: "always" };
  writeFileSync(
    join(directory, "tokenizer.json"),
    JSON.stringify({
      version: "1.0",
      truncation: null,
      padding: null,
      added_tokens: added,
      normalizer: null,
      pre_tokenizer: metaspace,
      post_processor: null,
      decoder: metaspace,
      model: {
        type: "Unigram",
        unk_id: 2,
        vocab: [...special.map((token) => [token, 0]), ...pieces.map((piece, i) => [piece, -1 - i])],
      },
    }),
  );
  writeFileSync(
    join(directory, "tokenizer_config.json"),
    JSON.stringify({
      tokenizer_class: "T5Tokenizer",
      pad_token: "<pad>",
      eos_token: "</s>",
      unk_token: "<unk>",
      extra_ids: 0,
    }),
  );
}
