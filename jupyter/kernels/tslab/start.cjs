// What Jupyter starts: goes to the project's root, where `./src/index` is, and runs the kernel with tsx.
const { existsSync } = require("node:fs");
const { resolve } = require("node:path");

require("../../../scripts/node-version.cjs").checkNode();
process.chdir(resolve(__dirname, "../../.."));
if (!existsSync("node_modules/tsx")) {
  console.error(
    "The project's packages are missing: run `npm ci` in its folder, then start the kernel again.",
  );
  process.exit(1);
}
require("@tslab/typescript-for-tslab"); // ten megabytes, before tsx looks through whatever is loaded
require("tsx/cjs");
require("../../kernel/main.ts").startKernel(process.argv[2]);
