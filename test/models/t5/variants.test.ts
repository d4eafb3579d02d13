import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import * as tf from "@tensorflow/tfjs";
import { compile } from "../../../src/engine/compile";
import type { Device } from "../../../src/engine/devices";
import type { ProgramTensor } from "../../../src/engine/tensors";
import { parseT5Config, type T5Config } from "../../../src/models/t5/config";
import { meanLoss, type LabelledBatch } from "../../../src/models/language-model";
import { t5 } from "../../../src/models/t5/model";
import { parameterShapes } from "../../../src/models/t5/parameters";
import { Random } from "../../../src/random/random";

const gated = parseT5Config({
  vocab_size: 23,
  d_model: 10,
  d_kv: 3,
  d_ff: 7,
  num_layers: 1,
  num_decoder_layers: 3,
  num_heads: 5,
  relative_attention_num_buckets: 8,
  relative_attention_max_distance: 12,
  feed_forward_proj: "gated-gelu",
  tie_word_embeddings: false,
});
const original: T5Config = {
  ...gated,
  feedForward: "relu",
  tieWordEmbeddings: true,
  numHeads: 3,
  dKv: 4,
  numLayers: 2,
  numDecoderLayers: 1,
};

function parametersOf(config: T5Config): Record<string, ProgramTensor> {
  const random = new Random(11);
  return Object.fromEntries(
    Object.entries(parameterShapes(config)).map(([name, shape]) => {
      const data = Float32Array.from(
        { length: shape.reduce((a, b) => a * b, 1) },
        () => 0.4 * random.normal(),
      );
      return [name, { dtype: "float32", shape, data }];
    }),
  );
}

const int32 = (rows: number[][]): ProgramTensor => ({
  dtype: "int32",
  shape: [rows.length, rows[0]!.length],
  data: Int32Array.from(rows.flat()),
});
const batch = {
  inputIds: int32([
    [4, 9, 2, 17, 1],
    [5, 22, 1, 0, 0],
  ]),
  attentionMask: int32([
    [1, 1, 1, 1, 1],
    [1, 1, 1, 0, 0],
  ]),
  labels: int32([
    [3, 8, 1, -100],
    [20, 1, -100, -100],
  ]),
};

/**
 * The loss by loops over numbers, one sentence at a time and without padding: as the paper and transformers define it,
 * sharing no code with the model but the position buckets' definition below.
 */
function slowLoss(config: T5Config, parameters: Record<string, ProgramTensor>): number {
  type Matrix = number[][];
  const weight = (name: string): Matrix => {
    const { shape, data } = parameters[`${name}.weight`]!;
    const [rows, columns] = shape as [number, number];
    return Array.from({ length: rows }, (_, r) =>
      Array.from({ length: columns }, (_, c) => Number(data[r * columns + c])),
    );
  };
  const dot = (a: number[], b: number[]) => a.reduce((sum, value, i) => sum + value * b[i]!, 0);
  const linear = (x: Matrix, name: string) => x.map((row) => weight(name).map((w) => dot(row, w)));
  const plus = (a: Matrix, b: Matrix) => a.map((row, r) => row.map((value, c) => value + b[r]![c]!));
  const norm = (x: Matrix, name: string) => {
    const w = Array.from(parameters[`${name}.weight`]!.data, Number);
    return x.map((row) => {
      const scale = Math.sqrt(dot(row, row) / row.length + config.layerNormEpsilon);
      return row.map((value, i) => (value / scale) * w[i]!);
    });
  };
  const softmax = (scores: number[]) => {
    const exps = scores.map((score) => Math.exp(score - Math.max(...scores)));
    return exps.map((value) => value / exps.reduce((a, b) => a + b));
  };
  const bucket = (offset: number, causal: boolean): number => {
    let count = config.relativeAttentionNumBuckets;
    let first = 0;
    if (!causal) {
      count /= 2;
      if (offset > 0) first = count;
      offset = -Math.abs(offset);
    }
    const far = Math.max(-offset, 0);
    const exact = count / 2;
    if (far < exact) return first + far;
    const log = Math.log(far / exact) / Math.log(config.relativeAttentionMaxDistance / exact);
    return first + Math.min(exact + Math.floor(log * (count - exact)), count - 1);
  };
  const attention = (
    x: Matrix,
    memory: Matrix,
    name: string,
    bias: (q: number, k: number, head: number) => number,
  ) => {
    const [q, k, v] = [linear(x, `${name}.q`), linear(memory, `${name}.k`), linear(memory, `${name}.v`)];
    const heads = x.map((_, i) =>
      Array.from({ length: config.numHeads }, (_, h) => {
        const part = (row: number[]) => row.slice(h * config.dKv, (h + 1) * config.dKv);
        const weights = softmax(memory.map((_, j) => dot(part(q[i]!), part(k[j]!)) + bias(i, j, h)));
        return part(v[0]!).map((_, d) => weights.reduce((sum, w, j) => sum + w * part(v[j]!)[d]!, 0));
      }).flat(),
    );
    return linear(heads, `${name}.o`);
  };
  const feedForward = (x: Matrix, name: string) => {
    if (config.feedForward === "relu") {
      return linear(
        linear(x, `${name}.wi`).map((row) => row.map((value) => Math.max(0, value))),
        `${name}.wo`,
      );
    }
    const gate = linear(x, `${name}.wi_1`);
    const gelu = (x: number) => (x / 2) * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3)));
    return linear(
      linear(x, `${name}.wi_0`).map((row, r) => row.map((value, c) => gelu(value) * gate[r]![c]!)),
      `${name}.wo`,
    );
  };
  const stack = (ids: number[], kind: "encoder" | "decoder", layers: number, memory?: Matrix): Matrix => {
    const table = weight(`${kind}.block.0.layer.0.SelfAttention.relative_attention_bias`);
    const bias = (q: number, k: number, head: number) =>
      memory && k > q ? -1e30 : table[bucket(k - q, kind === "decoder")]![head]!;
    let x = ids.map((id) => weight("shared")[id]!);
    for (let layer = 0; layer < layers; layer++) {
      const at = `${kind}.block.${layer}.layer`;
      const own = norm(x, `${at}.0.layer_norm`);
      x = plus(x, attention(own, own, `${at}.0.SelfAttention`, bias));
      if (memory) {
        x = plus(
          x,
          attention(norm(x, `${at}.1.layer_norm`), memory, `${at}.1.EncDecAttention`, () => 0),
        );
      }
      const last = memory ? 2 : 1;
      x = plus(x, feedForward(norm(x, `${at}.${last}.layer_norm`), `${at}.${last}.DenseReluDense`));
    }
    return norm(x, `${kind}.final_layer_norm`);
  };
  const rows = ({ shape, data }: ProgramTensor) =>
    Array.from({ length: shape[0]! }, (_, r) =>
      Array.from(data, Number).slice(r * shape[1]!, (r + 1) * shape[1]!),
    );
  const losses = rows(batch.inputIds).flatMap((ids, row) => {
    const mask = rows(batch.attentionMask)[row]!;
    const labels = rows(batch.labels)[row]!.filter((label) => label >= 0);
    const memory = stack(
      ids.filter((_, i) => mask[i]),
      "encoder",
      config.numLayers,
    );
    const hidden = stack([0, ...labels.slice(0, -1)], "decoder", config.numDecoderLayers, memory);
    const logits = config.tieWordEmbeddings
      ? linear(
          hidden.map((row) => row.map((value) => value / Math.sqrt(config.dModel))),
          "shared",
        )
      : linear(hidden, "lm_head");
    return labels.map((label, i) => -Math.log(softmax(logits[i]!)[label]!));
  });
  return losses.reduce((a, b) => a + b) / losses.length;
}

