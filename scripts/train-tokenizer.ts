/**
 * Trains the embedded tokenizer (data/model/) with SentencePiece and writes it in Hugging Face's form.
 *
 *     npx tsx scripts/train-tokenizer.ts --data <folder with Synthetic-Persona-Chat>
 *
 * Needs `spm_train` and `spm_encode` (Debian and Ubuntu: apt install sentencepiece). It learns from the training and
 * new-persona conversations alone; validation conversations are used to compare the result with SentencePiece.
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Command } from "commander";
import { type Dialogue, factsOf, loadCorpus } from "../src/corpus";
import { writeJson } from "../src/io";
import { loadTokenizer } from "../src/models/tokenizer";
import { promptTags, taskPrefix } from "../src/prompts";

const vocabularySize = 8000;
const sentinels = Array.from({ length: 100 }, (_, i) => `<extra_id_${i}>`);
const tags = [...Object.values(promptTags), taskPrefix];

/** Characters that have a piece whether or not the text has them: those of ASCII, and the letters of Latin-1. */
const requiredCharacters = String.fromCodePoint(
  ...Array.from({ length: 0xff }, (_, code) => code).filter(
    (code) => (code > 0x20 && code < 0x7f) || code >= 0xc0,
  ),
  0xff,
);

/** What the tokenizer's normalizer does, for SentencePiece to learn from the same text. */
function normalize(text: string): string {
  return text
    .normalize("NFKC")
    .replace(/[\s\p{Cc}]+/gu, " ")
    .trim();
}

/** A line for each fact and each turn, with the label that prompts and targets give it. */
function trainingLines(conversations: readonly Dialogue[]): string[] {
  return conversations
    .flatMap(({ personas, turns }) => [
      ...factsOf(personas),
      ...turns.map(({ speaker, text }) => `User ${speaker}: ${text}`),
    ])
    .map(normalize)
    .filter(Boolean);
}

/**
 * Each word that occurs ten times or more, once more and with a comma. SentencePiece takes its candidates from the
 * parts that two distinct words share: a word that is always written in one way, such as "and", would be none.
 */
function secondForms(lines: readonly string[]): string[] {
  const counts = new Map<string, number>();
  for (const line of lines) for (const word of line.split(" ")) counts.set(word, (counts.get(word) ?? 0) + 1);
  return [...counts].flatMap(([word, count]) => (count >= 10 ? [`${word},`] : []));
}

/** Trains a Unigram model of `size` pieces; returns them, the special ones first, with their log probabilities. */
function trainPieces(
  lines: readonly string[],
  size: number,
  folder: string,
): [piece: string, score: number][] {
  const text = join(folder, "text.txt");
  writeFileSync(text, [...lines, ...secondForms(lines)].map((line) => `${line}\n`).join(""));
  run("spm_train", [
    `--input=${text}`,
    `--model_prefix=${join(folder, "model")}`,
    "--model_type=unigram",
    `--vocab_size=${size}`,
    "--normalization_rule_name=identity",
    "--character_coverage=1",
    `--required_chars=${requiredCharacters}`,
    // So that "1:" of the label "User 1:" can be one piece.
    "--split_by_number=false",
    "--pad_id=0",
    "--eos_id=1",
    "--unk_id=2",
    "--bos_id=-1",
    "--pad_piece=<pad>",
    "--eos_piece=</s>",
    "--unk_piece=<unk>",
    "--num_threads=1",
  ]);
  return readFileSync(join(folder, "model.vocab"), "utf8")
    .trimEnd()
    .split("\n")
    .map((line) => {
      const [piece, score] = line.split("\t");
      return [piece!, Number(score)];
    });
}

