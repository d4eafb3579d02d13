// npm run lab: JupyterLab (or the classic Notebook where only that is installed) with the project's kernel, on
// loopback, with a token. What follows `--` goes to Jupyter: npm run lab -- --no-browser --port 9999
// But npm run lab -- --clean-outputs only tells git to leave the notebooks' outputs out, and --keep-outputs undoes that.
import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";
import { outputsHelp, setOutputs } from "./git-outputs.mjs";
import { root, setUp } from "./setup.mjs";

if (process.argv.includes("--help")) console.log(`${outputsHelp}\n`); // Jupyter's own help follows
for (const wanted of ["clean", "keep"]) {
  if (!process.argv.includes(`--${wanted}-outputs`)) continue;
  try {
    console.log(setOutputs(wanted, root));
    process.exit(0);
  } catch (error) {
    console.error(error.message);
    process.exit(1);
  }
}

const programs = [
  { name: "jupyter-lab", app: "ServerApp", folder: "root_dir" },
  { name: "jupyter-notebook", app: "NotebookApp", folder: "notebook_dir" },
];
const found = programs.find(({ name }) => onPath(name));
if (!found) {
  console.error(
    "JupyterLab is not installed. Get it with one of: conda install -c conda-forge jupyterlab; " +
      "pip install jupyterlab; on Debian and Ubuntu: apt install jupyter-notebook (the classic Notebook)",
  );
  process.exit(1);
}

setUp();
const { app, name, folder } = found;
const args = [`--${app}.ip=127.0.0.1`, `--${app}.${folder}=${root}`, ...process.argv.slice(2)];
const token = process.env.JUPYTER_TOKEN || randomBytes(24).toString("hex");
const env = {
  ...process.env,
  JUPYTER_TOKEN: token, // whatever the user's own configuration says
  JUPYTER_PATH: [join(root, "jupyter"), process.env.JUPYTER_PATH].filter(Boolean).join(delimiter),
  PATH: [dirname(process.execPath), process.env.PATH].join(delimiter), // the kernel runs on this Node
};
console.log(`Starting ${name}; if it asks for a token: ${token}`);
const child = spawn(name, args, {
  cwd: root,
  env,
  stdio: "inherit",
  shell: process.platform === "win32",
});
process.on("SIGINT", () => {}); // a Ctrl-C reaches Jupyter too, which asks whether to stop
process.on("SIGTERM", () => child.kill());
child.on("exit", (code) => process.exit(code ?? 1));

function onPath(program) {
  const endings = process.platform === "win32" ? [".exe", ".cmd"] : [""];
  return (process.env.PATH ?? "")
    .split(delimiter)
    .some((place) => endings.some((ending) => existsSync(join(place, program + ending))));
}
