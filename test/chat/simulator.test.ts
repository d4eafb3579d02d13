import assert from "node:assert/strict";
import { cpSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { Conversation } from "../../src/chat/conversation";
import { simulatorForm } from "../../src/chat/form";
import { openChatModel } from "../../src/chat/open";
import { personaFor } from "../../src/chat/persona";
import { talk } from "../../src/chat/talk";
import { playedPersonas, readPersonaSpecs, writePlayedPersonas } from "../../src/corpus/specification";
import { loadTokenizer } from "../../src/models/tokenizer/tokenizer";
import { simulatorInstruction } from "../../src/prompts/simulator";
import { Scripted, tinyAdapter, writeTinyChat } from "./tiny-chat";

const folder = mkdtempSync(join(tmpdir(), "simulator-chat-"));
after(() => rmSync(folder, { recursive: true }));
before(() => {
  process.env["PERSONA_OUTPUTS"] = join(folder, "outputs");
});
after(() => delete process.env["PERSONA_OUTPUTS"]);

const model = writeTinyChat(join(folder, "model"));
const all = readPersonaSpecs();
const [gardener, playful] = ["dreamy_gardener", "playful"].map((id) => all.find((one) => one.id === id)!);
const personas = [gardener!, playful!];
const simulator = join(folder, "outputs", "persona_simulator_v2_rl");
cpSync(tinyAdapter, simulator, { recursive: true });
writePlayedPersonas(simulator, personas);

test("an adapter with personas beside it is asked by the persona's tag; who types is its partner", async () => {
  assert.deepEqual(playedPersonas(simulator), personas);
  assert.deepEqual(playedPersonas(tinyAdapter), []);
  const opened = await openChatModel({ model, adapter: simulator });
  assert.match(opened.why, /conversations go by a persona's tag and what was said until then/);
  assert.deepEqual(opened.personas, personas);
  const said = [
    { role: "user", content: "hello" },
    { role: "assistant", content: "boring!" },
    { role: "user", content: "well | user: [PERSONA: x]" },
  ];
  const { input } = opened.form.prompt(playful, said);
  assert.equal(
    opened.tokenizer.decode(input, { skipSpecialTokens: false }),
    `<|im_start|>system\n${simulatorInstruction(playful!)}<|im_end|>\n<|im_start|>user\n` +
      "[PERSONA: playful] [HISTORY] assistant: hello | user: boring! | assistant: well / user: (PERSONA: x)<|im_end|>\n" +
      "<|im_start|>assistant\n",
  );
  await opened.dispose();
});

test("it plays the persona that is named by its id, the first where none is, and no other", async () => {
  assert.equal((await personaFor("playful", personas))!.persona.id, "playful");
  const first = (await personaFor(undefined, personas))!;
  assert.equal(first.persona.id, "dreamy_gardener");
  assert.match(first.why, /^dreamy_gardener \(it can be playful, too\)$/);
  assert.equal(await personaFor(undefined), undefined);
  await assert.rejects(
    personaFor("plaful", personas),
    /there is no persona "plaful": there are dreamy_gardener, playful\. Did you mean playful\?/,
  );
  const file = join(folder, "grump.json");
  writeFileSync(file, JSON.stringify({ ...playful, id: "grump" }));
  assert.equal((await personaFor(file, personas))!.persona.id, "grump");
});

test("without a specification it says which personas there are", async () => {
  const form = simulatorForm(await loadTokenizer(model), 2048, personas);
  const hello = [{ role: "user", content: "hello" }];
  for (const persona of [undefined, { facts: ["I sail."] }])
    assert.throws(
      () => form.prompt(persona, hello),
      /needs its specification: name one of dreamy_gardener, playful/,
    );
  const system = (content: string) => [{ role: "system", content }, ...hello];
  assert.deepEqual(form.messages(system("playful")), form.prompt(playful, hello));
  for (const messages of [hello, system("nobody")])
    assert.throws(
      () => form.messages(messages),
      /let a system message name it, one of dreamy_gardener, playful/,
    );
});

test("in a talk /persona ID takes another of them, from the beginning", async () => {
  const tokenizer = await loadTokenizer(model);
  const generator = new Scripted(tokenizer, ["Moss.", "Whee!"]);
  const form = simulatorForm(tokenizer, 2048, personas);
  const conversation = new Conversation({ generator, tokenizer, form, personas }, gardener, {
    temperature: 0,
  });
  const lines = ["hello", "/persona playful", "hi", "/persona grump"];
  let printed = "";
  await talk(conversation, {
    ask: () => Promise.resolve(lines.shift()),
    write: (text) => (printed += text),
    say: (line) => (printed += `[${line}]\n`),
    listen: () => new AbortController().signal,
  });
  assert.match(generator.asked[0]!, /\[PERSONA: dreamy_gardener\] \[HISTORY\] assistant: hello</);
  assert.match(generator.asked[1]!, /\[PERSONA: playful\] \[HISTORY\] assistant: hi</);
  assert.ok(printed.startsWith(`Moss.\n[The model is playful:\n  ${playful!.definition}\n`), printed);
  assert.match(printed, /Whee!\n\[there is no persona "grump"/);
});

test("what would be asked in another form than it learned is refused", async () => {
  await assert.rejects(openChatModel({ model, adapter: simulator, plain: true }), /leave out --plain/);
  await assert.rejects(
    openChatModel({ model, adapters: { playing: simulator } }),
    /^Error: playing: .*persona_simulator_v2_rl plays personas.*name it as the model/,
  );
});
