/** npm run report: makes the report from what runs left, without a notebook. */
import { resolve } from "node:path";
import { Command, InvalidArgumentError } from "commander";
import { closeBrowser } from "../src/figures";
import { FileProblem, shownPath } from "../src/io";
import { writeReport } from "../src/report";

function readSeed(text: string): number {
  const seed = Number(text);
  if (text.trim() === "" || !Number.isSafeInteger(seed))
    throw new InvalidArgumentError("It is not a whole number.");
  return seed;
}

async function main({ out, seed }: { out: string; seed: number }): Promise<void> {
  const { files, pages, trace, warnings } = await writeReport({ outputs: resolve(out), seed });
  await closeBrowser();
  for (const warning of warnings) console.warn(`Warning: ${warning}`);
  for (const { where, reason } of summarise(trace.missing)) console.log(`missing, ${where}: ${reason}`);
  console.log(
    `${trace.values.length} values, each read again from its file; ${trace.missing.length} are missing.`,
  );
  console.log(`${pages.length} pages. Written:\n${files.map((file) => `  ${shownPath(file)}`).join("\n")}`);
}

/** One line for each reason. */
function summarise(
  missing: readonly { where: string; reason: string }[],
): { where: string; reason: string }[] {
  const reasons = new Map<string, string[]>();
  for (const { where, reason } of missing) reasons.set(reason, [...(reasons.get(reason) ?? []), where]);
  return [...reasons].map(([reason, places]) => ({
    reason,
    where: places.length === 1 ? places[0]! : `${places[0]} and ${places.length - 1} more places`,
  }));
}

new Command("npm run report --")
  .description(
    "Makes the report (PDF, HTML, LaTeX) from the summaries, cases and manifests that runs left, into report/ in the same folder.",
  )
  .option("--out <folder>", "the folder that runs write to", process.env["PERSONA_OUTPUTS"] || "outputs")
  .option("--seed <number>", "seed of the tests between variants", readSeed, 13)
  .addHelpText("after", "\nExamples:\n  npm run report\n  npm run report -- --out /tmp/try")
  .showHelpAfterError()
  .action(main)
  .parseAsync()
  .catch((error: Error) => {
    console.error(error instanceof FileProblem ? `error: ${error.message}` : (error.stack ?? error.message));
    process.exitCode = 1;
  });
