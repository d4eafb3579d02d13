/** A run without a model: counts to `units`, noting where it is, and scores what it is told. See run.test.ts. */
import { appendFileSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { defaultThreads } from "../../src/engine/threads";
import { type AskedDialogue, evaluateVariants } from "../../src/evaluation/evaluate";
import { evaluationPaths } from "../../src/evaluation/files";
import type { Settings } from "../../src/grid/declaration";
import type { GridTask } from "../../src/grid/task";

const defaults: Settings = { units: 5, milliseconds: 5, answer: "I like tea.", fail: "", seed: 13 };

const dialogue: AskedDialogue = {
  id: "test-1",
  split: "test",
  personas: [{ facts: ["I like tea."] }, { facts: ["I have a dog."] }],
  turns: [],
  text: "User 1: I like tea.\nUser 2: I have a dog.",
};

export const gridTask: GridTask = {
  settings(given) {
    for (const name of Object.keys(given))
      if (!Object.hasOwn(defaults, name)) throw new Error(`there is no setting ${name}`);
    return { ...defaults, ...given };
  },
  inputs: async (profile, runs) =>
    runs.map(() => ({ corpus: `${profile} ${process.env["TOY_CORPUS"] ?? "one"}` })),
  work: (settings) => ({ units: Number(settings["units"]), unit: "units" }),
  files: (id) => Object.values(evaluationPaths({ directory: ".", runId: id })),
  async run(settings, { id, directory, folder, signal, phase, progress }) {
    const path = join(folder, "counted.txt");
    const units = Number(settings["units"]);
    let done = existsSync(path) ? readFileSync(path, "utf8").length : 0;
    const resumedAt = done;
    phase("training");
    progress(done);
    while (done < units) {
      if (signal.aborted) return undefined;
      await sleep(Number(settings["milliseconds"]));
      if (settings["fail"] === "throw" && done === 2) throw new Error("the loss is <NaN>\nat step 2");
      if (settings["fail"] === "crash" && done === 2) process.kill(process.pid, "SIGKILL");
      appendFileSync(path, ".");
      progress(++done, `unit ${done}`);
    }
    phase("evaluating");
    const output = String(settings["answer"]);
    const variant = { name: id, settings: { ...settings }, generate: () => [{ input: "", output }] };
    await evaluateVariants([variant], [dialogue], { directory, runId: id, resamples: 20 });
    writeFileSync(join(folder, "resumed-at.txt"), String(resumedAt));
    writeFileSync(join(folder, "threads.txt"), String(defaultThreads()));
    return { units: done };
  },
};
