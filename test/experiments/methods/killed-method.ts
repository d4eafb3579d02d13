// Runs a method in a process of its own, to be killed: killed-method.ts CONFIG.json. Says each step on the IPC channel.
import { runMethod } from "../../../src/experiments/methods/run";
import { readJson } from "../../../src/io/files";
import { sft } from "../../../src/experiments/methods/sft";

const [path] = process.argv.slice(2);
void runMethod(sft, readJson(path!), { onStep: ({ step }) => process.send!(step) }).then(() =>
  process.disconnect(),
);
