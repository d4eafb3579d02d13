import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { readJson } from "../src/io/files";
import { loraAName, loraBName } from "../src/models/lora/trainable";
import { mergedWeight } from "../src/models/lora/weights";
import { readSafetensors } from "../src/tensors/file";
import type { HostTensor } from "../src/tensors/tensor";
import { fixtures, lacking } from "./reference";

/** A tensor in short: its norm, its sum, and up to eight of its entries. */
interface Summary {
  norm: number;
  sum: number;
  entries: number[];
}

type Tensors = ReadonlyMap<string, HostTensor>;

const float32 = (tensors: Tensors, name: string): HostTensor<"float32"> => {
  const tensor = tensors.get(name);
  assert.ok(tensor?.dtype === "float32", `${name} is a float32 tensor`);
  return tensor as HostTensor<"float32">;
};

function assertSummary({ data }: HostTensor<"float32">, { norm, sum, entries }: Summary, what: string): void {
  const near = (found: number, wanted: number) =>
    assert.ok(Math.abs(found - wanted) <= 1e-5 * (1 + norm), `${what}: ${found}, not ${wanted}`);
  near(Math.sqrt(data.reduce((total, value) => total + value * value, 0)), norm);
  near(
    data.reduce((total, value) => total + value, 0),
    sum,
  );
  const n = data.length;
  assert.equal(entries.length, Math.min(n, 8), what);
  entries.forEach((value, k) => near(data[n <= 8 ? k : Math.floor((k * (n - 1)) / 7)]!, value));
}

test(
  "the files of the reference models are those of the checksums",
  { skip: lacking(fixtures, "SHA256SUMS") },
  () => {
    const listed = readFileSync(join(fixtures, "SHA256SUMS"), "utf8").trim().split("\n");
    const sums = new Map(listed.map((line) => line.split("  ").reverse() as [string, string]));
    for (const [file, sum] of sums) {
      const bytes = readFileSync(join(fixtures, file));
      assert.equal(createHash("sha256").update(bytes).digest("hex"), sum, file);
    }
    const there = ["tiny-t5", "tiny-llama"].flatMap((folder) =>
      readdirSync(join(fixtures, folder), { recursive: true, encoding: "utf8" })
        .map((file) => `${folder}/${file.replaceAll("\\", "/")}`)
        .filter((file) => statSync(join(fixtures, file)).isFile()),
    );
    assert.deepEqual(there.sort(), [...sums.keys()].sort());
  },
);

const llama = join(fixtures, "tiny-llama");
const skip = lacking(llama, "index.json");
const models = skip ? [] : Object.keys((readJson(join(llama, "index.json")) as { models: object }).models);
if (skip) test("causal models", { skip }, () => {});

for (const model of models) {
  const directory = join(llama, model);
  const weights = () => readSafetensors(join(directory, "model.safetensors")).tensors;

  test(
    `causal model ${model}: logits and labels give the losses, gradients their summaries`,
    { skip: lacking(directory, "inputs.json", "forward.json", "forward.safetensors") },
    () => {
      const inputs = readJson(join(directory, "inputs.json")) as Record<string, { labels: number[][] }>;
      const { batches: forward } = readJson(join(directory, "forward.json")) as {
        batches: Record<string, { loss_mean: number; loss_tokens: number; grads?: Record<string, Summary> }>;
      };
      const { tensors } = readSafetensors(join(directory, "forward.safetensors"));
      let compared = 0;
      for (const [batch, { labels }] of Object.entries(inputs)) {
        const expected = forward[batch];
        if (!expected || !tensors.has(`${batch}.logits`)) continue;
        const { shape, data } = float32(tensors, `${batch}.logits`);
        const [, length, vocabulary] = shape as readonly [number, number, number];
        if (length !== labels[0]!.length) continue; // every eighth position alone
        const losses = labels.flatMap((row, r) =>
          row.flatMap((label, t) => {
            if (t === 0 || label === -100) return [];
            const from = (r * length + t - 1) * vocabulary;
            const position = data.subarray(from, from + vocabulary);
            return Math.log(position.reduce((sum, x) => sum + Math.exp(x), 0)) - position[label]!;
          }),
        );
        assert.equal(losses.length, expected.loss_tokens, batch);
        const mean = losses.reduce((a, b) => a + b, 0) / losses.length;
        assert.ok(Math.abs(mean / expected.loss_mean - 1) < 2e-5, `${batch}: ${mean}`);
        compared++;
      }
      for (const name of tensors.keys()) {
        const [batch, parameter] = name.split(".grad.") as [string, string | undefined];
        const summary = parameter === undefined ? undefined : forward[batch]?.grads?.[parameter];
        if (summary) assertSummary(float32(tensors, name), summary, name);
        else assert.equal(parameter, undefined, `${name} has no summary`);
      }
      assert.ok(compared > 0, "no batch has all its logits");
    },
  );

  const adapters = readdirSync(directory).filter((name) =>
    existsSync(join(directory, name, "adapter_model.safetensors")),
  );
  if (adapters.length === 0)
    test(`causal model ${model}: adapters`, { skip: `${directory} has no adapter` }, () => {});
  for (const name of adapters) {
    const folder = join(directory, name);
    test(
      `causal model ${model}, ${name}: merged weights equal PEFT's`,
      { skip: lacking(folder, "adapter_config.json", "expected.json") },
      (t) => {
        const { merged } = readJson(join(folder, "expected.json")) as {
          merged?: { weights: Record<string, Summary> };
        };
        if (!merged) return t.skip(`${folder}/expected.json has no merged`);
        const config = readJson(join(folder, "adapter_config.json")) as Record<string, number | boolean>;
        const lora = {
          rank: config.r as number,
          alpha: config.lora_alpha as number,
          useRslora: config.use_rslora as boolean,
        };
        const base = weights();
        const { tensors } = readSafetensors(join(folder, "adapter_model.safetensors"));
        const modules = Object.entries(merged.weights);
        assert.ok(modules.length > 0);
        for (const [module, summary] of modules) {
          const part = (name: string) => float32(tensors, `base_model.model.${name}`);
          const saved = `base_model.model.${module}.weight`;
          const found = tensors.has(saved)
            ? float32(tensors, saved)
            : mergedWeight(
                float32(base, `${module}.weight`),
                part(loraAName(module)),
                part(loraBName(module)),
                lora,
              );
          assertSummary(found, summary, module);
        }
      },
    );
  }
}
