// node scripts/tsx.mjs FILE…: sets up what is missing, then runs a TypeScript program of the project.
import { runNode, setUp } from "./setup.mjs";

setUp();
process.exit(await runNode("--require", "tsx/cjs", ...process.argv.slice(2)));
