import assert from "node:assert/strict";
import { test } from "node:test";
import {
  answerPrompt,
  answerTarget,
  NO_FACT,
  readSelection,
  selectionPrompt,
  selectionTarget,
} from "../../src/alignment/prompts";
import type { Message } from "../../src/corpus/rows";
import { row } from "./tiny";

const chat = { form: "chat", historyTurns: 3 } as const;
const text = { form: "text", historyTurns: 2 } as const;
const systemOf = (said: unknown) => (said as Message[])[0]!;

test("a selection is asked with numbered facts and answered with number and fact, or that there is none", () => {
  const prompt = selectionPrompt(row(), chat) as Message[];
  assert.equal(
    prompt[0]!.content,
    "Which of these does your next answer rest on?\n\n1. I sail a red boat.\n2. I teach chemistry.\n3. My dog is called Bo.",
  );
  assert.deepEqual(
    prompt.slice(1).map(({ role, content }) => `${role}: ${content}`),
    ["user: Hello!", "assistant: Hi.", "user: What do you do?"],
  );
  assert.deepEqual(selectionTarget(row(), 1, "chat"), [
    { role: "assistant", content: "2. I teach chemistry." },
  ]);
  assert.equal(selectionTarget(row(), null, "text"), NO_FACT);
});

test("an answer's prompt tells nothing, the persona, or the persona with the fact it is to rest on", () => {
  const history = answerPrompt(row(), "history", chat) as Message[];
  assert.deepEqual(
    history.map(({ role }) => role),
    ["user", "assistant", "user"],
  );
  const persona = systemOf(answerPrompt(row(), "persona", chat)).content;
  assert.match(persona, /What is true of you:\n- I sail a red boat\.\n- I teach chemistry\./);
  const grounded = systemOf(answerPrompt(row(), { selected: 2 }, chat)).content;
  assert.equal(grounded, `${persona}\n\nWhat you say now rests on this: My dog is called Bo.`);
  assert.equal(systemOf(answerPrompt(row(), { selected: null }, chat)).content, persona);
  assert.deepEqual(answerTarget(row(), "chat"), [{ role: "assistant", content: "I teach at a school." }]);
});

test("as text the other is person1, and the one who answers person2", () => {
  assert.equal(
    selectionPrompt(row(), text),
    "select: 1. I sail a red boat. 2. I teach chemistry. 3. My dog is called Bo. person2: Hi. person1: What do you do? person2 rests on:",
  );
  assert.equal(
    answerPrompt(row(), { selected: 0 }, text),
    "answer: 1. I sail a red boat. 2. I teach chemistry. 3. My dog is called Bo. person2: Hi. person1: What do you do? rests on: I sail a red boat. person2:",
  );
  assert.equal(
    answerPrompt(row(), "history", { ...text, historyTurns: 1 }),
    "answer: person1: What do you do? person2:",
  );
  assert.equal(answerTarget(row(), "text"), "I teach at a school.");
});

test("a chat begins with the other, so that a history cut before one's own turn loses that, too", () => {
  const two = answerPrompt(row(), "history", { ...chat, historyTurns: 2 }) as Message[];
  assert.deepEqual(
    two.map(({ content }) => content),
    ["What do you do?"],
  );
});

test("what a model says is read as a number, as no fact, or as a fact's words; anything else as nothing", () => {
  const { persona } = row();
  const read = (said: string) => readSelection(said, persona);
  assert.equal(read("2. I teach chemistry."), 1);
  assert.equal(read(" 3"), 2);
  assert.equal(read("1) I sail"), 0);
  assert.equal(read("no personal description"), null);
  assert.equal(read("I TEACH chemistry"), 1);
  for (const said of ["4. More", "0. None", "-1", "2.5", "12", "I teach", "", "second"])
    assert.equal(read(said), undefined, said);
  assert.equal(readSelection("1. 我是老师。", ["我是老师。"]), 0);
  assert.equal(readSelection("我是老师", ["我喜欢猫。", "我是老师。"]), 1);
});
