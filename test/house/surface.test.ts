import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { join, resolve } from "node:path";
import { test } from "node:test";
import ts from "typescript";
import { readJson } from "../../src/io/files";

const root = resolve(__dirname, "../..");

test("what notebooks may import is what surface.json lists: every new name is a decision", () => {
  const path = join(root, "src/index.ts").replaceAll("\\", "/");
  const options = { target: ts.ScriptTarget.ES2022, esModuleInterop: true, skipLibCheck: true };
  const program = ts.createProgram([path], { ...options, types: ["node"] });
  const module = program.getTypeChecker().getSymbolAtLocation(program.getSourceFile(path)!)!;
  const names = program
    .getTypeChecker()
    .getExportsOfModule(module)
    .map(({ name }) => name)
    .sort();
  assert.deepEqual(names, readJson(join(__dirname, "surface.json")));
  assert.ok(names.length <= 130, `${names.length} names are more than a student can hold`);
});

test("the engine can be used by itself: it brings nothing of the rooms above it", () => {
  const code = `
    const { compile } = require("persona-dialogue-notebooks/engine");
    const spec = { dtype: "float32", shape: [2], data: Float32Array.of(3, 4) };
    void compile(({ x }) => ({ y: x.square() }), { x: spec }).then(async (program) => {
      const { y } = await program.run({ x: spec });
      const rooms = Object.keys(require.cache).flatMap((file) => /[\\\\/]src[\\\\/](\\w+)[\\\\/]/.exec(
        file.includes("node_modules") ? "" : file)?.[1] ?? []);
      console.log(JSON.stringify({ y: [...y.data], rooms: [...new Set(rooms)].sort() }));
      await program.dispose();
    });`;
  const printed = execFileSync(process.execPath, ["--require", "tsx/cjs", "--eval", code], {
    cwd: root,
    encoding: "utf8",
  });
  const { y, rooms } = JSON.parse(printed.trim().split("\n").at(-1)!) as { y: number[]; rooms: string[] };
  assert.deepEqual(y, [9, 16]);
  assert.deepEqual(rooms, ["engine", "io", "tensors", "text"]);
});