describe("T5 of odd shapes equals a slow T5 in loops, and its gradients finite differences of it", () => {
  before(() => tf.setBackend("cpu"));
  for (const [kind, config] of Object.entries({ "gated, untied": gated, "ReLU, tied": original })) {
    for (const device of ["cpu", "tfjs-cpu"] as Device[]) {
      test(`${kind} on ${device}`, async () => {
        const parameters = parametersOf(config);
        const names = Object.keys(parameters);
        const program = await compile(
          ({ parameters, batch }) => {
            const { value, grads } = tf.valueAndGrads((...weights: tf.Tensor[]) =>
              meanLoss(
                t5(config, Object.fromEntries(names.map((name, i) => [name, weights[i]!]))),
                batch as unknown as LabelledBatch,
              ),
            )(names.map((name) => parameters[name]!));
            const gradients = Object.fromEntries(names.map((name, i) => [name, grads[i]!]));
            return { loss: value as tf.Tensor, gradients };
          },
          { parameters, batch },
          { device },
        );
        const { loss, gradients } = await program.run({ parameters, batch });
        await program.dispose();
        assert.ok(Math.abs(Number(loss.data[0]) - slowLoss(config, parameters)) < 1e-5);
        for (const name of names) {
          const tensor = parameters[name]!;
          const place = Math.floor(0.4 * tensor.data.length);
          const at = (shift: number) => {
            const data = Float64Array.from(tensor.data as Float32Array);
            data[place]! += shift;
            return slowLoss(config, { ...parameters, [name]: { ...tensor, data: data as never } });
          };
          const slope = (at(1e-4) - at(-1e-4)) / 2e-4;
          const actual = Number(gradients[name]!.data[place]);
          assert.ok(
            Math.abs(actual - slope) < 1e-5,
            `gradient of ${name}[${place}] is ${actual}, not ${slope}`,
          );
        }
      });
    }
  }

  test("only the rows that have labels go through the lm_head, with the same loss", async () => {
    const parameters = parametersOf(gated);
    const labelRows: ProgramTensor = { dtype: "int32", shape: [6], data: Int32Array.of(0, 1, 2, 4, 5, 3) };
    const inputs = { parameters, batch: { ...batch, labelRows } };
    const program = await compile(
      ({ parameters, batch }) => ({
        loss: meanLoss(t5(gated, parameters), batch as unknown as LabelledBatch) as tf.Tensor,
      }),
      inputs,
    );
    const { loss } = await program.run(inputs);
    await program.dispose();
    assert.ok(Math.abs(Number(loss.data[0]) - slowLoss(gated, parameters)) < 1e-5);
  });
});
