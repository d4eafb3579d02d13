import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, dirname, join, resolve } from "node:path";
import { after, test } from "node:test";
import { patience } from "../../jupyter/kernel/channel";

const root = resolve(__dirname, "../..");
const folder = mkdtempSync(join(tmpdir(), "lab-"));
after(() => rmSync(folder, { recursive: true }));

/** A program that answers as Jupyter does: it moves on from the port that was asked for, and lists itself and another. */
const jupyter = `#!${process.execPath}
const { existsSync, readFileSync, writeFileSync } = require("node:fs");
const file = __dirname + "/server.json";
const another = { pid: 1, token: "other", url: "http://127.0.0.1:1/" };
const args = process.argv.slice(2);
if (args[0] === "list") {
  const own = existsSync(file) ? [JSON.parse(readFileSync(file, "utf8"))] : [];
  console.log(JSON.stringify([another, ...own]));
} else if (args.includes("--fail")) {
  process.exit(1);
} else {
  const server = { pid: process.pid, token: process.env.JUPYTER_TOKEN, url: "http://127.0.0.1:9001/", args };
  writeFileSync(file, JSON.stringify(server));
  console.log("args " + args.join(" "));
  setInterval(() => {}, 1000);
}
`;
const program = join(folder, "jupyter-lab");
writeFileSync(program, jupyter);
chmodSync(program, 0o755);

interface Said {
  code: number | null;
  out: string;
  err: string;
}

/** What `npm run lab` says until it ends, or until it has named the address. */
async function lab(args: string[], environment: NodeJS.ProcessEnv): Promise<Said> {
  rmSync(join(folder, "server.json"), { force: true });
  const { JUPYTER_TOKEN: _token, SSH_CONNECTION: _ssh, ...rest } = process.env;
  const child = spawn(process.execPath, ["scripts/lab.mjs", ...args], {
    cwd: root,
    env: { ...rest, ...environment },
  });
  let out = "";
  let err = "";
  child.stderr.on("data", (data: Buffer) => (err += data.toString()));
  child.stdout.on("data", (data: Buffer) => {
    out += data.toString();
    if (/^Open .*\n[^]*\n$/m.test(out)) child.kill();
  });
  const [code] = (await once(child, "close")) as [number | null];
  return { code, out, err };
}

const withJupyter = { PATH: [folder, dirname(process.execPath)].join(delimiter) };
const unix = { skip: process.platform === "win32" && "needs a program without an ending" };

test("the address is named whole, with the port that Jupyter took and the token", unix, async () => {
  const { out } = await lab(["--no-browser", "--port", "9000"], { ...withJupyter, JUPYTER_TOKEN: "a b&c" });
  assert.match(out, /^Open http:\/\/127\.0\.0\.1:9001\/lab\/tree\/notebooks\?token=a\+b%26c$/m);
  assert.match(out, /default_url=\/lab\/tree\/notebooks --no-browser --port 9000$/m);
  assert.ok(out.includes(`--ServerApp.root_dir=${root}`));
  assert.doesNotMatch(out, /ssh/);
});

test(
  "Jupyter waits for a kernel that saves for longer than the kernel does, unless another time is given",
  unix,
  async () => {
    const own = "--KernelManager.shutdown_wait_time=";
    const { out } = await lab([`${own}7`], withJupyter);
    const times = out.split(/\s/).filter((word) => word.startsWith(own));
    assert.equal(times.length, 2);
    assert.ok(1000 * Number(times[0]!.slice(own.length)) > patience);
    assert.equal(times[1], `${own}7`); // Jupyter takes the last
  },
);

test("a token of its own is in the address too, and through SSH the tunnel is named", unix, async () => {
  const { out } = await lab([], { ...withJupyter, SSH_CONNECTION: "10.0.0.1 5000 10.0.0.2 2222" });
  assert.match(out, /^Open .*:9001\/lab\/tree\/notebooks\?token=[0-9a-f]{48}$/m);
  assert.match(out, /ssh -N -L 9001:127\.0\.0\.1:9001 -p 2222 \S+@10\.0\.0\.2$/m);
});

test("where Jupyter does not start for root, the way out is named; elsewhere it is not", unix, async () => {
  const { code, err } = await lab(["--fail"], withJupyter);
  assert.equal(code, 1);
  assert.equal(/npm run lab -- --allow-root/.test(err), process.getuid?.() === 0);
  const allowed = await lab(["--fail", "--allow-root"], withJupyter);
  assert.doesNotMatch(allowed.err, /allow-root/);
});

test("without Jupyter it is said how to get it, and --help asks for nothing", async () => {
  const nothing = { PATH: join(folder, "empty"), Path: join(folder, "empty") };
  const { code, err } = await lab([], nothing);
  assert.equal(code, 1);
  assert.match(err, /pip install jupyterlab.*activate the environment that it is in/);
  const help = await lab(["--help"], nothing);
  assert.equal(help.code, 0);
  assert.match(help.out, /--no-browser[^]*--port[^]*--allow-root/);
  assert.ok(!existsSync(join(folder, "server.json")));
});
