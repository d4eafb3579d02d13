import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { templateForm } from "../../src/chat/form";
import { goesInCircles, selfChat } from "../../src/chat/self-chat";
import { loadTokenizer, type Tokenizer } from "../../src/models/tokenizer/tokenizer";
import { Scripted, writeTinyChat } from "./tiny-chat";

const folder = mkdtempSync(join(tmpdir(), "self-chat-"));
after(() => rmSync(folder, { recursive: true }));
let tokenizer: Tokenizer;
before(async () => {
  tokenizer = await loadTokenizer(writeTinyChat(join(folder, "model")));
});

const personas = [{ facts: ["I sail."] }, { facts: ["I bake."] }] as const;

function talk(answers: string[], turns: number) {
  const generator = new Scripted(tokenizer, answers);
  const model = { generator, tokenizer, form: templateForm(tokenizer, 4096) };
  return { generator, said: selfChat(model, personas, turns, { temperature: 0, maxNewTokens: 32 }) };
}

test("two personas answer each other in turn, each with its own facts and its own view", async () => {
  const { generator, said } = talk(["Ahoy.", "Bread?", "Sea.", "Oven."], 4);
  assert.deepEqual(await said, ["Ahoy.", "Bread?", "Sea.", "Oven."]);
  const [first, second, third] = generator.asked as [string, string, string];
  assert.match(first, /I sail.*user\nHello!/s);
  assert.match(second, /I bake.*user\nAhoy\./s);
  assert.doesNotMatch(second, /I sail|Hello/);
  assert.match(third, /I sail.*user\nHello!.*assistant\nAhoy\..*user\nBread\?/s);
});

test("a talk ends where one of the two has nothing to say", async () => {
  assert.deepEqual(await talk(["Ahoy.", ""], 6).said, ["Ahoy."]);
});

test("a talk goes in circles where a turn mostly says what was said", () => {
  const fine = [
    "Hi! What do you do for a living?",
    "I am a baker in a small town.",
    "Do you like to bake at home?",
  ];
  assert.ok(!goesInCircles(fine));
  assert.ok(goesInCircles([...fine, "Oh! I am a baker in a small town."]));
  assert.ok(
    goesInCircles([...fine, "i AM a baker, in a small town"]),
    "neither case nor marks tell turns apart",
  );
  assert.ok(
    goesInCircles(["I like it very much, I like it very much, I like it very much."]),
    "within a turn",
  );
  assert.ok(!goesInCircles([...fine, "I am a baker in another place, far away, by the sea, alone."]));
  assert.ok(!goesInCircles(["You too!", "You too!", "You too!"]), "short turns");
  assert.ok(!goesInCircles([]));
});
