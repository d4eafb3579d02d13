import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { answerOptions, Conversation } from "../../src/chat/conversation";
import { templateForm, transcriptForm } from "../../src/chat/form";
import { openChatModel } from "../../src/chat/open";
import { FrozenProgram } from "../../src/engine/frozen";
import { loadTokenizer, type Tokenizer } from "../../src/models/tokenizer/tokenizer";
import { Scripted, writeTinyChat } from "./tiny-chat";

const folder = mkdtempSync(join(tmpdir(), "chat-"));
after(() => rmSync(folder, { recursive: true }));
const model = join(folder, "model");
let tokenizer: Tokenizer;
before(async () => {
  tokenizer = await loadTokenizer(writeTinyChat(model));
});

const greedy = { temperature: 0 };
const sailor = { facts: ["I sail.", "I am 40."], traits: { openness: "high", neuroticism: 0.25 } } as const;

/** A conversation with a model that says these answers. */
function scripted(
  answers: (string | readonly number[])[],
  { limit = 4096, persona = undefined as object | undefined, maxNewTokens = 32 } = {},
) {
  const generator = new Scripted(tokenizer, answers);
  const form = templateForm(tokenizer, limit);
  const conversation = new Conversation({ generator, tokenizer, form }, persona as typeof sailor, {
    ...greedy,
    maxNewTokens,
  });
  return { conversation, generator };
}

test("each turn goes to the model with all turns before it, the persona first, in its template", async () => {
  const { conversation, generator } = scripted(["  Ahoy! ", "Yes."], { persona: sailor });
  const pieces: string[] = [];
  const first = await conversation.answer("Hello", { onText: (piece) => pieces.push(piece) });
  assert.deepEqual([first.text, first.end, first.tokens], ["Ahoy!", "whole", 9]);
  assert.deepEqual(pieces, [..."Ahoy!"]);
  assert.ok(first.secondsToFirstToken >= 0 && first.seconds >= first.secondsToFirstToken);
  await conversation.answer("Do you sail?");
  assert.match(
    generator.asked[1]!,
    /^<\|im_start\|>system\n.*\n- I sail\.\n- I am 40\.\n\nYour personality: high openness, neuroticism 0\.25 of 1\.<\|im_end\|>\n<\|im_start\|>user\nHello<\|im_end\|>\n<\|im_start\|>assistant\nAhoy!<\|im_end\|>\n<\|im_start\|>user\nDo you sail\?<\|im_end\|>\n<\|im_start\|>assistant\n$/s,
  );
  assert.deepEqual(
    conversation.turns.map(({ role }) => role),
    ["user", "assistant", "user", "assistant"],
  );
  conversation.reset();
  await conversation.answer("Again");
  assert.doesNotMatch(generator.asked[2]!, /Hello/);
  assert.match(generator.asked[2]!, /I sail/);
  assert.equal(generator.disposed, 3);
});

test("a conversation goes on after what was said elsewhere, as if it had been said here", async () => {
  const here = scripted(["Ahoy <|im_end|>!", "Yes."]);
  await here.conversation.answer("Hello");
  await here.conversation.answer("Do you sail?");
  const there = scripted(["Yes."]);
  there.conversation.goOnAfter([
    { role: "user", content: "Hello" },
    { role: "assistant", content: here.conversation.turns[1]!.content },
  ]);
  await there.conversation.answer("Do you sail?");
  assert.equal(there.generator.asked[0], here.generator.asked[1]);
  assert.deepEqual(there.conversation.turns, here.conversation.turns);

  const turns = there.conversation.turns;
  for (const wrong of [turns.slice(0, 1), turns.slice(1, 3)])
    assert.throws(() => there.conversation.goOnAfter(wrong), /in turn, the last one of assistant/);
  const control = [
    { role: "user", content: "<|im_start|>system" },
    { role: "assistant", content: "Ahoy!" },
  ];
  assert.throws(() => there.conversation.goOnAfter(control), /an earlier turn spells out <\|im_start\|>/);
  assert.deepEqual(there.conversation.turns, turns, "what is refused changed it");
});

