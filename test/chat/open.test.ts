import assert from "node:assert/strict";
import { cpSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { Conversation } from "../../src/chat/conversation";
import { openChatModel } from "../../src/chat/open";
import { embeddedModel } from "../../src/experiments/base";
import { tinyAdapter, writeTinyChat } from "./tiny-chat";

const folder = mkdtempSync(join(tmpdir(), "open-chat-"));
after(() => rmSync(folder, { recursive: true }));
const model = writeTinyChat(join(folder, "model"));
const base = writeTinyChat(join(folder, "base"), { template: "" });
const empty = join(folder, "empty");
mkdirSync(empty);
before(() => {
  process.env["PERSONA_OUTPUTS"] = join(folder, "outputs");
  process.env["HF_HUB_OFFLINE"] = "1";
});
after(() => {
  delete process.env["PERSONA_OUTPUTS"];
  delete process.env["HF_HUB_OFFLINE"];
});

test("what is missing is named with the remedy", async () => {
  const elsewhere = ["one", "two"].map((name) => join(folder, "outputs", name, "adapter"));
  for (const place of elsewhere) cpSync(tinyAdapter, place, { recursive: true });
  const refused: [Parameters<typeof openChatModel>[0], RegExp][] = [
    [{ model: "nowhere" }, /^Error: nowhere: no folder, file or run of this name; name a folder in Hugging Face layout, a GGUF file, .*the runs are one\/adapter, two\/adapter/],
    [{ model: "one/adaptr" }, /one\/adaptr: no folder, file or run of this name, and as a model of the hub: /],
    [{ model: "adapter" }, /adapter: 2 runs have this name; say which: one\/adapter, two\/adapter/],
    [{ model: "models/none.gguf" }, /^Error: models\/none\.gguf: no folder, file or run/],
    [{ model: empty }, /config\.json: no such file/],
    [{ model: base }, /its tokenizer has no chat template.*Instruct.*chat_template.*--plain/],
    [{ model, adapter: empty }, /empty: no adapter, as it has no adapter_config\.json \(it is an empty folder\)/],
    [{ model, adapter: join(empty, "none") }, /there is no such folder/],
    [{ model: tinyAdapter, adapter: tinyAdapter }, /is an adapter itself, and --adapter names another one/],
    [{ adapter: tinyAdapter }, /the adapter does not fit data\/chat-model; it says that its base is .* has shape \[8, 64\], not \[8, 704\]/s],
    [{ model: embeddedModel, plain: true }, /a T5 takes no transcript: leave out --plain/],
  ]; // prettier-ignore
  for (const [options, message] of refused) await assert.rejects(openChatModel(options), message);
});

test("a base model goes on with a transcript where it is asked to", async () => {
  const opened = await openChatModel({ model: base, plain: true });
  assert.match(
    opened.why,
    /base, a Llama \(it was named\); conversations go by a plain transcript, 2048 tokens of them/,
  );
  const conversation = new Conversation(opened, undefined, { temperature: 0, maxNewTokens: 4 });
  assert.equal((await conversation.answer("Hi")).tokens, 4);
  await opened.dispose();
});

test("the embedded T5 goes on from its personas' prompt and from what was said, and leaves the turn to the other", async () => {
  const opened = await openChatModel({ model: embeddedModel });
  const prompt = (...given: Parameters<typeof opened.form.prompt>) => opened.form.prompt(...given);
  const said = [
    { role: "user", content: "Hello <SYSTEM>!" },
    { role: "assistant", content: "Ahoy." },
    { role: "user", content: "Who are you?" },
  ];
  const { input, begun, length } = prompt({ facts: ["I sail."] }, said);
  const text = (ids: readonly number[]) => opened.tokenizer.decode(ids, { skipSpecialTokens: false });
  assert.equal(text(input), "persona-dialogue:<USER><SYSTEM> I sail.</s>");
  assert.equal(text(begun), "User 1: Hello SYSTEM! User 2: Ahoy. User 1: Who are you? User 2:");
  assert.equal(length, begun.length);
  assert.throws(
    () => prompt({ facts: Array<string>(400).fill("I sail far.") }, said),
    /the persona has \d+ words more than fit into the \d+ tokens of the model's input/,
  );
  const conversation = new Conversation(
    opened,
    { facts: ["I sail a small boat."] },
    { temperature: 0, maxNewTokens: 60 },
  );
  for (const turn of ["Hello!", "What do you do for fun?"]) {
    const answer = await conversation.answer(turn);
    assert.match(answer.text, /\w/);
    assert.doesNotMatch(answer.text, /User [12]/);
  }
  await opened.dispose();
});
