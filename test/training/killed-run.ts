// Trains a tiny run in a process of its own, to be killed: killed-run.ts DIRECTORY MAX_STEPS. Says each step on the IPC channel.
import { train } from "../../src/training/trainer";
import { tinyOptions, tinySpec } from "./tiny-run";

const [directory, maxSteps] = process.argv.slice(2);
const controller = new AbortController();
process.on("SIGINT", () => controller.abort());
void train(tinySpec(), tinyOptions(directory!, { saveSteps: 1, maxSteps: Number(maxSteps) }), {
  onStep: ({ step }) => process.send!(step),
  signal: controller.signal,
}).then(({ stopped }) => {
  process.send!(stopped);
  process.disconnect();
});
