/** npm run report: makes the report from what runs left, without a notebook. */
import { resolve } from "node:path";
import { Command, InvalidArgumentError } from "commander";
import { closeBrowser } from "../src/figures";
import { FileProblem, shownPath } from "../src/io";
import { writeReports } from "../src/report";
import type { WrittenPaper } from "../src/paper";

function readSeed(text: string): number {
  const seed = Number(text);
  if (text.trim() === "" || !Number.isSafeInteger(seed))
    throw new InvalidArgumentError("It is not a whole number.");
  return seed;
}

async function main({ out, seed }: { out: string; seed: number }): Promise<void> {
  const { first, others, bound } = await writeReports({ outputs: resolve(out), seed });
  await closeBrowser();
  for (const [name, paper] of [["report", first], ...others.map((one) => [one.name, one] as const)] as const)
    tell(name, paper);
  if (bound.length > 0) console.log(`All of them in one: ${bound.map(shownPath).join(", ")}`);
}

function tell(name: string, { files, pages, trace, warnings }: WrittenPaper): void {
  for (const warning of warnings) console.warn(`Warning: ${name}: ${warning}`);
  for (const { where, reason } of summarise(trace.missing)) console.log(`missing, ${where}: ${reason}`);
  console.log(
    `${name}: ${trace.values.length} values, each read again from its file; ${trace.missing.length} are missing.`,
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
    "Makes the reports (PDF, HTML, LaTeX) from what runs left: study 1's into report/ in the same folder, those of the other " +
      "studies whose notebooks ran to their end beside it, and all of them in one into reports/.",
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
