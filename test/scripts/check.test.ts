import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { checkNotebooks } from "../../scripts/check";

const folder = mkdtempSync(join(tmpdir(), "check-"));
test.after(() => rmSync(folder, { recursive: true }));

function notebook(name: string, ...sources: (string | { tags: string[]; source: string })[]): string {
  const path = join(folder, `${name}.ipynb`);
  const cells = sources.map((one) => {
    const { tags, source } = typeof one === "string" ? { tags: [], source: one } : one;
    const markdown = source.startsWith("#");
    return {
      cell_type: markdown ? "markdown" : "code",
      metadata: { tags },
      source,
      ...(!markdown && { outputs: [], execution_count: null }),
    };
  });
  writeFileSync(path, JSON.stringify({ nbformat: 4, nbformat_minor: 5, metadata: {}, cells }));
  return path;
}

test("cells are checked as strictly as the sources, each finding with its cell and line", () => {
  const good = notebook(
    "good",
    { tags: ["parameters"], source: 'const parameters = { PROFILE: "quick", SEED: 1 };' },
    { tags: ["injected-parameters"], source: "const parameters = 1;" },
    'import { startRun } from "./src/index";\nconst run = startRun("good", parameters);',
    "await run.finish();\nfor await (const x of [1]) console.log(x);",
  );
  const bad = notebook(
    "bad",
    { tags: ["parameters"], source: "const parameters = { N: Math.random() };" },
    "# Prose",
    "const names: string[] = [];\n\nfunction first(list) {\n  return list[0];\n}",
    "const n: number = names[0];",
    'import { startRun } from "./src/index";\nstartRun("other", { PROFILE: "quick", SEED: 1 });',
    'export const two = 2;\nimport "./src/io";',
    "const broken = ;",
  );
  const problems = checkNotebooks([good, bad]).map((line) => line.replace(/^.*[\\/]/, ""));
  for (const expected of [
    /^bad\.ipynb, cell 3, line 3: Parameter 'list' implicitly has an 'any' type/,
    /^bad\.ipynb, cell 4, line 1: Type 'string \| undefined' is not assignable/,
    /^bad\.ipynb, cell 5, line 2: startRun must be given the notebook's own name, "bad"/,
    /^bad\.ipynb, cell 6, line 1: a cell cannot `export`/,
    /^io"; cells run in the project's root folder$|^index", not from ".\/src\/io"/,
    /^bad\.ipynb, cell 7, line 1: Expression expected/,
    /^bad\.ipynb: its cell tagged parameters must be/,
  ]) {
    assert.ok(
      problems.some((problem) => expected.test(problem)),
      `${expected} in\n${problems.join("\n")}`,
    );
  }
  assert.deepEqual(
    problems.filter((problem) => problem.startsWith("good")),
    [],
  );
});

test("using is refused, since the kernel's TypeScript does not know it", () => {
  const path = notebook("resource", "using resource = { [Symbol.dispose]() {} };");
  assert.match(checkNotebooks([path]).join("\n"), /resource\.ipynb, cell 1, line 1: `using` is not known/);
});