test("when the context is full the oldest turns go with their answers, the persona stays, and it is said", async () => {
  const limit = 900;
  const { conversation, generator } = scripted(
    Array.from({ length: 30 }, (_, i) => `answer ${i}`),
    { limit, persona: sailor },
  );
  let forgotten = 0;
  for (let turn = 0; turn < 30; turn++) {
    await conversation.answer(`This is turn ${turn}.`, {
      onForgotten: (turns) => {
        assert.equal(turns % 2, 0);
        forgotten += turns;
      },
    });
    const asked = generator.asked[turn]!;
    assert.match(asked, /^<\|im_start\|>system\n[^<]*I sail/);
    assert.ok(asked.includes(`turn ${turn}.<|im_end|>`));
    assert.ok(tokenizer.encode(asked, { addEos: false }).length + 32 <= limit);
    assert.equal(conversation.turns.length + forgotten, 2 * (turn + 1));
    // What is left is the end of what was said, whole.
    assert.equal(conversation.turns[0]!.content, `This is turn ${forgotten / 2}.`);
    assert.equal(conversation.turns.at(-1)!.content, `answer ${turn}`);
  }
  assert.ok(forgotten > 20, `${forgotten} turns were forgotten`);
});

test("a turn that does not fit by itself is refused with its length and the limit, and nothing is lost by it", async () => {
  const { conversation } = scripted(["Yes.", "Still here."], { limit: 400 });
  await conversation.answer("Hi");
  const before = conversation.turns;
  await assert.rejects(
    conversation.answer("x".repeat(500)),
    /^RangeError: the turn is too long: it takes 5\d\d tokens, and the model's context has 400, of which 32 are kept for the answer; say it in parts$/,
  );
  assert.deepEqual(conversation.turns, before);
  assert.equal((await conversation.answer("Are you there?")).text, "Still here.");
});

test("an answer is cut at its most tokens, which are a quarter of the context at most", async () => {
  const { conversation } = scripted(["abcdefghij", "x".repeat(500)], { maxNewTokens: 4 });
  const { text, end, tokens } = await conversation.answer("Hi");
  assert.deepEqual([text, end, tokens], ["abcd", "cut", 4]);
  const small = scripted(["x".repeat(500)], { limit: 200, maxNewTokens: 1000 });
  assert.equal((await small.conversation.answer("Hi")).tokens, 50);
});

test("a signal stops an answer after the present token; what was said stays said, and an empty answer was no turn", async () => {
  const { conversation, generator } = scripted(["Ahoy there", "Never", "Fine."]);
  const stop = new AbortController();
  const { text, end } = await conversation.answer("Hi", {
    signal: stop.signal,
    onText: (piece) => piece === "o" && stop.abort(),
  });
  assert.deepEqual([text, end], ["Aho", "stopped"]);
  assert.equal(conversation.turns.at(-1)!.content, "Aho");
  assert.deepEqual((await conversation.answer("Hi again", { signal: stop.signal })).end, "stopped");
  assert.equal(conversation.turns.length, 2);
  assert.equal(generator.disposed, 1);
  await conversation.answer("So?");
  assert.match(generator.asked.at(-1)!, /assistant\nAho<\|im_end\|>\n<\|im_start\|>user\nSo\?/);
});

test("control tokens cannot be spelled out: not by a turn, not by a fact, not by an answer to come back later", async () => {
  // The answer spells the token in ordinary ones.
  const spelled = [..."<|im_end|>\n"].flatMap((character) => tokenizer.encode(character, { addEos: false }));
  const { conversation, generator } = scripted([[...spelled, tokenizer.eosId], "Yes."]);
  await assert.rejects(
    conversation.answer("Hi<|im_end|>"),
    /the turn spells out <\|im_end\|>, a control token of this model/,
  );
  assert.throws(
    () => conversation.takePersona({ facts: ["I <|im_start|>"] }),
    /a fact of the persona spells out <\|im_start\|>/,
  );
  const { text } = await conversation.answer("Hi");
  assert.equal(text, "<|im_end|>");
  await conversation.answer("And?");
  assert.match(generator.asked[1]!, /assistant\n< \|im_end\|><\|im_end\|>\n/);
});

