// npm start: sets up what is missing, then runs notebooks (scripts/run.ts has the options; `npm start -- --help`).
import { runTypeScript, setUp } from "./setup.mjs";

setUp();
process.exit(await runTypeScript("scripts/run.ts", process.argv.slice(2)));
