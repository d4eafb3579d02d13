/** npm run train: trains a model by a method on somebody's data, from a configuration to an adapter. */
import { Command } from "commander";
import { type Progress, startProgress } from "../src/display";
import { fieldsOf, type Method, methods, rewardCurve, runMethod, stepNote } from "../src/experiments";
import { readJson, shownPath } from "../src/io";
import { openSource } from "../src/serve";
import { deviceOption } from "./options";
import { say, stopOnSignal } from "./stopping";

/** What a configuration of a method may hold, for its help. */
function fieldsHelp(method: Method): string {
  const fields = fieldsOf(method).map(({ name, meaning, isRequired, default: value }) => {
    const given = isRequired
      ? "needed"
      : value === undefined
        ? "may be left out"
        : `default ${JSON.stringify(value)}`;
    return `  ${name}  (${given})\n      ${meaning}`;
  });
  return `
CONFIG.json is an object with these fields:
${fields.join("\n")}

Example:
${JSON.stringify(method.example, null, 2)}

Ctrl-C saves and stops, a second one leaves at once; the same command goes on from there.`;
}

async function run(method: Method, path: string): Promise<void> {
  const signal = stopOnSignal("Stopping after the step in progress, which is saved");
  let progress: Progress | undefined;
  const { stopped, steps, config, output, log } = await runMethod(
    method,
    readJson(path),
    {
      say,
      signal,
      openSource,
      onStep(row, maxSteps) {
        progress ??= startProgress(method.name, maxSteps - row.step + 1, { unit: "steps" });
        progress.advance(1, stepNote(row));
        if (row.step === maxSteps) progress.finish(stepNote(row));
      },
      onMessage(message, event) {
        if (event !== "saved") say(message);
      },
    },
    path,
  );
  if (stopped === "interrupted") {
    console.log(`stopped after step ${steps}, saved in ${shownPath(output)}; run the same command to go on`);
    process.exitCode = 130;
    return;
  }
  const curve = rewardCurve(log);
  if (curve !== undefined) console.log(curve);
  console.log(`npm run chat -- ${config.model} --adapter ${shownPath(output)}   # talks with it`);
}

const command = new Command("npm run train --")
  .description("Trains a model on data of your own and leaves an adapter. docs/own-data.md goes through it.")
  .showHelpAfterError();
for (const method of methods)
  command
    .command(method.name)
    .description(method.summary)
    .argument("<config>", "JSON file with what to train, on what, and how")
    .addOption(deviceOption())
    .addHelpText("after", () => fieldsHelp(method))
    .showHelpAfterError()
    .action((path: string) => run(method, path));

command
  .parseAsync()
  .catch((error: unknown) => {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 1;
  })
  .finally(() => process.exit());
