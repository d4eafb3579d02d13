import assert from "node:assert/strict";
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import fc from "fast-check";
import { openLlama2c } from "../../../src/models/llama2c/model";
import { loadTokenizer } from "../../../src/models/tokenizer/tokenizer";

const folder = mkdtempSync(join(tmpdir(), "llama2c-"));
test.after(() => rmSync(folder, { recursive: true }));

const sizes = { dim: 8, hidden: 12, layers: 2, heads: 2, keyValueHeads: 1, vocabulary: 265, context: 16 };
const int32 = (...values: number[]) => Buffer.from(Int32Array.from(values).buffer);

/** The parts of a file, in its order: name in Hugging Face's words, and elements. */
function parts(version: 0 | 1, isTied: boolean): [string, number][] {
  const { dim, hidden, layers, vocabulary, context } = sizes;
  const each = (name: string, count: number) =>
    Array.from({ length: layers }, (_, i): [string, number] => [`model.layers.${i}.${name}.weight`, count]);
  const attention = [
    ...each("self_attn.q_proj", dim * dim),
    ...each("self_attn.k_proj", (dim * dim) / 2),
    ...each("self_attn.v_proj", (dim * dim) / 2),
    ...each("self_attn.o_proj", dim * dim),
  ];
  const feedForward = ["mlp.gate_proj", "mlp.down_proj", "mlp.up_proj"].flatMap((name) =>
    each(name, hidden * dim),
  );
  const norms = [each("input_layernorm", dim), each("post_attention_layernorm", dim)] as const;
  const embedding: [string, number] = ["model.embed_tokens.weight", vocabulary * dim];
  const head: [string, number][] = isTied ? [] : [["lm_head.weight", vocabulary * dim]];
  const final: [string, number] = ["model.norm.weight", dim];
  return version === 0
    ? [
        embedding,
        ...norms[0],
        ...attention,
        ...norms[1],
        ...feedForward,
        final,
        ["angles", context * 4],
        ...head,
      ]
    : [...norms[0], ...norms[1], final, embedding, ...attention, ...feedForward, ...head];
}

/** A file whose elements count up, and what each parameter holds there. */
function made(version: 0 | 1, isTied: boolean): { bytes: Buffer; values: Map<string, number[]> } {
  const { vocabulary, ...rest } = sizes;
  const { dim, hidden, layers, heads, keyValueHeads, context } = rest;
  const seven = [
    dim,
    hidden,
    layers,
    heads,
    keyValueHeads,
    version === 0 && !isTied ? -vocabulary : vocabulary,
    context,
  ];
  const head = version === 0 ? int32(...seven) : Buffer.alloc(256);
  if (version === 1) {
    int32(0x616b3432, 1, ...seven).copy(head);
    head[36] = isTied ? 1 : 0;
  }
  const values = new Map<string, number[]>();
  let next = 0;
  for (const [name, count] of parts(version, isTied))
    values.set(
      name,
      Array.from({ length: count }, () => next++ / 8),
    );
  return {
    bytes: Buffer.concat([head, Buffer.from(Float32Array.from([...values.values()].flat()).buffer)]),
    values,
  };
}

/** tokenizer.bin: unknown, beginning, end, 256 bytes, and six pieces. */
const PIECES: [string, number][] = [
  [" ", -3],
  ["a", -4],
  ["b", -5],
  ["ab", -0],
  [" ab", -1],
  ["bb", -2],
];
function tokenizerBytes(): Buffer {
  const bytes = Array.from({ length: 256 }, (_, i) => `<0x${i.toString(16).toUpperCase().padStart(2, "0")}>`);
  const all: [string, number][] = [["<unk>", 0], ["\n<s>\n", 0], ["\n</s>\n", 0], ...bytes.map((b): [string, number] => [b, 0]), ...PIECES]; // prettier-ignore
  return Buffer.concat([
    int32(7),
    ...all.flatMap(([text, score]) => {
      const head = Buffer.alloc(8);
      head.writeFloatLE(score);
      head.writeInt32LE(Buffer.byteLength(text), 4);
      return [head, Buffer.from(text)];
    }),
  ]);
}

function write(bytes: Uint8Array, name = "model.bin"): string {
  const path = join(folder, name);
  writeFileSync(path, bytes);
  return path;
}

for (const version of [0, 1] as const)
  for (const isTied of [true, false])
    test(`version ${version}, ${isTied ? "tied" : "untied"}: parameters by Hugging Face's names, q and k in its order`, () => {
      const { bytes, values } = made(version, isTied);
      const model = openLlama2c(write(bytes));
      values.delete("angles");
      assert.deepEqual([...model.shapes.keys()].sort(), [...values.keys()].sort());
      assert.equal(model.configFile["tie_word_embeddings"], isTied);
      assert.deepEqual(
        [
          "hidden_size",
          "intermediate_size",
          "num_attention_heads",
          "num_key_value_heads",
          "head_dim",
          "vocab_size",
        ].map((field) => model.configFile[field]),
        [8, 12, 2, 1, 4, 265],
      );
      for (const [name, wanted] of values) {
        const { data } = model.get(name)!;
        if (!/[qk]_proj/.test(name)) {
          assert.deepEqual([...data], wanted, name);
          assert.equal(bytes.readFloatLE(model.locate(name)!.offset), wanted[0], name);
          continue;
        }
        assert.equal(model.locate(name), undefined);
        const rows = Array.from({ length: data.length / 8 }, (_, i) => data[8 * i]!);
        const order = [0, 2, 1, 3, 4, 6, 5, 7].slice(0, rows.length);
        assert.deepEqual(
          rows,
          order.map((row) => wanted[8 * row]),
          name,
        );
      }
      model.close();
    });

