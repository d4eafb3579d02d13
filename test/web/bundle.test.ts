import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { bundleForBrowser } from "../../src/web/bundle";

const folder = mkdtempSync(join(tmpdir(), "bundle-"));
after(() => rmSync(folder, { recursive: true }));
const write = (name: string, text: string) => {
  writeFileSync(join(folder, name), text);
  return join(folder, name);
};
const text = async (...given: Parameters<typeof bundleForBrowser>) =>
  Buffer.from(await bundleForBrowser(...given)).toString("utf8");

test("a script and what it imports become one module that loads nothing, with the licences that it states", async () => {
  write(
    "part.ts",
    "/*! Licence of a part */\nexport const twice = (x: number): number => 2 * x;\nexport const unused = 'never';",
  );
  const path = write("page.ts", 'import { twice } from "./part";\nexport const answer: number = twice(21);');
  const bundled = await text(path);
  assert.doesNotMatch(bundled, /\bimport\b|never|number/);
  assert.match(bundled, /\/\*! Licence of a part \*\/\s*$/);
  const { answer } = (await import(`data:text/javascript,${encodeURIComponent(bundled)}`)) as {
    answer: number;
  };
  assert.equal(answer, 42);
});

test("a module can take another one's place, and styles are joined", async () => {
  const other = write("other.ts", "export const name = 'other';");
  const path = write("entry.ts", 'import { name } from "somewhere/else";\nconsole.log(name);');
  assert.match(await text(path, { "somewhere/else": other }), /other/);
  write("base.css", "p { color: red; }");
  assert.match(
    await text(write("page.css", '@import "./base.css";\nb { margin: 0; }')),
    /^p\{color:red\}\s*b\{margin:0\}/,
  );
});

test("what cannot be found, and what only Node has, is named with its place", async () => {
  await assert.rejects(
    text(write("a.ts", 'import "./none";')),
    /a\.ts:1:7: ERROR: Could not resolve "\.\/none"/,
  );
  await assert.rejects(
    text(write("b.ts", 'import { readFileSync } from "node:fs";\nreadFileSync("x");')),
    /b\.ts:1.*node:fs/,
  );
});
