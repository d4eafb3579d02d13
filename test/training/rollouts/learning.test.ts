import assert from "node:assert/strict";
import { fork } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import * as tf from "@tensorflow/tfjs";
import type { StepLog } from "../../../src/training/log";
import { grpoObjective } from "../../../src/training/objectives/grpo";
import { ppoObjective } from "../../../src/training/objectives/ppo";
import { rlooObjective } from "../../../src/training/objectives/rloo";
import { llamaFixtures } from "../../models/llama-fixtures";
import { onlineOptions, toyRun } from "./toy-run";

before(() => tf.setBackend("cpu"));
const directory = mkdtempSync(join(tmpdir(), "rollouts-"));
after(() => rmSync(directory, { recursive: true }));
const skip = llamaFixtures.length === 0 && "no folder of fixtures lists Llamas";

const methods = {
  rloo: { objective: rlooObjective(), change: { learningRate: 0.02, epochsPerIteration: 1 } },
  grpo: {
    objective: grpoObjective({ maxNewTokens: 4 }),
    change: { learningRate: 0.02, epochsPerIteration: 1 },
  },
  ppo: { objective: ppoObjective(), change: { learningRate: 0.01, epochsPerIteration: 4 } },
};

for (const [name, { objective, change }] of Object.entries(methods)) {
  test(`${name} finds what a toy reward pays for, whose optimum is 1`, { skip }, async () => {
    const options = onlineOptions(join(directory, name), { iterations: 40, saveIterations: 0, ...change });
    const { log, stopped } = await toyRun(llamaFixtures[0]!, objective, options);
    assert.equal(stopped, "finished");
    const rewards = new Map(log.map(({ epoch, metrics }) => [Math.ceil(epoch - 1e-9), metrics!["reward"]!]));
    const mean = (values: number[]) => values.reduce((a, b) => a + b) / values.length;
    const [first, last] = [mean([...rewards.values()].slice(0, 3)), mean([...rewards.values()].slice(-10))];
    assert.ok(first < 0.7, `${first} at first`);
    assert.ok(last > 0.9, `${last} at last`);
    const { kl, entropy } = log.at(-1)!.metrics!;
    assert.ok(kl! > 0.1 && entropy! < log[0]!.metrics!["entropy"]!, "it left the reference and grew surer");
  });
}

interface Message {
  readonly asked?: string;
  readonly step?: number;
  readonly weights?: unknown;
  readonly log?: StepLog[];
}

/** Runs a process and kills it when `isTime` says so of a message; all that it said. */
function runProcess(
  method: string,
  folder: string,
  isTime: (message: Message) => boolean,
): Promise<Message[]> {
  const child = fork(join(__dirname, "killed-run.ts"), [method, folder, "4"], {
    execArgv: ["--require", "tsx/cjs"],
    silent: true,
  });
  const said: Message[] = [];
  child.on("message", (message: Message) => {
    said.push(message);
    if (isTime(message)) child.kill("SIGKILL");
  });
  return new Promise((resolve) => child.once("exit", () => resolve(said)));
}

for (const method of ["rloo", "ppo"]) {
  test(
    `a run by ${method}, killed in a rollout and while the judge answers, goes on bit for bit`,
    { skip },
    async () => {
      const never = () => false;
      const whole = await runProcess(method, join(directory, `${method}-whole`), never);
      const folder = join(directory, `${method}-killed`);
      // Between the first and the last question of an iteration, after an answer; then in the middle of an epoch.
      let questions = 0;
      const first = await runProcess(
        method,
        folder,
        ({ asked }) => asked !== undefined && ++questions === 18,
      );
      assert.ok(existsSync(join(folder, "answers.jsonl")));
      const second = await runProcess(method, folder, ({ step }) => step === (method === "ppo" ? 11 : 5));
      const third = await runProcess(method, folder, never);
      assert.ok(
        first.every(({ weights }) => weights === undefined) && second.every(({ weights }) => !weights),
      );
      assert.deepEqual(third.at(-1), whole.at(-1));
      const asked = (messages: Message[]) => messages.flatMap(({ asked }) => asked ?? []);
      assert.ok(asked(third).length < asked(whole).length / 2, "what had been answered is not asked again");
    },
  );
}
