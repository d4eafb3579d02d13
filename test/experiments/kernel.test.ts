import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { KernelClient } from "../../scripts/runner/client";
import { writeModelDirectory } from "../../src/models/pretrained/write";
import { embeddedTokenizer } from "../../src/models/tokenizer/find";
import { randomT5, TINY } from "../models/tiny";

const directory = mkdtempSync(join(tmpdir(), "interrupt-"));
after(() => rmSync(directory, { recursive: true }));

test("an interrupted cell saves its step, and the same cell goes on from there", async () => {
  const model = join(directory, "model");
  writeModelDirectory(model, randomT5({ ...TINY, vocabSize: 8000 }, 5), { tokenizerFrom: embeddedTokenizer });
  const kernel = await KernelClient.start({ ...process.env, PERSONA_MODEL: model });
  try {
    const runs = join(directory, "runs");
    await kernel.execute(`
      import { defaultExperiment, liveTraining, loadBase, loadCorpus, trainExperiment } from "./src/index";
      const context = {
        base: await loadBase("quick"),
        corpus: await loadCorpus({ profile: "quick" }),
        directory: ${JSON.stringify(runs)},
      };
      const settings = defaultExperiment("quick", { nTrain: 8, nValidation: 0, maxSteps: 120, batchSize: 2, maxNewTokens: 8, rank: 2 });
    `);
    let printed = "";
    const train = (onText: (text: string) => void) =>
      kernel.execute(
        `
        const live = liveTraining({ title: "A run" });
        const hooks = live.hooks("LoRA");
        const trained = await trainExperiment(settings, {
          ...context,
          hooks: {
            ...hooks,
            onStep(row, maxSteps) {
              hooks.onStep(row, maxSteps);
              if (row.step === 5) console.log("five steps are done");
            },
          },
        });
        await live.finish([{ name: "LoRA", log: trained.log }]);
        console.log(trained.log.length + " steps are logged");
      `,
        ({ header, content }) => {
          if (header.msg_type !== "stream") return;
          printed += String(content["text"]);
          onText(printed);
        },
      );
    let interrupting: Promise<unknown> | undefined;
    const stopped = await train((text) => {
      if (text.includes("five steps")) interrupting ??= kernel.interrupt();
    });
    await interrupting;
    assert.equal(stopped["status"], "error");
    printed = "";
    const finished = await train(() => {});
    assert.equal(finished["status"], "ok", JSON.stringify(finished));
    assert.match(printed, /LoRA: resumed from .*checkpoint-\d+/);
    assert.match(printed, /120 steps are logged/);
    assert.doesNotMatch(printed, /five steps/);
    const [run] = readdirSync(runs);
    assert.ok(existsSync(join(runs, run!, "adapter", "settings.json")));
  } finally {
    await kernel.shutdown();
  }
});
