import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { test } from "node:test";
import { readNotebook } from "../../scripts/runner/notebook";
import type { Manifest } from "../../src/notebook";

const root = resolve(__dirname, "../..");
const folder = mkdtempSync(join(tmpdir(), "start-"));
test.after(() => rmSync(folder, { recursive: true }));

async function start(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  const notebooks = join(root, "test/notebooks/fixtures");
  const child = spawn(process.execPath, ["scripts/start.mjs", "--notebooks", notebooks, ...args], {
    cwd: root,
  });
  let out = "";
  let err = "";
  child.stdout.on("data", (data: Buffer) => (out += data.toString()));
  child.stderr.on("data", (data: Buffer) => (err += data.toString()));
  const [code] = (await once(child, "close")) as [number];
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
