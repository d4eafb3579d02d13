// Trains a toy by rollouts with a slow judge in a process of its own, to be killed: killed-run.ts METHOD DIRECTORY ITERATIONS.
// Says each question to the judge and each step on the IPC channel, and at last what came out.
import { join } from "node:path";
import { keptReward } from "../../../src/rewards/kept";
import { ppoObjective } from "../../../src/training/objectives/ppo";
import { rlooObjective } from "../../../src/training/objectives/rloo";
import { llamaFixtures } from "../../models/llama-fixtures";
import { onlineOptions, slowJudge, toyRun } from "./toy-run";

const [method, directory, iterations] = process.argv.slice(2) as [string, string, string];
const isPpo = method === "ppo";
const say = (message: object) => process.send!(message);
void toyRun(
  llamaFixtures[0]!,
  isPpo ? ppoObjective() : rlooObjective(),
  onlineOptions(directory, { iterations: Number(iterations), epochsPerIteration: isPpo ? 2 : 1 }),
  {
    parts: {
      reward: keptReward(
        slowJudge(20, (asked) => say({ asked })),
        join(directory, "answers.jsonl"),
      ),
    },
    rollouts: { stepsPerEpoch: 2, kl: { coefficient: 0.05, target: 0.5, horizon: 50 } },
    hooks: { onStep: ({ step }) => say({ step }) },
  },
).then(({ weights, log }) => {
  const plain = log.map(({ step, loss, gradNorm, metrics }) => ({ step, loss, gradNorm, metrics }));
  say({ weights, log: plain });
  process.disconnect();
});
