import assert from "node:assert/strict";
import type { Model } from "../../../src/models/architecture";
import type { GenerativeModel } from "../../../src/models/generative";
import { type Adapter, readAdapter } from "../../../src/models/lora/adapter";
import { AdapterSet } from "../../../src/models/lora/adapter-set";
import { mergeAdapter } from "../../../src/models/lora/weights";
import { padBatch } from "../../../src/models/tokenizer/tokenizer";
import { float32Tensor } from "../../../src/tensors/tensor";
import { closeTo, type LlamaFixture, testEveryLlama } from "../llama-fixtures";
import { join } from "node:path";

const PROMPT = [1, 7, 12, 9, 23, 40, 8, 15];

/** Logits of the last token of the prompt and of one more. */
async function logitsOf(generator: GenerativeModel): Promise<Float32Array> {
  const decoder = await generator.startDecoder(padBatch([PROMPT], 0), 1, 4);
  const first = (await decoder.nextLogits(Int32Array.of(PROMPT.at(-1)!))).slice();
  const second = await decoder.nextLogits(Int32Array.of(11));
  decoder.dispose();
  return Float32Array.of(...first, ...second);
}

async function withGenerator<T>(
  { architecture, ...model }: Model,
  use: (generator: GenerativeModel) => Promise<T>,
  adapter?: AdapterSet,
): Promise<T> {
  const generator = await architecture.createGenerator(model, { adapter });
  try {
    return await use(generator);
  } finally {
    await generator.dispose();
  }
}

/** The model with `share` of what an adapter changes: α and B stay, what is saved whole moves by its share. */
function merged(model: Model, adapter: Adapter, share: number): Model {
  const weights = new Map(
    [...adapter.weights].map(([name, { shape, data }]) => {
      if (/\.lora_A\./.test(name)) return [name, float32Tensor(shape, data)] as const;
      const own = /\.lora_B\./.test(name) ? undefined : model.parameters.get(name);
      const moved = data.map((value, i) =>
        own ? own.data[i]! + share * (value - own.data[i]!) : share * value,
      );
      return [name, float32Tensor(shape, moved)] as const;
    }),
  );
  return { ...model, parameters: mergeAdapter(model.parameters, { ...adapter, weights }) };
}

const adaptersOf = (fixture: LlamaFixture) => {
  const model = fixture.model();
  const names = fixture.folders("adapter_config.json");
  const adapters = names.map((name) => [name, readAdapter(join(fixture.directory, name), model)] as const);
  return { model, names, adapters: Object.fromEntries(adapters) };
};

testEveryLlama(
  "adapters of one base are switched, scaled and taken off as if each were merged, without another generator",
  ["model.safetensors", "lora_qv/adapter_config.json"],
  () => ["switching"],
  async (fixture) => {
    const { model, names, adapters } = adaptersOf(fixture);
    const set = new AdapterSet(model, adapters);
    await withGenerator(
      model,
      async (generator) => {
        const compare = async (shares: Record<string, number>, expected: Model, what: string) => {
          set.use(shares);
          // Twice: the second time from the keys and values that were kept.
          for (const time of ["first", "second"])
            closeTo(
              await logitsOf(generator),
              await withGenerator(expected, logitsOf),
              2e-4,
              `${what}, ${time}`,
            );
        };
        await compare({}, model, "base");
        for (const name of names)
          for (const share of [1, 0.4, -0.5])
            await compare({ [name]: share }, merged(model, adapters[name]!, share), `${name} · ${share}`);
        await compare({ [names[0]!]: 0 }, model, "share 0");
      },
      set,
    );
  },
);

testEveryLlama(
  "two adapters together change the weights by both",
  ["model.safetensors", "lora_qv/adapter_config.json", "lora_all/adapter_config.json"],
  () => ["mixing"],
  async (fixture) => {
    const { model, adapters } = adaptersOf(fixture);
    const { lora_qv: one, lora_all: other } = adapters;
    assert.ok(one && other);
    const rank = one.config.rank + other.config.rank;
    const set = new AdapterSet(model, { one, other }, { rank });
    const both = merged(merged(model, one, 0.7), other, 0.5);
    set.use({ one: 0.7, other: 0.5 });
    await withGenerator(
      model,
      async (generator) =>
        closeTo(await logitsOf(generator), await withGenerator(both, logitsOf), 2e-4, "both"),
      set,
    );
    const narrow = new AdapterSet(model, { one, other });
    assert.throws(
      () => narrow.use({ one: 1, other: 1 }),
      new RegExp(`2 adapters have ${rank} ranks.*\\{ rank: ${rank} \\}`),
    );
    assert.throws(() => narrow.use({ third: 1 }), /no adapter is named third: there are one, other/);
    assert.throws(() => narrow.use({ one: NaN }), /share of one must be a finite number/);
    assert.throws(
      () => new AdapterSet(model, { one }, { rank: 1 }).use({ one: 1 }),
      /the adapter has .* room for 1/,
    );
  },
);

testEveryLlama(
  "an answer begun under one adapter leaves nothing behind for another",
  ["model.safetensors", "lora_qv/adapter_config.json"],
  () => ["kept"],
  async (fixture) => {
    const { model, names, adapters } = adaptersOf(fixture);
    const set = new AdapterSet(model, adapters);
    const [name] = names;
    await withGenerator(
      model,
      async (generator) => {
        const decoder = await generator.startDecoder(padBatch([PROMPT], 0), 1, 4);
        await decoder.nextTokens(Int32Array.of(PROMPT.at(-1)!));
        set.use({ [name!]: 1 });
        decoder.dispose();
        closeTo(
          await logitsOf(generator),
          await withGenerator(merged(model, adapters[name!]!, 1), logitsOf),
          2e-4,
          "after a switch within an answer",
        );
      },
      set,
    );
  },
);

testEveryLlama(
  "an adapter of another model is refused",
  ["model.safetensors", "lora_qv/adapter_config.json"],
  () => ["refused"],
  (fixture) => {
    const { model, adapters } = adaptersOf(fixture);
    const [adapter] = Object.values(adapters);
    const [name, { shape }] = [...adapter!.weights][0]!;
    const wide = float32Tensor([shape[0]!, shape[1]! + 1], new Float32Array(shape[0]! * (shape[1]! + 1)));
    for (const [key, tensor] of [
      [name, wide],
      ["model.layers.99.self_attn.q_proj.lora_A.weight", float32Tensor([1, 1], new Float32Array(1))],
    ] as const) {
      const weights = new Map(adapter!.weights).set(key, tensor);
      assert.throws(
        () => new AdapterSet(model, { odd: { ...adapter!, weights } }),
        /the adapter odd is not of this model/,
      );
    }
  },
);
