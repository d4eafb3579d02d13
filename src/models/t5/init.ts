import type { Random } from "../../random";
import { float32Tensor, type HostTensor } from "../../tensors";
import type { T5Config } from "./config";
import { parameterShapes, positionBiasName } from "./parameters";
import { relativePositionBucket } from "./position-bias";

/** Bias of a key that a head of the encoder or the decoder starts out to look at. */
const PEAK = 4;
/** Where a stack's first heads look at first: key − query. */
const firstOffsets = { encoder: [-1, 0, -2, 1], decoder: [-1, 0, -2, -3] } as const;
/** How much louder than in T5 a token is, at first, in the cross-attention of one like it. */
const MATCH = 1.5;
/** Size of an output layer beside the value layer whose transpose it starts as. */
const ECHO = 0.2;
/** Size of a feed-forward's first output layer beside T5's. */
const HUSH = 0.1;

/**
 * Random first weights of a T5 that is to be pretrained in a few thousand steps of Adam, made so that repeating what
 * was read takes little learning. Spreads are those of Mesh TensorFlow's T5 (Raffel et al., 2020), `(inputs)^-½`, but
 *
 * - the embedding has dModel^-½ instead of 1: Adam moves every weight by about the same amount a step, where T5's own
 *   Adafactor moves it in relation to its size. An lm_head starts as a copy of the embedding;
 * - what sub-layers add to a token starts small beside its embedding, so that it is still itself in the last block;
 * - four heads of a self-attention look at one place first (the token before, the token itself, …). Their position biases
 *   would need thousands of steps to grow that far;
 * - `o` starts as the transpose of `v`, so that a head hands on (a projection of) the very token it looks at;
 * - in cross-attention `q` starts as `k`, so that a token of the answer looks at its like in the input, whose next token
 *   a head of the encoder has brought there. That is what an induction head (Olsson et al., 2022) has to find.
 *
 * `docs/full-corpus.md` has what this did.
 */
export function initT5(config: T5Config, random: Random): Map<string, HostTensor<"float32">> {
  const shapes = parameterShapes(config);
  const parameters = new Map(
    Object.entries(shapes).map(([name, shape]) => {
      const data = new Float32Array(shape.reduce((product, length) => product * length, 1));
      const spread = shape.at(-1)! ** -0.5;
      if (name.endsWith("layer_norm.weight")) data.fill(1);
      else if (!name.endsWith("relative_attention_bias.weight")) {
        const size = name.endsWith(".wo.weight") ? HUSH * spread : spread;
        for (let i = 0; i < data.length; i++) data[i] = random.normal() * size;
      }
      return [name, float32Tensor(shape, data)];
    }),
  );
  const data = (name: string) => parameters.get(name)!.data;

  for (const name of parameters.keys()) {
    const [, module] = /^(.*)\.v\.weight$/.exec(name) ?? [];
    if (module === undefined) continue;
    const [q, k, v, o] = ["q", "k", "v", "o"].map((layer) => data(`${module}.${layer}.weight`));
    const [inner, width] = shapes[name] as [number, number];
    for (let i = 0; i < inner; i++)
      for (let j = 0; j < width; j++) o![j * inner + i] = ECHO * v![i * width + j]!;
    const perKey = config.dKv ** -0.5;
    if (module.endsWith("EncDecAttention")) k!.forEach((value, i) => (q![i] = MATCH * perKey * value));
    else for (let i = 0; i < q!.length; i++) q![i]! *= perKey;
  }
  for (const stack of ["encoder", "decoder"] as const) {
    const { numHeads, relativeAttentionNumBuckets: buckets, relativeAttentionMaxDistance: farthest } = config;
    firstOffsets[stack].slice(0, numHeads).forEach((offset, head) => {
      const bucket = relativePositionBucket(offset, stack === "encoder", buckets, farthest);
      data(positionBiasName(stack))[bucket * numHeads + head] = PEAK;
    });
  }
  parameters.get("lm_head.weight")?.data.set(data("shared.weight"));
  return parameters;
}
