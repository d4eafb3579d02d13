import { cpSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import type { Decoder, GenerativeModel } from "../../src/models/generative";
import type { TokenBatch, Tokenizer } from "../../src/models/tokenizer/tokenizer";
import { CHATML } from "../models/gguf/tiny-gguf";

const fixture = resolve(__dirname, "../fixtures/tiny-llama/a");
export const tinyAdapter = join(fixture, "lora_all");

/** The tiny Llama with a token for each ASCII character and control tokens around turns, in a folder of its own. */
export function writeTinyChat(directory: string, { template = CHATML, maxPositions = 2048 } = {}): string {
  mkdirSync(directory, { recursive: true });
  for (const name of ["model.safetensors", "generation_config.json"])
    cpSync(join(fixture, name), join(directory, name));
  const config = JSON.parse(readFileSync(join(fixture, "config.json"), "utf8")) as object;
  const write = (name: string, value: object) => writeFileSync(join(directory, name), JSON.stringify(value));
  write("config.json", { ...config, max_position_embeddings: maxPositions });
  const special = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"];
  const ascii = Array.from({ length: 95 }, (_, i) => String.fromCharCode(32 + i)).join("");
  // Byte-level vocabularies write a space as Ġ and a line feed as Ċ.
  const symbols = [...`${ascii.replace(" ", "Ġ")}Ċ`];
  write("tokenizer.json", {
    version: "1.0",
    truncation: null,
    padding: null,
    added_tokens: special.map((content, id) => ({
      ...{ id, content, special: true },
      ...{ single_word: false, lstrip: false, rstrip: false, normalized: false },
    })),
    normalizer: null,
    pre_tokenizer: { type: "ByteLevel", add_prefix_space: false, trim_offsets: true, use_regex: true },
    post_processor: null,
    decoder: { type: "ByteLevel", add_prefix_space: true, trim_offsets: true, use_regex: true },
    model: {
      type: "BPE",
      ...{ dropout: null, unk_token: null, continuing_subword_prefix: "", end_of_word_suffix: "" },
      ...{ fuse_unk: false, byte_fallback: false, ignore_merges: false },
      vocab: Object.fromEntries([...special, ...symbols].map((token, id) => [token, id])),
      merges: [],
    },
  });
  write("tokenizer_config.json", {
    tokenizer_class: "GPT2Tokenizer",
    ...{ bos_token: "<|im_start|>", eos_token: "<|im_end|>", pad_token: "<|endoftext|>" },
    ...(template !== "" && { chat_template: template }),
  });
  return directory;
}

/** A model that gives these answers, one after another, whatever it is asked; it keeps what it was asked. */
export class Scripted implements GenerativeModel {
  readonly taskType = "CAUSAL_LM";
  readonly stopTokenIds: readonly number[];
  readonly padTokenId: number;
  readonly asked: string[] = [];
  disposed = 0;

  constructor(
    private readonly tokenizer: Tokenizer,
    private readonly answers: (string | readonly number[])[],
  ) {
    this.stopTokenIds = [tokenizer.eosId];
    this.padTokenId = tokenizer.padId;
  }

  async startDecoder(batch: TokenBatch): Promise<Decoder> {
    const prompt = [...batch.inputIds.data];
    this.asked.push(this.tokenizer.decode(prompt, { skipSpecialTokens: false }));
    const next = this.answers.shift() ?? "";
    const tokens = typeof next === "string" ? this.tokenizer.encode(next) : [...next];
    const said = () => tokens.shift() ?? this.tokenizer.eosId;
    return Promise.resolve({
      vocabularySize: this.tokenizer.vocabularySize,
      prompts: [prompt],
      nextTokens: () => Promise.resolve(Int32Array.of(said())),
      nextLogits: () => {
        const logits = new Float32Array(this.tokenizer.vocabularySize).fill(-1e4);
        logits[said()] = 0;
        return Promise.resolve(logits);
      },
      nextLogProbabilities: () => Promise.reject(new Error("not scripted")),
      select: () => {},
      dispose: () => void this.disposed++,
    });
  }

  dispose(): Promise<void> {
    return Promise.resolve();
  }
}
