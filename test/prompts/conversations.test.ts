import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import type { Dialogue, Turn } from "../../src/corpus/dialogue";
import { rowPersonas } from "../../src/corpus/row-personas";
import { holdsDialogues } from "../../src/corpus/rows";
import { asConversation, readConversations } from "../../src/prompts/conversations";
import { personaInstruction } from "../../src/prompts/instruction";

const sailor = { id: "sailor", facts: ["I sail."] };
const dialogue = (...turns: [1 | 2, string][]): Dialogue => ({
  id: "d",
  personas: [sailor, { facts: [] }],
  turns: turns.map(([speaker, text]): Turn => ({ speaker, text })),
});
const user = (content: string) => ({ role: "user", content });
const assistant = (content: string) => ({ role: "assistant", content });
const system = { role: "system", content: personaInstruction(sailor) };

test("the persona is the assistant, told who it is, and the other one the user, who begins", () => {
  const both = dialogue([1, "Hi!"], [2, "Hello."], [1, "I sail. "], [2, "Oh!"], [1, "Yes."]);
  assert.deepEqual(asConversation(both, 1), {
    messages: [system, user("Hello."), assistant("I sail."), user("Oh!"), assistant("Yes.")],
  });
  assert.deepEqual(asConversation(both, 2), {
    messages: [user("Hi!"), assistant("Hello."), user("I sail."), assistant("Oh!")],
  });
});

test("turns of one speaker in a row are one, empty ones none", () => {
  const rows = dialogue([2, "Hi."], [2, "You?"], [1, "I sail."], [2, " "], [1, "A lot."]);
  assert.deepEqual(asConversation(rows, 1), {
    messages: [system, user("Hi. You?"), assistant("I sail. A lot.")],
  });
});

test("where the persona answers nothing there is no conversation", () => {
  for (const turns of [
    [],
    [[1, "Hi"]],
    [
      [1, "Hi"],
      [2, "Ho"],
    ],
  ] as [1 | 2, string][][])
    assert.equal(asConversation(dialogue(...turns), 1), undefined);
});

test("a file of dialogues becomes conversations of both, by line", () => {
  const folder = mkdtempSync(join(tmpdir(), "conversations-"));
  try {
    const path = join(folder, "own.jsonl");
    const one = dialogue([1, "Hi!"], [2, "Hello."], [1, "I sail."]);
    writeFileSync(path, `${JSON.stringify(one)}\n\n${JSON.stringify({ ...one, id: "e" })}\n`);
    assert.equal(holdsDialogues(path), true);
    const { form, rows } = readConversations(path);
    assert.deepEqual([form, rows.map(({ line }) => line)], ["conversation", [1, 1, 3, 3]]);
    const personas = { assistant: sailor, user: { facts: [] } };
    assert.deepEqual(rows[0], { ...asConversation(one, 1), meta: { personas }, line: 1 });
    assert.deepEqual(rowPersonas(rows[3]!.meta), { assistant: { facts: [] }, user: sailor });

    writeFileSync(path, `${JSON.stringify(one)}\n{"id": "e", "turns": []}`);
    assert.throws(() => readConversations(path), /own\.jsonl, line 2: personas: is missing/);
    writeFileSync(path, JSON.stringify(dialogue([1, "Hi!"])));
    assert.throws(() => readConversations(path), /in none of its dialogues does anybody answer/);
    writeFileSync(path, JSON.stringify({ messages: [user("a"), assistant("b")] }));
    assert.equal(holdsDialogues(path), false);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
