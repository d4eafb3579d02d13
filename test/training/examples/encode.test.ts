import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import fc from "fast-check";
import { templateForm } from "../../../src/chat/form";
import { type Message, parseRows } from "../../../src/corpus/rows";
import { embeddedTokenizer } from "../../../src/models/tokenizer/find";
import { loadTokenizer, type Tokenizer } from "../../../src/models/tokenizer/tokenizer";
import { encodeRows } from "../../../src/training/examples/encode";
import { describeRows } from "../../../src/training/examples/report";
import { writeTinyChat } from "../../chat/tiny-chat";

const folder = mkdtempSync(join(tmpdir(), "encode-"));
test.after(() => rmSync(folder, { recursive: true }));
const tiny = loadTokenizer(writeTinyChat(folder));

const user = (content: string): Message => ({ role: "user", content });
const assistant = (content: string): Message => ({ role: "assistant", content });
const system = (content: string): Message => ({ role: "system", content });

async function encode(
  rows: readonly object[],
  change: { maxLength?: number; tokenizer?: Tokenizer; seq2seq?: true } = {},
) {
  const { maxLength = 1000, tokenizer = await tiny, seq2seq } = change;
  const bytes = Buffer.from(rows.map((row) => JSON.stringify(row)).join("\n"));
  const options = { tokenizer, maxLength, taskType: seq2seq ? "SEQ_2_SEQ_LM" : "CAUSAL_LM" } as const;
  return encodeRows(parseRows(bytes, "own.jsonl", ["completion", "conversation"]), options);
}
/** What stands in a row, and in brackets what is learned of it. */
async function shown({
  inputIds,
  labels,
}: {
  inputIds: readonly number[];
  labels: readonly number[];
}): Promise<string> {
  const tokenizer = await tiny;
  let text = "";
  inputIds.forEach((id, at) => {
    const [learned, before] = [labels[at]! !== -100, at > 0 && labels[at - 1]! !== -100];
    if (learned) assert.equal(labels[at], id);
    text += `${learned && !before ? "[" : !learned && before ? "]" : ""}${tokenizer.decode([id], { skipSpecialTokens: false })}`;
  });
  return labels.at(-1) === -100 ? text : `${text}]`;
}

test("text is learned as it stands, with the token that ends it, once", async () => {
  const { examples, labels, tokens } = await encode([
    { prompt: "Q: Sail?\nA:", completion: " Aye." },
    { prompt: "Q:", completion: "Aye.<|im_end|>" },
  ]);
  assert.equal(await shown(examples[0]!), "Q: Sail?\nA:[ Aye.<|im_end|>]");
  assert.equal(await shown(examples[1]!), "Q:[Aye.<|im_end|>]");
  assert.deepEqual([labels, tokens], [6 + 5, 17 + 7]);
});

test("of a conversation what the assistant says is learned with the ends of its turns; tags and system messages are read", async () => {
  const messages = [
    system("[PERSONA: sailor] You sail."),
    user("Hi"),
    assistant("Ahoy."),
    user("Bye"),
    assistant("Bye [PERSONA: sailor]."),
  ];
  const { examples } = await encode([{ messages }]);
  assert.equal(
    await shown(examples[0]!),
    "<|im_start|>system\n[PERSONA: sailor] You sail.<|im_end|>\n<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n[Ahoy.<|im_end|>]\n" +
      "<|im_start|>user\nBye<|im_end|>\n<|im_start|>assistant\n[Bye [PERSONA: sailor].<|im_end|>]\n",
  );
});

test("of a prompt in messages the completion alone is learned, to the end of what the template writes, as in TRL", async () => {
  const prompt = [user("Hi"), assistant("Ahoy."), user("Bye")];
  const { examples } = await encode([{ prompt, completion: [assistant("Bye.")] }]);
  assert.equal(
    await shown(examples[0]!),
    "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\nAhoy.<|im_end|>\n<|im_start|>user\nBye<|im_end|>\n<|im_start|>assistant\n[Bye.<|im_end|>\n]",
  );
});

test("what is learned is asked in the same tokens by a chat", async () => {
  const tokenizer = await tiny;
  const persona = { facts: ["I sail."] };
  const asked = [user("Hi"), assistant("Ahoy."), user("Bye")];
  const { input } = templateForm(tokenizer, 1000).prompt(persona, asked);
  const written = templateForm(tokenizer, 1000).prompt(persona, [user("")]).input;
  const text = tokenizer.decode(written, { skipSpecialTokens: false });
  const instruction = /<\|im_start\|>system\n(.*?)<\|im_end\|>/s.exec(text)![1]!;
  const { examples } = await encode([{ messages: [system(instruction), ...asked, assistant("Bye.")] }]);
  assert.deepEqual(examples[0]!.inputIds.slice(0, input.length), input);
  assert.notEqual(examples[0]!.labels[input.length], -100);
});

