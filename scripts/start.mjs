// npm start: sets up what is missing, then runs notebooks (scripts/run.ts has the options; `npm start -- --help`).
import { runNode, setUp } from "./setup.mjs";

setUp();
process.exit(await runNode("--require", "tsx/cjs", "scripts/run.ts", ...process.argv.slice(2)));
