import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { experimentSplits } from "../../src/experiments/examples";
import { openExperiment, trainExperiment } from "../../src/experiments/run";
import { saveExperiment } from "../../src/experiments/save";
import { experimentCheckpoint, experimentVariant } from "../../src/experiments/variant";
import { exportTransformersJs } from "../../src/export/transformers-js";
import { generateWithTransformersJs } from "../../src/export/use";
import { readJson } from "../../src/io/files";
import { loadTokenizer } from "../../src/models/tokenizer/tokenizer";
import { tinyContext, tinySettings } from "./tiny-experiment";

const directory = mkdtempSync(join(tmpdir(), "save-"));
after(() => rmSync(directory, { recursive: true }));

test("a saved experiment answers as the trained one, here and in Transformers.js", async () => {
  const context = await tinyContext(join(directory, "runs"));
  const settings = tinySettings({ maxSteps: 2, unfrozenEncoderBlocks: 0, learningRate: 0.05 });
  const trained = await trainExperiment(settings, context);
  const saved = join(directory, "saved");
  saveExperiment(saved, trained);
  writeFileSync(join(saved, "unfrozen.safetensors"), "of an earlier adapter");
  saveExperiment(saved, trained);
  assert.ok(!existsSync(join(saved, "unfrozen.safetensors")));
  assert.ok(readdirSync(saved).includes("tokenizer.json"));
  const state = readJson(join(saved, "trainer_state.json")) as { step: number; log: unknown[] };
  assert.deepEqual([state.step, state.log.length], [2, 2]);

  const opened = openExperiment(saved, {
    ...context,
    base: { ...context.base, tokenizer: await loadTokenizer(saved) },
  });
  const { test } = experimentSplits(context.corpus.splits, opened.settings);
  const answers = await experimentVariant("opened", opened).generate(test);
  assert.deepEqual(answers, await experimentVariant("trained", trained).generate(test));

  const exported = join(directory, "transformers-js");
  exportTransformersJs(exported, experimentCheckpoint(trained), { tokenizerFrom: saved });
  const inputs = answers.map(({ input }) => input);
  const theirs = await generateWithTransformersJs(exported, inputs, {
    maxNewTokens: settings.maxNewTokens,
    repetitionPenalty: settings.repetitionPenalty,
    noRepeatNgramSize: settings.noRepeatNgramSize,
  });
  assert.deepEqual(
    theirs.map(words),
    answers.map(({ output }) => words(output)),
  );
});

const words = (text: string) => text.split(/\s+/).filter(Boolean);