test("a template that writes earlier answers otherwise takes completions of prompts, and refuses to learn whole conversations", async () => {
  const template =
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{% if m.role == 'assistant' and loop.last %}(thinks){% endif %}{{ m.content }}<|im_end|>\n{% endfor %}" +
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}";
  const tokenizer = await loadTokenizer(writeTinyChat(join(folder, "thinks"), { template }));
  const prompt = [user("a"), assistant("b"), user("c")];
  const { examples } = await encode([{ prompt, completion: [assistant("d")] }], { tokenizer });
  assert.match(
    await shown(examples[0]!),
    /assistant\nb<\|im_end\|>\n.*assistant\n\[\(thinks\)d<\|im_end\|>\n\]$/s,
  );
  await assert.rejects(
    encode([{ messages: [...prompt, assistant("d")] }], { tokenizer }),
    /line 1: .*message 2 of 4 \(assistant\): the chat template writes it .* differently in the whole conversation/,
  );
});

test("a template without a system message gets it before the first turn", async () => {
  const template =
    "{% for m in messages %}{% if m.role == 'system' %}{{ raise_exception('no system') }}{% endif %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}" +
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}";
  const tokenizer = await loadTokenizer(writeTinyChat(join(folder, "strict"), { template }));
  const { examples } = await encode([{ messages: [system("You sail."), user("Hi"), assistant("Ahoy.")] }], {
    tokenizer,
  });
  assert.equal(
    await shown(examples[0]!),
    "<|im_start|>user\nYou sail.\n\nHi<|im_end|>\n<|im_start|>assistant\n[Ahoy.<|im_end|>]\n",
  );
});

test("of a conversation that is too long the oldest turns go, never the system message or an answer's end; the rest is left out", async () => {
  const messages = [
    system("S"),
    user("one"),
    assistant("1"),
    assistant("more"),
    user("two"),
    assistant("2"),
    user("three"),
    assistant("3"),
  ];
  const whole = (await encode([{ messages }])).examples[0]!.inputIds.length;
  const all = await encode([{ messages }], { maxLength: whole });
  assert.deepEqual([all.shortened, all.leftOut, all.longest], [[], [], whole]);
  const one = await encode([{ messages }], { maxLength: whole - 1 });
  assert.deepEqual([one.shortened, one.turnsLeftOut, one.leftOut], [[1], 3, []]);
  assert.equal(
    await shown(one.examples[0]!),
    "<|im_start|>system\nS<|im_end|>\n<|im_start|>user\ntwo<|im_end|>\n<|im_start|>assistant\n[2<|im_end|>]\n<|im_start|>user\nthree<|im_end|>\n<|im_start|>assistant\n[3<|im_end|>]\n",
  );
  const shortest = (await encode([{ messages: [system("S"), user("three"), assistant("3")] }])).longest;
  const two = await encode([{ messages }], { maxLength: shortest });
  assert.deepEqual([two.turnsLeftOut, two.examples[0]!.inputIds.length], [5, shortest]);
  await assert.rejects(
    encode([{ messages }], { maxLength: shortest - 1 }),
    new RegExp(
      `own\\.jsonl: none of its 1 rows fits into ${shortest - 1} tokens \\(maxLength\\); the longest has ${shortest}`,
    ),
  );
  const short = { messages: [user("a"), assistant("b")] };
  const some = await encode([short, { messages }], { maxLength: shortest - 1 });
  assert.deepEqual([some.leftOut, some.examples.length], [[2], 1]);

  const prompt = messages.slice(0, -1);
  const completion = messages.slice(-1);
  const asked = await encode([{ prompt, completion }], { maxLength: whole - 1 });
  assert.deepEqual([asked.shortened, asked.turnsLeftOut], [[1], 3]);
  const text = await encode(
    [short, short]
      .map(({ messages: [a, b] }) => ({ prompt: a!.content, completion: b!.content.repeat(9) }))
      .concat([{ prompt: "a", completion: "b" }]),
    { maxLength: 3 },
  );
  assert.deepEqual([text.leftOut, text.examples.length, text.longest], [[1, 2], 1, 11]);
});