/** Writes tokenizer.json, tokenizer_config.json and special_tokens_map.json, with ids as T5 orders them. */
function writeTokenizer(pieces: readonly [string, number][], folder: string): void {
  const special = [...tags, ...[...sentinels].reverse()];
  const vocab = [...pieces, ...special.map((token): [string, number] => [token, 0])];
  const added = ["<pad>", "</s>", "<unk>", ...special].map((content) => ({
    id: vocab.findIndex(([piece]) => piece === content),
    content,
    single_word: false,
    // Tags and sentinels take the spaces around them along: "a <USER> b" has no token for either.
    lstrip: special.includes(content),
    rstrip: special.includes(content),
    normalized: false,
    special: true,
  }));
  const metaspace = { type: "Metaspace", replacement: "▁", prepend_scheme: "always", split: true };
  const eos = { SpecialToken: { id: "</s>", type_id: 0 } };
  const sequence = (id: "A" | "B") => ({ Sequence: { id, type_id: 0 } });
  writeJson(join(folder, "tokenizer.json"), {
    version: "1.0",
    truncation: null,
    padding: null,
    added_tokens: added,
    normalizer: {
      type: "Sequence",
      normalizers: [
        { type: "NFKC" },
        { type: "Replace", pattern: { Regex: "[\\s\\p{Cc}]+" }, content: " " },
        { type: "Strip", strip_left: true, strip_right: true },
      ],
    },
    pre_tokenizer: metaspace,
    post_processor: {
      type: "TemplateProcessing",
      single: [sequence("A"), eos],
      pair: [sequence("A"), eos, sequence("B"), eos],
      special_tokens: { "</s>": { id: "</s>", ids: [1], tokens: ["</s>"] } },
    },
    decoder: metaspace,
    model: { type: "Unigram", unk_id: 2, vocab, byte_fallback: false },
  });
  const names = { pad_token: "<pad>", eos_token: "</s>", unk_token: "<unk>" };
  const additional = { additional_special_tokens: [...sentinels, ...tags] };
  writeJson(join(folder, "tokenizer_config.json"), {
    tokenizer_class: "T5Tokenizer",
    model_max_length: 512,
    clean_up_tokenization_spaces: false,
    extra_ids: sentinels.length,
    ...names,
    ...additional,
  });
  writeJson(join(folder, "special_tokens_map.json"), { ...names, ...additional });
}

/** How many of the lines get other pieces from the written tokenizer than from SentencePiece. */
async function countDifferences(lines: readonly string[], model: string, directory: string): Promise<number> {
  const tokenizer = await loadTokenizer(directory);
  const input = lines.map((line) => `${line}\n`).join("");
  const expected = run("spm_encode", [`--model=${model}`, "--output_format=piece"], input)
    .trimEnd()
    .split("\n");
  const differing = lines.filter((line, i) => {
    const pieces = tokenizer.encode(line, { addEos: false }).map((id) => tokenizer.token(id));
    // SentencePiece writes the text of unknown pieces.
    const shown = expected[i]!.split(" ");
    return !pieces.includes("<unk>") && pieces.join(" ") !== shown.join(" ");
  });
  for (const line of differing.slice(0, 5)) console.log(`differs: ${line}`);
  return differing.length;
}

function run(program: string, args: readonly string[], input?: string): string {
  try {
    return execFileSync(program, args, {
      encoding: "utf8",
      input,
      maxBuffer: 2 ** 28,
      stdio: ["pipe", "pipe", "pipe"],
    });
  } catch (cause) {
    const { code, stderr } = cause as { code?: string; stderr?: string };
    const reason =
      code === "ENOENT"
        ? "not found; install SentencePiece's programs (Debian and Ubuntu: apt install sentencepiece)"
        : (stderr ?? String(cause)).trim().split("\n").slice(-5).join("\n");
    throw new Error(`${program}: ${reason}`, { cause });
  }
}

async function main(): Promise<void> {
  const { data, out } = new Command()
    .requiredOption("--data <folder>", "folder with Synthetic-Persona-Chat's files")
    .option("--out <folder>", "where to write the tokenizer", "data/model")
    .parse()
    .opts<{ data: string; out: string }>();
  const corpus = await loadCorpus({ directory: data, newPersona: true });
  const lines = trainingLines([...corpus.splits.train, ...corpus.newPersona]);
  const held = trainingLines(corpus.splits.valid);
  const folder = mkdtempSync(join(tmpdir(), "tokenizer-"));
  try {
    console.log(`Training on ${lines.length} lines …`);
    writeTokenizer(trainPieces(lines, vocabularySize - tags.length - sentinels.length, folder), out);
    const differences = await countDifferences(held, join(folder, "model.model"), out);
    const tokenizer = await loadTokenizer(out);
    const ids = held.map((line) => tokenizer.encode(line, { addEos: false }));
    const tokens = ids.flat();
    const unknown = tokens.filter((id) => id === tokenizer.unknownId).length;
    const words = held.reduce((sum, line) => sum + line.split(" ").length, 0);
    const exact = held.filter((line, i) => tokenizer.decode(ids[i]!) === line).length;
    console.log(
      `${out}: ${tokenizer.vocabularySize} tokens. On ${held.length} validation lines: ` +
        `${(tokens.length / words).toFixed(3)} tokens a word, ${unknown} unknown tokens, ` +
        `${exact} lines come back exactly, ${differences} differ from SentencePiece.`,
    );
    if (differences > 0) process.exitCode = 1;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

void main();
