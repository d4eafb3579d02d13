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
