import assert from "node:assert/strict";
import { generate } from "../../../src/generation/generate";
import type { GenerationOptions } from "../../../src/generation/options";
import type { TokenBatch } from "../../../src/models/tokenizer/tokenizer";
import { int32Tensor } from "../../../src/tensors/tensor";
import { type LlamaFixture, testEveryLlama } from "../llama-fixtures";

interface Run {
  readonly name: string;
  readonly args: Record<string, number | boolean | number[] | null>;
  /** New tokens of each returned sequence, cut behind the first stop token. */
  readonly answers: number[][];
  readonly sequences_scores?: number[];
}

interface GenerationFile {
  readonly input_ids: number[][];
  readonly attention_mask: number[][];
  readonly runs: Run[];
}

const readFile = (fixture: LlamaFixture) => fixture.read<GenerationFile>("generation.json");

/** The prompts, padded on the left as they are. */
function promptsOf({ input_ids, attention_mask }: GenerationFile): TokenBatch {
  const shape = [input_ids.length, input_ids[0]!.length];
  return {
    inputIds: int32Tensor(shape, Int32Array.from(input_ids.flat())),
    attentionMask: int32Tensor(shape, Int32Array.from(attention_mask.flat())),
    lengths: attention_mask.map((row) => row.reduce((sum, mask) => sum + mask, 0)),
  };
}

/** transformers' arguments as our options. */
function optionsOf(args: Run["args"]): GenerationOptions {
  const { eos_token_id: eos, pad_token_id: _, ...others } = args;
  const camel = Object.entries(others).map(([name, value]) => [
    name.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase()),
    value,
  ]);
  const stopTokenIds = eos === null ? [] : [eos as number | number[]].flat();
  return {
    ...(Object.fromEntries(camel) as unknown as GenerationOptions),
    stopTokenIds,
    processPadding: true,
  };
}

testEveryLlama(
  "generation equals transformers'",
  ["generation.json", "model.safetensors"],
  (fixture) => readFile(fixture).runs.map(({ name }) => name),
  async (fixture, name) => {
    const file = readFile(fixture);
    const run = file.runs.find((run) => run.name === name)!;
    const model = fixture.model();
    const generator = await model.architecture.createGenerator(model);
    try {
      const found = await generate(generator, promptsOf(file), optionsOf(run.args));
      assert.deepEqual(
        found.map(({ tokens }) => tokens),
        run.answers,
      );
      run.sequences_scores?.forEach((score, i) =>
        assert.ok(Math.abs(found[i]!.score! - score) < 1e-5, `${found[i]!.score} and ${score}`),
      );
    } finally {
      await generator.dispose();
    }
  },
);