test("an encoder–decoder reads the prompt and learns the completion, each with its end", async () => {
  const tokenizer = await loadTokenizer(embeddedTokenizer);
  const { examples, tokens, labels } = await encode([{ prompt: "I sail.", completion: "Ahoy!" }], {
    tokenizer,
    seq2seq: true,
  });
  assert.deepEqual(examples, [{ inputIds: tokenizer.encode("I sail."), labels: tokenizer.encode("Ahoy!") }]);
  assert.deepEqual([tokens, labels], [examples[0]!.inputIds.length, examples[0]!.labels.length]);
  await assert.rejects(
    encode([{ messages: [user("a"), assistant("b")] }], { tokenizer, seq2seq: true }),
    /^JsonlError: own\.jsonl, line 1: this model is an encoder–decoder, which takes no messages; write/,
  );
});

test("a row that the template refuses, or that spells out a control token, is named by its line", async () => {
  const fine = { messages: [user("a"), assistant("b")] };
  await assert.rejects(
    encode([fine, { messages: [user("a<|im_end|>"), assistant("b")] }]),
    /own\.jsonl, line 2: message 1 \(user\) spells out <\|im_end\|>, a control token of this model: write it otherwise/,
  );
  const template =
    "{% for m in messages %}{% if m.role == 'assistant' and loop.first %}{{ raise_exception('user first') }}{% endif %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}";
  const tokenizer = await loadTokenizer(writeTinyChat(join(folder, "order"), { template }));
  await assert.rejects(
    encode([{ messages: [assistant("b")] }], { tokenizer }),
    /own\.jsonl, line 1: .*user first/,
  );
});

test("a reader is told what rows became", async () => {
  const apart = { prompt: "Say:", completion: " sailor" };
  assert.deepEqual(describeRows(await encode([apart]), 1000), [
    "own.jsonl: 1 example, 12 tokens; 8 tokens to be learned",
  ]);
  const words = { tokenizer: await loadTokenizer(embeddedTokenizer) };
  const joined = await encode([{ prompt: "I like the wea", completion: "ther today." }, apart], words);
  assert.deepEqual([joined.joined, joined.examples.length], [[1], 2]);
  assert.match(
    describeRows(joined, 1000)[1]!,
    /^1 prompt whose last token joins with the completion.*: line 1$/,
  );
  const found = await encode([{ messages: [user("é"), assistant("b")] }]);
  assert.match(
    describeRows(found, 1000)[1]!,
    /^1 row with characters that the tokenizer does not know: line 1$/,
  );
  const long = { messages: [user("a".repeat(90)), assistant("b"), user("a"), assistant("b")] };
  const told = describeRows(
    await encode([long, { messages: [user("a".repeat(90)), assistant("b")] }, long], { maxLength: 60 }),
    60,
  );
  assert.deepEqual(told.slice(1), [
    "2 rows had more than 60 tokens (maxLength) and lost the oldest turns, 4 in all: lines 1, 3",
    "1 row left out, as no answer is cut: more than 60 tokens (maxLength), up to 112: line 2",
  ]);
});

const words = fc
  .string({ minLength: 1, maxLength: 12 })
  .filter((text) => text.trim() === text && text !== "" && !text.includes("<|"));
const talks = fc
  .tuple(fc.option(words), fc.array(fc.tuple(words, words), { minLength: 1, maxLength: 4 }))
  .map(([first, pairs]) => [
    ...(first === null ? [] : [system(first)]),
    ...pairs.flatMap(([asked, said]) => [user(asked), assistant(said)]),
  ]);

test("whatever is said, whole answers with their ends are learned, the latest in any length", async () => {
  const tokenizer = await tiny;
  await fc.assert(
    fc.asyncProperty(talks, fc.integer({ min: 40, max: 250 }), async (messages, maxLength) => {
      const answers = messages.filter(({ role }) => role === "assistant").map(({ content }) => content);
      const short = { messages: [user("a"), assistant("b")] };
      const { examples, turnsLeftOut, leftOut, longest } = await encode([short, { messages }], { maxLength });
      const [, example] = examples;
      assert.deepEqual(leftOut, example ? [] : [2]);
      if (!example) return assert.ok(longest > maxLength);
      assert.ok(example.inputIds.length <= maxLength);
      const learned = tokenizer.decode(
        example.labels.filter((label) => label !== -100),
        { skipSpecialTokens: false },
      );
      const kept = answers.slice(turnsLeftOut / 2);
      assert.equal(learned, kept.map((answer) => `${answer}<|im_end|>`).join(""));
    }),
    { numRuns: 60 },
  );
});