test("its tokenizer stands beside it, and merges the pieces with the best scores", async () => {
  const path = write(made(0, true).bytes);
  const tokenizerPath = join(folder, "tok265.bin");
  rmSync(tokenizerPath, { force: true });
  const model = openLlama2c(path);
  assert.throws(
    () => model.tokenizer(),
    /model\.bin: .*needs its tokenizer beside it, tokenizer\.bin or tok265\.bin/,
  );
  writeFileSync(tokenizerPath, tokenizerBytes());
  const tokenizer = await loadTokenizer(model.tokenizer());
  const pieces = (text: string) => tokenizer.encode(text, { addEos: false }).map((id) => tokenizer.token(id));
  assert.deepEqual(pieces("ab abb"), ["▁ab", "▁ab", "b"]);
  assert.deepEqual(pieces("bbé"), ["▁", "bb", "<0xC3>", "<0xA9>"]);
  assert.equal(tokenizer.decode(tokenizer.encode("bb é\n ab")), "bb é\n ab");
  assert.deepEqual([tokenizer.bosId, tokenizer.eosId, tokenizer.unknownId], [1, 2, 0]);
});

test("files that are cut, longer, of another version or nonsense are refused by name", () => {
  const { bytes } = made(0, true);
  const newer = made(1, true).bytes;
  const changed = (of: Buffer, at: number, value: number) => {
    const copy = Buffer.from(of);
    copy.writeInt32LE(value, at);
    return copy;
  };
  const refused: [Buffer, RegExp][] = [
    [bytes.subarray(0, 12), /model\.bin: not a llama2\.c checkpoint: 12 bytes are too few for a header/],
    [newer.subarray(0, 100), /100 bytes are too few for a header/],
    [bytes.subarray(0, bytes.length - 4), /not a llama2\.c checkpoint, or cut off: its header \(dim 8,.* needs \d+ bytes, but it has \d+/],
    [newer.subarray(0, 300), /cut off: its header/],
    [Buffer.concat([bytes, Buffer.alloc(4)]), /needs \d+ bytes, but it has/],
    [changed(newer, 4, 2), /version 2, whose weights are rounded to 8 bits, is not read; export it as version 1/],
    [changed(newer, 4, 7), /version 7 is not read/],
    [changed(bytes, 0, -8), /dim is -8/],
    [changed(bytes, 8, 0), /layers is 0/],
    [changed(bytes, 16, 3), /dim 8, 2 heads and 3 of keys do not go together/],
    [changed(bytes, 12, 1 << 30), /heads is 1073741824/],
  ]; // prettier-ignore
  for (const [content, message] of refused) assert.throws(() => openLlama2c(write(content)), message);
  const holed = Buffer.from(bytes);
  holed.writeFloatLE(NaN, 28);
  const model = openLlama2c(write(holed));
  assert.throws(
    () => model.get("model.embed_tokens.weight"),
    /model\.embed_tokens\.weight holds values that are not finite/,
  );
  assert.throws(() => model.locate("model.embed_tokens.weight"), /not finite/);
  assert.equal(model.get("something"), undefined);
});

test("a tokenizer of another size, or damaged, is refused by name", () => {
  const path = write(made(0, true).bytes);
  const good = tokenizerBytes();
  const reading = (bytes: Buffer) => {
    writeFileSync(join(folder, "tok265.bin"), bytes);
    const model = openLlama2c(path);
    try {
      return model.tokenizer();
    } finally {
      model.close();
    }
  };
  assert.throws(
    () => reading(good.subarray(0, good.length - 11)),
    /tok265\.bin: not a llama2\.c tokenizer of 265 tokens: token 263 has 3 bytes, which it does not hold/,
  );
  assert.throws(
    () => reading(Buffer.concat([good, Buffer.alloc(3)])),
    /goes on for 3 bytes after the last token/,
  );
  assert.throws(() => reading(Buffer.alloc(1 << 20)), /1048576 bytes, which are too many/);
  fc.assert(
    fc.property(fc.nat(good.length - 1), fc.uint8Array({ minLength: 1, maxLength: 6 }), (at, by) => {
      const damaged = Buffer.from(good);
      damaged.set(by.subarray(0, damaged.length - at), at);
      try {
        reading(damaged);
      } catch (error) {
        assert.match((error as Error).message, /tok265\.bin: not a llama2\.c tokenizer/);
      }
    }),
  );
});

const stories = "../shared/data/stories260K";
test(
  "the stories' model and tokenizer",
  { skip: existsSync(stories) ? false : `${stories} is missing` },
  async () => {
    const own = join(folder, "stories");
    mkdirSync(own);
    for (const name of ["stories260K.bin", "tok512.bin"]) cpSync(join(stories, name), join(own, name));
    const model = openLlama2c(join(own, "stories260K.bin"));
    assert.equal(model.shapes.size, 47);
    for (const name of model.shapes.keys()) assert.ok(model.get(name));
    const tokenizer = await loadTokenizer(model.tokenizer());
    assert.equal(tokenizer.vocabularySize, 512);
    assert.equal(tokenizer.decode(tokenizer.encode("Once upon a time, Lily…")), "Once upon a time, Lily…");
  },
);
