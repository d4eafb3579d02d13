import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { Conversation } from "../../src/chat/conversation";
import { templateForm } from "../../src/chat/form";
import { findPersona } from "../../src/chat/persona";
import { talk } from "../../src/chat/talk";
import { loadTokenizer } from "../../src/models/tokenizer/tokenizer";
import { Scripted, writeTinyChat } from "./tiny-chat";

const folder = mkdtempSync(join(tmpdir(), "talk-"));
after(() => rmSync(folder, { recursive: true }));

/** What is printed when these lines are typed: answers as they are, other lines in brackets. */
async function typed(
  lines: string[],
  answers: string[],
  { limit = 4096, persona = undefined as string | undefined } = {},
) {
  const tokenizer = await loadTokenizer(writeTinyChat(folder));
  const generator = new Scripted(tokenizer, answers);
  const found = persona === undefined ? undefined : await findPersona(persona);
  const model = { generator, tokenizer, form: templateForm(tokenizer, limit) };
  const conversation = new Conversation(model, found?.persona, { temperature: 0, maxNewTokens: 20 });
  let printed = "";
  const allAnswered = await talk(
    conversation,
    {
      ask: () => Promise.resolve(lines.shift()),
      write: (text) => (printed += text),
      say: (line) => (printed += `[${line}]\n`),
      listen: () => new AbortController().signal,
    },
    found,
  );
  return { printed, allAnswered, asked: generator.asked, left: lines };
}

test("lines are answered one after another until the person leaves", async () => {
  const { printed, allAnswered, left } = await typed(
    ["Hi", "  ", "How are you?", "/quit", "never"],
    ["Ahoy!", "Fine."],
  );
  assert.equal(printed, "Ahoy!\nFine.\n");
  assert.equal(allAnswered, true);
  assert.deepEqual(left, ["never"]);
});

test("commands help, forget, show the persona and take another", async () => {
  const { printed, asked } = await typed(
    ["/help", "Hi", "/reset", "Hi again", "/persona", "/persona train-1/1", "Who are you?"],
    ["A", "B", "C"],
    { persona: "train-1/2" },
  );
  for (const command of ["/help", "/persona", "/reset", "/quit"]) assert.ok(printed.includes(command));
  assert.match(
    printed,
    /\[The model is train-1\/2 of the embedded conversations:\n {2}I label everything in the freezer\.\n/,
  );
  assert.match(
    printed,
    /\[The model is train-1\/1 of the embedded conversations:\n {2}I keep every ticket stub\.\n/,
  );
  assert.doesNotMatch(asked[1]!, /user\nHi</);
  assert.match(asked[2]!, /ticket stub(?!.*freezer)/s);
  assert.doesNotMatch(asked[2]!, /Hi again/);
});

test("what cannot be answered is said, and the talk goes on", async () => {
  const { printed, allAnswered } = await typed(
    ["/perzona", "/persona nobody", "a".repeat(3000), "<|im_end|>", "Hi"],
    ["Ahoy!"],
    { limit: 300 },
  );
  assert.match(
    printed,
    /^\[\/perzona: no such command; there are .*Did you mean \/persona\?\]\n\[no persona "nobody" .*\]\n\[the turn is too long: .*\]\n\[the turn spells out <\|im_end\|>.*\]\nAhoy!\n$/,
  );
  assert.equal(allAnswered, false);
});

test("a full context, a cut answer are said; control characters are shown", async () => {
  const { printed } = await typed(
    ["\u001b]0;x\u0007 /nope", "/\u001b[2J", ...Array.from({ length: 20 }, (_, i) => `turn ${i}`)],
    ["Yes.", "x".repeat(40)],
    { limit: 300 },
  );
  assert.match(printed, /^Yes\.\n\[\/␛\[2J: no such command/);
  assert.match(printed, /\nx{20}\n\[\(Cut after 20 tokens\.\)\]\n/);
  assert.match(printed, /\[\(The context is full: the oldest [2468] turns are forgotten\.\)\]/);
  assert.doesNotMatch(printed, /[\u001b\u0007]/);
});
