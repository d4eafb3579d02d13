// Runs a method in a process of its own, to be killed: killed-method.ts CONFIG.json. Says each step on the IPC channel.
import { readConfig } from "../../../src/experiments/methods/config";
import { runMethod } from "../../../src/experiments/methods/run";
import { sft } from "../../../src/experiments/methods/sft";

const [path] = process.argv.slice(2);
void runMethod(sft, readConfig(sft, path!), { onStep: ({ step }) => process.send!(step) }).then(() =>
  process.disconnect(),
);
