import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join, resolve } from "node:path";
import { after, test } from "node:test";
import { languageInfo } from "../../jupyter/kernel/language";
import type { Content } from "../../jupyter/kernel/wire";
import { hasTag, readNotebook, textOf } from "../../scripts/runner/notebook";
import { runNotebook } from "../../scripts/runner/run-notebook";
import { readJson } from "../../src/io/files";
import { embeddedChatModel } from "../../src/models/pretrained/embedded";
import { writeModelDirectory } from "../../src/models/pretrained/write";
import { embeddedTokenizer } from "../../src/models/tokenizer/find";
import type { ParameterValue } from "../../src/notebook/parameters";
import type { Manifest } from "../../src/notebook/run";
import { randomT5, TINY } from "../models/tiny";
import { randomLlama, TINY_LLAMA } from "../models/tiny-llama";

const folder = resolve(__dirname, "../../notebooks");
const kernelspec = resolve(__dirname, "../../jupyter/kernels/tslab/kernel.json");
const outputs = mkdtempSync(join(tmpdir(), "notebooks-"));
after(() => rmSync(outputs, { recursive: true }));

const notebooks = existsSync(folder)
  ? readdirSync(folder)
      .filter((file) => file.endsWith(".ipynb"))
      .sort()
  : [];

const folders = ["model", "chat-model"].map((name) => mkdtempSync(join(tmpdir(), `${name}-`)));
after(() => folders.forEach((folder) => rmSync(folder, { recursive: true })));
const [model, chatModel] = folders as [string, string];

/** Notebooks that train run here with a random model of a few thousand parameters a layer, for a few steps; those that resample do it less. */
const small: Record<string, Record<string, ParameterValue>> = {
  "03-baselines": { N_TEST: 20, RESAMPLES: 20 },
  "04-lora-training": {
    MAX_STEPS: 3,
    N_TRAIN: 12,
    N_VAL: 2,
    N_TEST: 3,
    MAX_NEW_TOKENS: 12,
    UNFREEZE: [0, 2],
    RESAMPLES: 20,
    RANK: 2,
  },
  "05-rag-ablation": {
    N_SEEDS: 2,
    K: [2],
    MAX_STEPS: 2,
    N_TRAIN: 12,
    N_VAL: 2,
    N_TEST: 3,
    MAX_NEW_TOKENS: 12,
    RESAMPLES: 20,
    RANK: 2,
  },
  "06-grid-experiment": { MAX_STEPS: 2, N_TRAIN: 12, N_TEST: 3, RESAMPLES: 20, RANK: 2 },
  "08-persona-simulator": {
    MODEL: chatModel,
    RANK: 2,
    MAX_STEPS: 2,
    N_ITERATIONS: 1,
    N_PLACES: 3,
    N_DIALOGUES: 1,
    N_TURNS: 2,
    RESAMPLES: 20,
  },
  "09-personality": {
    MODEL: chatModel,
    N_DIALOGUES: 16,
    N_TEST: 3,
    MAX_STEPS: 2,
    RANK: 2,
    MAX_NEW_TOKENS: 6,
    N_SITUATIONS: 2,
    N_TALKS: 2,
    RATIOS: [0, 1],
    RESAMPLES: 20,
  },
  "10-making-dialogues": {
    N_ATTRIBUTES: 24,
    ROUNDS: 1,
    N_PROFILES: 10,
    N_PAIRS: 5,
    ITERATIONS: 1,
    CANDIDATES: 3,
    STEPS: 2,
    N_MEASURED: 1,
    RESAMPLES: 20,
  },
  "11-persona-alignment": {
    MODEL: chatModel,
    N_TRAIN: 12,
    N_TEST: 4,
    HISTORY_TURNS: 1,
    MAX_LENGTH: 800,
    SFT_STEPS: 2,
    DPO_STEPS: 1,
    MAX_NEW_TOKENS: 4,
    RESAMPLES: 20,
    CUT: 2,
    N_CASES: 2,
  },
};
writeModelDirectory(model, randomT5({ ...TINY, vocabSize: 8000 }, 5), {
  tokenizerFrom: embeddedTokenizer,
});
const tokens = {
  vocab_size: 8000,
  max_position_embeddings: 1024,
  bos_token_id: null,
  tie_word_embeddings: false,
};
writeModelDirectory(
  chatModel,
  randomLlama({ ...TINY_LLAMA, ...tokens, eos_token_id: [7997, 1], pad_token_id: 0 }, 5),
  { tokenizerFrom: embeddedChatModel },
);

for (const file of notebooks) {
  const name = basename(file, ".ipynb");
  const path = join(folder, file);

  test(`${file} opens with the project's kernel and declares its parameters`, () => {
    const { cells } = readNotebook(path);
    assert.equal(cells.filter((cell) => hasTag(cell, "parameters")).length, 1);
    assert.equal(new Set(cells.map(({ id }) => id)).size, cells.length, "cell ids repeat");
    assert.equal(cells[0]?.cell_type, "markdown");
  });

  test(`${file} is as Jupyter leaves it when it is opened and saved`, () => {
    const notebook = readNotebook(path);
    const { display_name, language } = readJson(kernelspec) as Content;
    assert.deepEqual(notebook.metadata, {
      kernelspec: { display_name, language, name: "tslab" },
      language_info: languageInfo,
    });
    assert.equal(readFileSync(path, "utf8"), textOf(notebook));
  });

  // In order and into one folder, as npm start runs them: later ones may read what earlier ones left.
  test(`${file} runs in the quick profile and leaves what its manifest lists`, async () => {
    await runNotebook({
      path,
      saveTo: join(outputs, file),
      parameters: { PROFILE: "quick", ...small[name] },
      environment: { ...process.env, PERSONA_OUTPUTS: outputs, ...(small[name] && { PERSONA_MODEL: model }) },
      limit: 600,
    });
    const manifest = readJson(join(outputs, name, "manifest.json")) as Manifest;
    assert.equal(manifest.profile, "quick");
    assert.ok(manifest.files.length > 0);
    for (const { path: left } of manifest.files) assert.ok(existsSync(left), left);
  });
}

test("what 10-making-dialogues made is opened as any corpus is", async (t) => {
  const made = join(outputs, "10-making-dialogues", "corpus");
  if (!existsSync(made)) return t.skip("the notebook did not run here");
  const elsewhere = mkdtempSync(join(tmpdir(), "made-"));
  after(() => rmSync(elsewhere, { recursive: true }));
  await runNotebook({
    path: join(folder, "01-data-exploration.ipynb"),
    saveTo: join(elsewhere, "01.ipynb"),
    parameters: { PROFILE: "quick" },
    environment: { ...process.env, PERSONA_OUTPUTS: elsewhere, PERSONA_DATA: made },
    limit: 600,
  });
  const manifest = readJson(join(elsewhere, "01-data-exploration", "manifest.json")) as Manifest;
  assert.deepEqual(
    manifest.inputs.map(({ path }) => basename(path)),
    ["train.csv", "valid.csv", "test.csv"],
  );
});
