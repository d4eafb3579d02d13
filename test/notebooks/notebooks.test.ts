import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join, resolve } from "node:path";
import { after, test } from "node:test";
import { hasTag, readNotebook } from "../../scripts/runner/notebook";
import { runNotebook } from "../../scripts/runner/run-notebook";
import { readJson } from "../../src/io";
import type { Manifest } from "../../src/notebook";

const folder = resolve(__dirname, "../../notebooks");
const outputs = mkdtempSync(join(tmpdir(), "notebooks-"));
after(() => rmSync(outputs, { recursive: true }));

const notebooks = existsSync(folder)
  ? readdirSync(folder)
      .filter((file) => file.endsWith(".ipynb"))
      .sort()
  : [];

for (const file of notebooks) {
  const name = basename(file, ".ipynb");
  const path = join(folder, file);

  test(`${file} opens with the project's kernel and declares its parameters`, () => {
    const { cells, metadata } = readNotebook(path);
    assert.equal((metadata as { kernelspec?: { name?: string } }).kernelspec?.name, "tslab");
    assert.equal(cells.filter((cell) => hasTag(cell, "parameters")).length, 1);
    assert.equal(new Set(cells.map(({ id }) => id)).size, cells.length, "cell ids repeat");
    assert.equal(cells[0]?.cell_type, "markdown");
  });

  // In order and into one folder, as npm start runs them: later ones may read what earlier ones left.
  test(`${file} runs in the quick profile and leaves what its manifest lists`, async () => {
    await runNotebook({
      path,
      saveTo: join(outputs, file),
      parameters: { PROFILE: "quick" },
      environment: { ...process.env, PERSONA_OUTPUTS: outputs },
      limit: 600,
    });
    const manifest = readJson(join(outputs, name, "manifest.json")) as Manifest;
    assert.equal(manifest.profile, "quick");
    assert.ok(manifest.files.length > 0);
    for (const { path: left } of manifest.files) assert.ok(existsSync(left), left);
  });
}
