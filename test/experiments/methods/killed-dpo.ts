// Runs a tiny preference training in a process of its own, to be killed: killed-dpo.ts FOLDER OUTPUT. Says on the IPC channel how many
// pairs the reference has scored, and each step.
import { dpo } from "../../../src/experiments/methods/dpo";
import { runMethod } from "../../../src/experiments/methods/run";
import { tinyDpoConfig } from "./tiny-preferences";

const [folder, output] = process.argv.slice(2);
process.send!("begun");
void runMethod(dpo, tinyDpoConfig(folder!, { output }), {
  say: (sentence) => process.send!(sentence.startsWith("estimated") ? "scoring" : "said"),
  onStep: ({ step }) => process.send!(step),
}).then(() => process.disconnect());
