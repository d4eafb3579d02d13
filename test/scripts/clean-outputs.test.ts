import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { test } from "node:test";

const root = resolve(__dirname, "../..");
const folder = mkdtempSync(join(tmpdir(), "clean-"));
test.after(() => rmSync(folder, { recursive: true }));

const clean = (text: string) =>
  spawnSync(process.execPath, [join(root, "scripts/clean-outputs.mjs")], { input: text, encoding: "utf8" });

/** A notebook as an editor might write it, with what must not be touched around its outputs. */
const notebook = (outputs: string, count: string) => `{
  "cells": [
    {"cell_type": "markdown", "metadata": {"outputs": [1.0]}, "source": ["\\"outputs\\": [{]"]},
    { "outputs" : ${outputs}, "cell_type": "code" , "execution_count":${count},
      "metadata": {"execution_count": 7, "x": 1.50}, "source": ["const outputs = [\\"}\\", '日本 🐕'];\\n", "\\\\"] }
  ], "metadata": {"outputs": 1e2}, "nbformat": 4, "nbformat_minor": 5
}`;
const full = notebook(
  `[{"output_type": "stream", "name": "stdout", "text": ["]}\\"\\\\", "{"]}, {"data": {"image/png": "iVBO"}}]`,
  "12",
);

test("outputs and execution counts go, every other byte stays; what is clean stays as it is", () => {
  const empty = notebook("[]", "null");
  const { status, stdout, stderr } = clean(full);
  assert.equal(status, 0, stderr);
  assert.equal(stdout, empty);
  assert.equal(clean(empty).stdout, empty);
  for (const file of readdirSync(join(root, "notebooks")).filter((name) => name.endsWith(".ipynb"))) {
    const text = readFileSync(join(root, "notebooks", file), "utf8");
    assert.equal(clean(text).stdout, text, file);
  }
});

test("a large output is quick to go, and what is no notebook is refused with nothing written", () => {
  const picture = JSON.stringify([{ data: { "image/png": "A".repeat(20_000_000) } }]);
  assert.equal(clean(notebook(picture, "1")).stdout, notebook("[]", "null"));
  for (const text of ["", "<<<<<<< ours\n{}", "[]", "{}", '{"worksheets": []}', "null"]) {
    const { status, stdout, stderr } = clean(text);
    assert.equal(status, 1, text);
    assert.equal(stdout, "");
    assert.match(stderr, /^clean-outputs: .*; nothing is left out/s);
  }
});

test("npm run lab sets the filter up for a repository, and takes it away again", () => {
  // The project in a folder of a repository, as a course might have it.
  const repository = join(folder, "a course");
  const project = join(repository, "the [1] project");
  mkdirSync(join(project, "notebooks"), { recursive: true });
  cpSync(join(root, "scripts"), join(project, "scripts"), { recursive: true });
  const git = (...args: string[]) =>
    execFileSync("git", ["-c", "user.name=a", "-c", "user.email=a@b", "-c", "core.autocrlf=false", ...args], {
      cwd: project,
      encoding: "utf8",
    });
  const lab = (option: string) =>
    spawnSync(process.execPath, ["scripts/lab.mjs", option], { cwd: project, encoding: "utf8" });
  assert.match(lab("--help").stdout, /--clean-outputs .*\n.*--keep-outputs/);
  assert.match(lab("--clean-outputs").stderr, /is in no git repository/);
  git("init", "-q", repository);
  const attributes = join(repository, ".git/info/attributes");
  mkdirSync(join(repository, ".git/info"), { recursive: true });
  writeFileSync(attributes, "*.bin -text");
  const file = join(project, "notebooks/one.ipynb");
  writeFileSync(file, notebook("[]", "null"));
  git("add", "notebooks");
  git("commit", "-qm", "one");

  const { status, stdout, stderr } = lab("--clean-outputs");
  assert.equal(status, 0, stderr);
  assert.match(stdout, /To undo it: npm run lab -- --keep-outputs/);
  assert.equal(lab("--clean-outputs").status, 0, "twice is as good as once");
  writeFileSync(file, full);
  git("add", "notebooks");
  assert.equal(git("status", "--porcelain", "notebooks"), "");
  assert.equal(git("show", ":./notebooks/one.ipynb"), notebook("[]", "null"));
  assert.equal(readFileSync(file, "utf8"), full, "the file keeps its outputs");

  assert.equal(lab("--keep-outputs").status, 0);
  assert.equal(lab("--keep-outputs").status, 0, "there is nothing more to undo");
  assert.equal(readFileSync(attributes, "utf8"), "*.bin -text\n");
  assert.equal(spawnSync("git", ["config", "--get-regexp", "^filter"], { cwd: project }).status, 1);
  git("add", "--renormalize", "notebooks");
  assert.equal(git("show", ":./notebooks/one.ipynb"), full);
});