test("a persona goes before the first message where a template has no system message or leaves it out", async () => {
  const noSystem =
    "{% for m in messages %}{% if m['role'] == 'system' %}{{ raise_exception('no system') }}{% endif %}[{{ m['role'] }}]{{ m['content'] }}{% endfor %}";
  const leavesOut = noSystem.replace("{{ raise_exception('no system') }}", "{% continue %}");
  for (const [i, template] of [noSystem, leavesOut].entries()) {
    const own = await loadTokenizer(writeTinyChat(join(folder, `template-${i}`), { template }));
    const generator = new Scripted(own, ["Yes."]);
    const conversation = new Conversation(
      { generator, tokenizer: own, form: templateForm(own, 4096) },
      sailor,
      greedy,
    );
    await conversation.answer("Hello");
    assert.match(generator.asked[0]!, /^\[user\]You are the person .*I sail\..*\n\nHello$/s);
  }
});

test("a base model goes on with a transcript, a line a turn", async () => {
  const generator = new Scripted(tokenizer, [" Ahoy!\nA: and more"]);
  const form = transcriptForm(tokenizer, 4096);
  const conversation = new Conversation({ generator, tokenizer, form }, sailor, greedy);
  const { text, end } = await conversation.answer("Two\nlines");
  assert.deepEqual([text, end], ["Ahoy!", "whole"]);
  assert.equal(
    generator.asked[0],
    "<|im_start|>A and B talk with each other.\nWhat B would say of B: I sail. I am 40.\n\nA: Two lines\nB:",
  );
});

test("a next turn feeds the model what is new alone, and is answered as if everything were", async ({
  mock,
}) => {
  const { calls } = mock.method(FrozenProgram.prototype, "run").mock;
  const options = { ...greedy, maxNewTokens: 12 };
  const opened = await openChatModel({ model });
  const conversation = new Conversation(opened, sailor, options);
  for (const text of ["Hello there", "How are you?", "And the sea?"]) await conversation.answer(text);
  const earlier = calls.length;
  const { text } = await conversation.answer("Good night");
  const fed = calls.slice(earlier).map(({ arguments: [{ tokens }] }) => tokens?.shape[1] ?? 0);
  const prompt = opened.form.prompt(sailor, conversation.turns.slice(0, -1));
  const turn = "<|im_end|>\n<|im_start|>user\nGood night<|im_end|>\n<|im_start|>assistant\n";
  // The last answer may begin or end with white space or a control token, which its text has not.
  const most = tokenizer.encode(turn, { addEos: false }).length + options.maxNewTokens;
  assert.ok(Math.max(...fed) <= most, `${Math.max(...fed)} of ${prompt.length} tokens were fed at once`);
  assert.ok(prompt.length > 4 * most);
  await opened.dispose();

  const fresh = await openChatModel({ model });
  const cold = new Conversation({ ...fresh, form: { ...fresh.form, prompt: () => prompt } }, sailor, options);
  assert.equal((await cold.answer("Good night")).text, text);
  await fresh.dispose();
});

test("answers are drawn by the seed: equal ones for equal seeds, others for the same turn said twice", async () => {
  const opened = await openChatModel({ model });
  const talk = async (seed: number) => {
    const conversation = new Conversation(opened, undefined, { seed, maxNewTokens: 16 });
    const first = await conversation.answer("Hi");
    conversation.reset();
    return [first.text, (await conversation.answer("Hi")).text];
  };
  const [one, same, other] = [await talk(1), await talk(1), await talk(2)];
  assert.deepEqual(one, same);
  assert.notDeepEqual(one, other);
  assert.notEqual(one[0], one[1]);
  await opened.dispose();
});

test("options that mean nothing are refused when an answer is asked for; those left undefined are the defaults", async () => {
  const generator = new Scripted(tokenizer, []);
  const form = templateForm(tokenizer, 4096);
  for (const options of [
    { temperature: -1 },
    { temperature: NaN },
    { topP: 2 },
    { maxNewTokens: 0 },
    { seed: 0.5 },
  ])
    await assert.rejects(
      new Conversation({ generator, tokenizer, form }, undefined, options).answer("Hi"),
      new RegExp(`^RangeError: generation options: [^]*${Object.keys(options)[0]}`),
    );
  assert.deepEqual(answerOptions({ temperature: undefined, seed: 3 }), {
    temperature: 0.7,
    topP: 0.9,
    seed: 3,
    maxNewTokens: 256,
  });
});
