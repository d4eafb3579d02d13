import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { test } from "node:test";
import { readNotebook, writeNotebook } from "../../scripts/runner/notebook";
import type { Manifest } from "../../src/notebook/run";

const root = resolve(__dirname, "../..");
const folder = mkdtempSync(join(tmpdir(), "start-"));
test.after(() => rmSync(folder, { recursive: true }));

const fixtures = join(root, "test/notebooks/fixtures");
const start = (...args: string[]) => startIn({}, ...args);

function startIn(environment: NodeJS.ProcessEnv, ...args: string[]) {
  return startAmong(fixtures, environment, () => {}, ...args);
}

/** `look` is called time and again, with what the run has said on stderr and with what sends a signal as a terminal does. */
async function startAmong(
  notebooks: string,
  environment: NodeJS.ProcessEnv,
  look: (err: string, signal: (name: NodeJS.Signals) => void) => void,
  ...args: string[]
): Promise<{ code: number; out: string; err: string }> {
  const child = spawn(process.execPath, ["scripts/start.mjs", "--notebooks", notebooks, ...args], {
    cwd: root,
    detached: true,
    env: { ...process.env, ...environment },
  });
  let out = "";
  let err = "";
  child.stdout.on("data", (data: Buffer) => (out += data.toString()));
  child.stderr.on("data", (data: Buffer) => (err += data.toString()));
  const looking = setInterval(() => look(err, (name) => process.kill(-child.pid!, name)), 100);
  const [code] = (await once(child, "close")) as [number];
  clearInterval(looking);
  return { code, out, err };
}

