import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { alignedVariant, askedTurns, tellGold } from "../../src/alignment/answers";
import { mixtureRows } from "../../src/alignment/mixture";
import { promptsFor } from "../../src/alignment/plan";
import { writePreferencePairs } from "../../src/alignment/preferences";
import { selectFacts } from "../../src/alignment/select";
import { trainPreferences, trainSupervised } from "../../src/alignment/stages";
import { answeringSettings, openTrained } from "../../src/experiments/methods/answering";
import { openTrainingModel } from "../../src/experiments/methods/model";
import { writeModelDirectory } from "../../src/models/pretrained/write";
import { embeddedTokenizer } from "../../src/models/tokenizer/find";
import { randomT5, TINY } from "../models/tiny";
import { row } from "./tiny";

const folder = mkdtempSync(join(tmpdir(), "t5-"));
after(() => rmSync(folder, { recursive: true }));

test("an encoder–decoder goes through both stages, selects and answers, with prompts as text", async () => {
  const t5 = join(folder, "model");
  writeModelDirectory(t5, randomT5({ ...TINY, vocabSize: 8000 }, 5), { tokenizerFrom: embeddedTokenizer });
  const { checkpoint } = await openTrainingModel(t5);
  const prompts = promptsFor(checkpoint.architecture.taskType, 3);
  checkpoint.close();
  assert.equal(prompts.form, "text");
  const rows = Array.from({ length: 4 }, (_, i) => row({ id: String(i), label: i % 2 === 0 ? 1 : null }));
  const common = { model: t5, directory: folder };
  const settings = { maxSteps: 1, batchSize: 2, maxLength: 128, seed: 1, loraDropout: 0 };
  const stage1 = await trainSupervised("mixture", mixtureRows(rows, prompts), {
    ...common,
    settings: { ...settings, rank: 2, alpha: 4 },
    mixture: { select: 1, grounded: 1, ungrounded: 1 },
  });
  const model = await openTrained(stage1.output);
  const answering = answeringSettings({ maxNewTokens: 3 });
  const { path } = await writePreferencePairs(join(folder, "pairs.jsonl"), rows, {
    ...{ model, settings: answering, prompts, tell: tellGold },
  });
  const stage2 = await trainPreferences("dpo", path, { ...common, settings, from: stage1.output });
  assert.ok(Math.abs(stage2.log[0]!.loss - Math.log(2)) < 1e-3, String(stage2.log[0]!.loss));
  const aligned = await openTrained(stage2.output);
  const found = await selectFacts(aligned, rows, { ...prompts, by: "likelihood" });
  assert.equal(found.size, 4);
  const [answer] = await alignedVariant("gold", aligned, tellGold, { settings: answering, prompts }).generate(
    askedTurns(rows),
  );
  assert.match(answer!.input, /rests on: I teach chemistry\./);
  assert.ok(answer!.likelihood!.nats > 0);
  for (const one of [model, aligned]) one.base.checkpoint.close();
});
