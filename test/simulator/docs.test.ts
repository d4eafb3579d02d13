import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { parseRecords } from "../../src/corpus/records";
import type { Message } from "../../src/corpus/rows";
import { personaDirectory, readPersonaSpec, readPersonaSpecs } from "../../src/corpus/specification";
import { unroll } from "../../src/prompts/unroll";

const docs = readFileSync(join(__dirname, "../../docs/simulator.md"), "utf8");
const [problem, line, examples] = [...docs.matchAll(/```text\n([^`]*)\n```/g)].map(([, block]) => block!);

test("the docs' record is read, and with the turns that follow becomes the examples that they show", () => {
  const [record] = parseRecords(Buffer.from(line!), "docs/simulator.md");
  const turns = [
    ...record!.turns,
    { role: "assistant" as const, content: "…" },
    { role: "user" as const, content: "Let's do something fun!" },
  ];
  const persona = readPersonaSpecs().find(({ id }) => id === record!.persona_id)!;
  const unrolled = unroll({ turns }, persona, "chat").map((example) => {
    const [prompt, completion] = [example!.prompt, example!.completion] as (readonly Message[])[];
    return `${prompt![1]!.content} → ${completion![0]!.content}`;
  });
  assert.deepEqual(
    examples!.split("\n").map((shown) => shown.replace(/ +→ /, " → ")),
    unrolled,
  );
});

test("the docs' problem is what is said of such a file", () => {
  const folder = mkdtempSync(join(tmpdir(), "docs-"));
  try {
    const path = join(folder, "grump.json");
    const playful = JSON.parse(readFileSync(join(personaDirectory, "playful.json"), "utf8")) as object;
    writeFileSync(path, JSON.stringify({ ...playful, id: "grump", stopRules: "never" }));
    assert.throws(
      () => readPersonaSpec(path),
      ({ message }: Error) => message.endsWith(`/${problem}`),
    );
  } finally {
    rmSync(folder, { recursive: true });
  }
});
