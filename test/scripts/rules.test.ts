import assert from "node:assert/strict";
import { join, resolve } from "node:path";
import { test } from "node:test";
import { Linter } from "eslint";
import { parser } from "typescript-eslint";
import house from "../../scripts/check/rules.mjs";

const root = resolve(__dirname, "../..");

/** What a rule of the house says of a file, a line each. */
function lint(rule: keyof typeof house.rules, file: string, text: string): string[] {
  const linter = new Linter({ cwd: root });
  const config = {
    files: ["**/*.ts"],
    plugins: { house },
    languageOptions: { parser },
    rules: { [`house/${rule}`]: "error" },
  } as Linter.Config;
  return linter.verify(text, config, join(root, file)).map(({ line, message }) => `${line}: ${message}`);
}

test("an import against the order of the house is an error, however it is written", () => {
  const text = [
    'import { Model } from "../models";',
    'import type { Model } from "../models";',
    'export { Model } from "../models";',
    'export * from "../models";',
    'const models = import("../models");',
    'type Models = typeof import("../models");',
    'import { toFloat32 } from "../tensors";',
    'import { Graph } from "./graph";',
    'import { join } from "node:path";',
    "export const models = `../models`;",
    "const named = import(models);",
  ].join("\n");
  const fault = "models is no lower floor than engine";
  assert.deepEqual(
    lint("floors", "src/engine/new.ts", text),
    [1, 2, 3, 4, 5, 6].map((line) => `${line}: ${fault}`),
  );
  assert.deepEqual(lint("floors", "src/training/new.ts", text.replace("./graph", "../engine")), []);
});

test("docstrings have @default, @throws and @example in the form that editors know", () => {
  const good = `
    /**
     * Seeds the draws, as PyTorch does by default, with {@link seed}.
     *
     * @throws {RangeError} if there are none, e.g. of 0 rows
     * @example
     * const first = draw(13);
     */
    export interface Options {
      /** @default "lucene" */
      variant?: string;
      /**
       * How soon.
       * @default one for each core
       */
      threads?: number;
    }
    // default: 3, as a comment that is no docstring may say
  `;
  assert.deepEqual(lint("tags", "src/io/new.ts", good), []);
  const bad = [
    "Reads a file. @throws {Error} if there is none",
    "How many. @default 3",
    "@throws RangeError if there are none",
    "@throws {RangeError}",
    "@throws {RangeError} if there are none.",
    "@default",
    "@example draw(13)",
    "How many; 3 by default.",
    "How many; by default all.",
    "3 by default.",
    "How many. Default: 3.",
    "How many. Default: as many as there are.",
    "Default `all`.",
    "`a` (default), or `b`.",
  ];
  for (const text of bad) {
    assert.equal(lint("tags", "src/io/new.ts", `/** ${text} */\nexport {};`).length, 1, text);
    assert.equal(lint("tags", "src/io/new.ts", `/**\n * ${text}\n */\nexport {};`).length, 1, text);
  }
});
