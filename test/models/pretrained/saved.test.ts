import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { exportTransformersJs } from "../../../src/export/transformers-js";
import { readJson, writeJson } from "../../../src/io/files";
import { openModelDirectory, readModelDirectory } from "../../../src/models/pretrained/read";
import { writeModelDirectory } from "../../../src/models/pretrained/write";
import { parseT5Config, withOwnHead } from "../../../src/models/t5/config";
import type { Model } from "../../../src/models/architecture";
import { parameterShapes } from "../../../src/models/t5/parameters";
import { padBatch } from "../../../src/models/tokenizer/tokenizer";
import { writeSafetensors } from "../../../src/tensors/file";
import { float32Tensor, type HostTensor } from "../../../src/tensors/tensor";
import { writeTinyTokenizer } from "../tiny";

/** What transformers computes for models with these flags in config.json; made by make/models_t5_saved.py. */
interface Expected {
  readonly sizes: Record<string, unknown>;
  readonly input: number[];
  readonly decoderInput: number[];
  readonly cases: Record<string, SavedCase & { logits: number[]; saved: SavedCase }>;
}
interface SavedCase {
  readonly flags: Record<string, boolean>;
  readonly head: "none" | "own" | "equal";
}
const expected = JSON.parse(
  readFileSync(join(__dirname, "../../fixtures/models_t5_saved.json"), "utf8"),
) as Expected;

const root = mkdtempSync(join(tmpdir(), "saved-"));
test.after(() => rmSync(root, { recursive: true }));
let count = 0;

/** A directory with these flags and the formula's weights: 0.5 sin(1 + 0.7 i + 1.3 index), norms 1 + 0.1 sin(…). */
function directoryOf({ flags, head }: SavedCase): string {
  const directory = join(root, String(count++));
  const shapes = parameterShapes(withOwnHead(parseT5Config(expected.sizes)));
  const tensors = new Map<string, HostTensor<"float32">>();
  for (const [index, name] of Object.keys(shapes).sort().entries()) {
    const data = new Float32Array(shapes[name]!.reduce((a, b) => a * b, 1)).map((_, i) => {
      const wave = Math.sin(1 + 0.7 * i + 1.3 * index);
      return name.includes("layer_norm") ? 1 + 0.1 * wave : 0.5 * wave;
    });
    tensors.set(name, float32Tensor(shapes[name]!, data));
  }
  if (head === "none") tensors.delete("lm_head.weight");
  if (head === "equal") tensors.set("lm_head.weight", tensors.get("shared.weight")!);
  writeSafetensors(join(directory, "model.safetensors"), tensors);
  writeJson(join(directory, "config.json"), { ...expected.sizes, ...flags });
  return directory;
}

async function logitsOf(model: Model): Promise<Float32Array> {
  const generator = await model.architecture.createGenerator(model);
  const decoder = await generator.startDecoder(padBatch([expected.input], 0), 1, 10);
  let logits = new Float32Array();
  for (const token of expected.decoderInput)
    logits = (await decoder.nextLogits(Int32Array.of(token))) as typeof logits;
  decoder.dispose();
  await generator.dispose();
  return logits;
}

const near = (actual: Float32Array, wanted: readonly number[]) => {
  assert.equal(actual.length, wanted.length);
  wanted.forEach((value, i) =>
    assert.ok(Math.abs(actual[i]! - value) < 2e-5, `logit ${i}: ${actual[i]}, not ${value}`),
  );
};

for (const [name, { logits, saved, ...stored }] of Object.entries(expected.cases)) {
  test(`logits are those of transformers, as stored, as it saves them and as we do: ${name}`, async () => {
    const model = readModelDirectory(directoryOf(stored));
    near(await logitsOf(model), logits);
    const open = openModelDirectory(directoryOf(saved));
    near(await logitsOf(open), logits);
    open.close();

    const ours = join(root, String(count++));
    writeModelDirectory(ours, model);
    near(await logitsOf(readModelDirectory(ours)), logits);
    assert.deepEqual(readJson(join(ours, "config.json")), { ...expected.sizes, ...stored.flags });
    // Without the file that it came from, both flags say it.
    const { architecture, config, parameters } = model;
    writeModelDirectory(ours, { architecture, config, parameters });
    near(await logitsOf(readModelDirectory(ours)), logits);
    assert.equal(parametersHaveHead(ours), stored.head === "own");
  });
}

const parametersHaveHead = (directory: string) =>
  readModelDirectory(directory).parameters.has("lm_head.weight");

test("both flags are in files that are written without one read before, also for Transformers.js", () => {
  writeTinyTokenizer(root);
  for (const [name, tied, scaled] of [
    ["v1.1, untied", false, false],
    ["original, tied", true, true],
    ["tied, not scaled", true, false],
    ["called tied, own head, scaled by default", false, true],
  ] as const) {
    const { architecture, config, parameters } = readModelDirectory(directoryOf(expected.cases[name]!));
    const [written, exported] = [join(root, String(count++)), join(root, String(count++))];
    const model = { architecture, config, parameters };
    writeModelDirectory(written, model);
    exportTransformersJs(exported, model, { tokenizerFrom: root, variants: ["fp32"] });
    for (const directory of [written, exported]) {
      const file = readJson(join(directory, "config.json")) as Record<string, unknown>;
      assert.deepEqual([file.tie_word_embeddings, file.scale_decoder_outputs], [tied, scaled], name);
    }
  }
});
