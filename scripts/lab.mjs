// npm run lab: JupyterLab (or the classic Notebook where only that is installed) with the project's kernel, on
// loopback, with a token. What follows `--` goes to Jupyter: npm run lab -- --no-browser --port 9999
// But npm run lab -- --clean-outputs only tells git to leave the notebooks' outputs out, and --keep-outputs undoes that.
import { execFile, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { userInfo } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { promisify } from "node:util";
import { outputsHelp, setOutputs } from "./git-outputs.mjs";
import { root, setUp } from "./setup.mjs";

const programs = [
  { name: "jupyter-lab", app: "ServerApp", folder: "root_dir", page: "lab/tree/notebooks", pages: "LabApp" },
  {
    name: "jupyter-notebook",
    app: "NotebookApp",
    folder: "notebook_dir",
    page: "tree/notebooks",
    pages: "NotebookApp",
  },
];
const given = process.argv.slice(2);
if (given.includes("--help") || given.includes("-h")) {
  console.log(`npm run lab [-- ARGUMENTS OF JUPYTER]

Starts JupyterLab, or the classic Notebook where only that is installed, with the project's kernel and opens notebooks/.
It listens on this computer alone; the address is printed with its token. Arguments after -- go to Jupyter:

  npm run lab -- --no-browser     open no browser
  npm run lab -- --port 9999      listen there, or on the next port that is free
  npm run lab -- --allow-root     run as root, which Jupyter otherwise refuses

JUPYTER_TOKEN sets the token; \`jupyter lab --help\` lists Jupyter's arguments.

${outputsHelp}`);
  process.exit(0);
}
for (const wanted of ["clean", "keep"]) {
  if (!given.includes(`--${wanted}-outputs`)) continue;
  try {
    console.log(setOutputs(wanted, root));
    process.exit(0);
  } catch (error) {
    console.error(error.message);
    process.exit(1);
  }
}

const found = programs.find(({ name }) => onPath(name));
if (!found) {
  console.error(
    "JupyterLab is not found. Get it with one of: conda install -c conda-forge jupyterlab; " +
      "pip install jupyterlab; on Debian and Ubuntu: apt install jupyter-notebook (the classic Notebook); " +
      "or activate the environment that it is in",
  );
  process.exit(1);
}

setUp();
const { app, folder, name, page, pages } = found;
// The root is the project, not notebooks/: the pages load plotly.js from node_modules.
const args = [
  `--${app}.ip=127.0.0.1`,
  `--${app}.${folder}=${root}`,
  // "Restart kernel" waits so long for a training to save its step: longer than the kernel itself (kernel/channel.ts).
  "--KernelManager.shutdown_wait_time=130",
  `--${pages}.default_url=/${page}`,
  ...given,
];
const ownToken = process.env.JUPYTER_TOKEN ? undefined : randomBytes(24).toString("hex");
const env = {
  ...process.env,
  JUPYTER_TOKEN: ownToken ?? process.env.JUPYTER_TOKEN, // whatever the user's own configuration says
  JUPYTER_PATH: [join(root, "jupyter"), process.env.JUPYTER_PATH].filter(Boolean).join(delimiter),
  PATH: [dirname(process.execPath), process.env.PATH].join(delimiter), // the kernel runs on this Node
};
const shell = process.platform === "win32";
console.log(`Starting ${name} …`);
const child = spawn(name, args, { cwd: root, env, stdio: "inherit", shell });
let running = true;
process.on("SIGINT", () => {}); // a Ctrl-C reaches Jupyter too, which asks whether to stop
process.on("SIGTERM", () => child.kill());
child.on("exit", (code) => {
  running = false;
  if (code !== 0 && process.getuid?.() === 0 && !given.includes("--allow-root"))
    console.error("Jupyter does not run as root: use another account, or npm run lab -- --allow-root");
  process.exit(code ?? 1);
});
void announce();

/** Says where the server is once it listens: on the next free port where the one that was asked for is taken. */
async function announce() {
  const deadline = Date.now() + 120_000;
  while (running && Date.now() < deadline) {
    await new Promise((resolve) => setTimeout(resolve, 1000));
    const server = (await servers()).find(
      ({ pid, token }) => pid === child.pid || (token !== "" && token === ownToken),
    );
    if (!server || !running) continue;
    const address = new URL(page, server.url);
    if (server.token) address.searchParams.set("token", server.token);
    console.log(`\nOpen ${address}\n${hintForSsh(address.port || "80")}`);
    return;
  }
}

/** What runs here by Jupyter's own account. */
async function servers() {
  try {
    const { stdout } = await promisify(execFile)(name, ["list", "--jsonlist"], { env, shell });
    return JSON.parse(stdout);
  } catch {
    return []; // not yet; Jupyter itself says what is wrong
  }
}

/** Whoever is here through SSH has the browser elsewhere. */
function hintForSsh(port) {
  const [, , host, at] = (process.env.SSH_CONNECTION ?? "").split(" ");
  if (!host) return "";
  const through = at === "22" ? "" : ` -p ${at}`;
  return `On your own computer first: ssh -N -L ${port}:127.0.0.1:${port}${through} ${userInfo().username}@${host}\n`;
}

function onPath(program) {
  const endings = process.platform === "win32" ? [".exe", ".cmd"] : [""];
  return (process.env.PATH ?? "")
    .split(delimiter)
    .some((place) => endings.some((ending) => existsSync(join(place, program + ending))));
}
