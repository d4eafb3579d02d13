/** Rows for the scorers of the five traits: `npx tsx scripts/scorers/trait-rows.ts FILE FOLDER`. */
import { extname, join } from "node:path";
import { traitNames } from "../../src/corpus";
import { makeFolder, shownPath, writeJsonLines } from "../../src/io";
import {
  describedRows,
  dialogueForms,
  readDescribedPersonas,
  readTraitDialogues,
  spokenRows,
} from "../../src/personality";

const [file, folder] = process.argv.slice(2);
if (file === undefined || folder === undefined) {
  console.error(
    "npx tsx scripts/scorers/trait-rows.ts FILE FOLDER\n" +
      "FILE is big5-persona.json, or a .jsonl file of dialogues with traits; FOLDER receives a file of rows for each trait, of dialogues one for each form",
  );
  process.exit(2);
}
makeFolder(folder);
if (extname(file) === ".jsonl") {
  const dialogues = readTraitDialogues(file);
  for (const form of dialogueForms)
    for (const trait of traitNames)
      write(
        `${trait}-${form}`,
        spokenRows(
          dialogues.filter((one) => one.form === form),
          trait,
        ),
      );
} else {
  const personas = readDescribedPersonas(file);
  for (const trait of traitNames) write(trait, describedRows(personas, trait));
}

function write(name: string, rows: readonly object[]): void {
  const path = join(folder!, `${name}.jsonl`);
  if (rows.length === 0) return console.log(`${name}: no rows, nothing is written`);
  writeJsonLines(path, rows);
  console.log(`${shownPath(path)}: ${rows.length} rows`);
}