test("a notebook is run with the settings, saved with its outputs, and the end names what it left", async () => {
  const { code, out, err } = await start(
    "example",
    "--set",
    "N_ROWS=4",
    "--set",
    "TITLE=<b>",
    "--out",
    folder,
  );
  assert.equal(code, 0, err);
  assert.match(out, /✓ example: finished in \d/);
  for (const file of ["example.ipynb", "example/squares.csv", "example/manifest.json"]) {
    assert.ok(out.includes(`  ${join(folder, file)}\n`), file);
  }
  assert.match(err, /example, cell 4 of 7, .*: A notebook/);

  const manifest = JSON.parse(readFileSync(join(folder, "example/manifest.json"), "utf8")) as Manifest;
  assert.deepEqual(manifest.parameters, { PROFILE: "quick", SEED: 13, N_ROWS: 4, TITLE: "<b>" });
  assert.equal(readFileSync(join(folder, "example/squares.csv"), "utf8"), "n,square\n1,1\n2,4\n3,9\n4,16\n");

  const cells = readNotebook(join(folder, "example.ipynb")).cells;
  assert.equal(cells.length, 7);
  const outputs = cells.flatMap((cell) => (cell.cell_type === "code" ? cell.outputs : []));
  const text = JSON.stringify(outputs);
  assert.match(text, /Squaring: 4 items in/);
  assert.match(text, /<caption>&#60;b&#62;<\/caption>/);
  assert.match(text, /the last square is 16/);
});

test("bad options, notebooks and parameters are refused with the good ones", async () => {
  const cases: [string[], RegExp][] = [
    [["--fast"], /unknown option '--fast'[\s\S]*--profile <profile>/],
    [["--profile", "slow"], /Allowed choices are quick, full/],
    [["99"], /no notebook "99"; there are: example/],
    [
      ["--set", "N_ROW=4"],
      /no chosen notebook has a parameter N_ROW; their parameters:\n {2}example: PROFILE, SEED, N_ROWS, TITLE/,
    ],
    [["--set", "N_ROW=4"], /\nDid you mean N_ROWS\?\n$/],
    [["--set", "N_ROWS=2.5"], /^error: N_ROWS=2.5: N_ROWS is a whole number from 0\n$/],
    [["--limit", "1e9"], /not a number of minutes above 0, up to 35000/],
    [["--set", "N_ROWS=four"], /N_ROWS takes a number/],
    [["--set", "N_ROWS"], /not of the form NAME=VALUE/],
    [["--limit", "0"], /not a number of minutes/],
  ];
  const never = join(folder, "never");
  await Promise.all(
    cases.map(async ([args, message]) => {
      const { code, err } = await start("--out", never, ...args);
      assert.notEqual(code, 0, args.join(" "));
      assert.match(err, message);
    }),
  );
  assert.ok(!existsSync(never));
});

test("the first study's notebooks run if none is named, and the others with all", async () => {
  const several = mkdtempSync(join(tmpdir(), "studies-"));
  const notebook = readFileSync(join(fixtures, "example.ipynb"));
  for (const name of ["01-first", "07-report", "08-other", "11-last", "notes"])
    writeFileSync(join(several, `${name}.ipynb`), notebook);
  const chosen = async (...args: string[]) => {
    const { err } = await startAmong(several, {}, () => {}, ...args, "--set", "NOPE=1");
    return [...err.matchAll(/^ {2}([\w-]+): PROFILE/gm)].map(([, name]) => name);
  };
  const [none, all, one] = await Promise.all([chosen(), chosen("all"), chosen("08")]);
  rmSync(several, { recursive: true });
  assert.deepEqual(none, ["01-first", "07-report", "notes"]);
  assert.deepEqual(all, ["01-first", "07-report", "08-other", "11-last", "notes"]);
  assert.deepEqual(one, ["08-other"]);
});

test("a parameter in the environment is checked before anything runs", async () => {
  const { code, err } = await startIn({ N_ROWS: "-3" }, "example", "--out", join(folder, "unborn"));
  assert.equal(code, 2);
  assert.equal(err, "error: N_ROWS=-3: N_ROWS is a whole number from 0\n");
  assert.ok(!existsSync(join(folder, "unborn")));
});

test("a parameter in small letters in the environment is said to change nothing", async () => {
  // Where names in the environment have no case (Windows) it is the parameter.
  const said = /^Note: n_rows in the environment changes nothing; the parameter is N_ROWS, in capitals\.$/m;
  const wrong = ["example", "--set", "TITLE=x", "--set", "N_ROWS=-1"];
  const { code, err } = await startIn({ n_rows: "3" }, ...wrong);
  assert.equal(code, 2);
  if (process.platform !== "win32") assert.match(err, said);
  assert.doesNotMatch((await startIn({ n_rows: "3", N_ROWS: "3" }, ...wrong)).err, said);
});

/** What is said of a folder that cannot be written: one line, twice, and no file that is not there. */
async function assertRefused(out: string, what: RegExp): Promise<string[]> {
  const { code, out: said, err } = await start("example", "--out", out);
  assert.equal(code, 1);
  assert.match(err, what);
  assert.doesNotMatch(err + said, /\n\s+at /);
  const [, mark, ...rest] = said.trimEnd().split("\n");
  assert.match(mark!, /^✗ example: failed after/);
  assert.match(rest[0]!, what);
  const listed = rest.slice(1).map((line) => line.trim());
  for (const path of listed) assert.ok(existsSync(path), path);
  return listed;
}

test("a folder that is a file is said in a line, and nothing is listed", async () => {
  const file = join(folder, "file");
  writeFileSync(file, "");
  const what = /file: not written, a file is where a folder must be \(EEXIST\); move that file away/;
  assert.deepEqual(await assertRefused(file, what), []);
});

test("a read-only and a full disk are said in a line, and only what was written is listed", async (t) => {
  const place = join(folder, "disk");
  mkdirSync(place);
  const mount = (...options: string[]) =>
    execFileSync("mount", ["-o", ...options, place], { stdio: "ignore" });
  try {
    mount("size=64k", "-t", "tmpfs", "tmpfs");
  } catch {
    return t.skip("no small disk can be mounted here");
  }
  try {
    writeFileSync(join(place, "filler"), Buffer.alloc(52 * 1024)); // leaves room for a notebook without its outputs
    const full =
      /example.*: not written, no space is left on its disk \(ENOSPC\); make room or write to another/;
    assert.ok((await assertRefused(place, full)).includes(join(place, "example.ipynb")));
    mount("remount,ro");
    const readOnly = /example\.ipynb: not written, its disk is read-only \(EROFS\); write to another/;
    assert.deepEqual(await assertRefused(place, readOnly), []);
  } finally {
    execFileSync("umount", [place]);
  }
});

test("Ctrl-C lets the running cell save, a second one ends at once; both say so, and no kernel is left", async () => {
  const notebooks = join(folder, "notebooks");
  const saved = join(folder, "saved");
  const pid = join(folder, "pid");
  const source = `
    import { writeFileSync } from "node:fs";
    import { interruptSignal } from "./src/display";
    const aborted = new Promise((resolve) => interruptSignal().addEventListener("abort", resolve));
    writeFileSync(${JSON.stringify(pid)}, String(process.pid));
    await aborted;
    await new Promise((resolve) => setTimeout(resolve, 4000));
    writeFileSync(${JSON.stringify(saved)}, "");`;
  const cell = { id: "c", metadata: {}, execution_count: null, outputs: [] };
  writeNotebook(join(notebooks, "slow.ipynb"), {
    nbformat: 4,
    nbformat_minor: 5,
    metadata: {},
    cells: [
      { ...cell, cell_type: "code", source: "const parameters = {};", metadata: { tags: ["parameters"] } },
      { ...cell, id: "d", cell_type: "code", source },
    ],
  });
  for (const twice of [false, true]) {
    for (const file of [saved, pid]) rmSync(file, { force: true });
    let sent = 0;
    const { code, err } = await startAmong(
      notebooks,
      {},
      (err, signal) => {
        const times = err.includes("Stopping:") && twice ? 2 : existsSync(pid) ? 1 : 0;
        while (sent < times) {
          signal("SIGINT");
          sent += 1;
        }
      },
      "--out",
      folder,
    );
    assert.equal(code, 130, err);
    assert.match(err, /Stopping: a cell that saves its work.* has 120 s\. Ctrl-C again leaves at once/);
    assert.equal(/Left at once\. What the running cell had not saved is lost/.test(err), twice);
    assert.equal(existsSync(saved), !twice, err);
    const kernel = Number(readFileSync(pid, "utf8"));
    for (let i = 0; i < 50 && alive(kernel); i++) await new Promise((resolve) => setTimeout(resolve, 100));
    assert.ok(!alive(kernel));
  }
});

function alive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
