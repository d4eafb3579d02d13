import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { parseRows } from "../../../src/corpus/rows";
import type { TaskType } from "../../../src/models/architecture";
import { loadTokenizer, type Tokenizer } from "../../../src/models/tokenizer/tokenizer";
import { describePairs, encodePairs } from "../../../src/training/examples/preferences";
import { writeTinyChat } from "../../chat/tiny-chat";

let directory: string;
let tokenizer: Tokenizer;
before(async () => {
  directory = mkdtempSync(join(tmpdir(), "preferences-"));
  tokenizer = await loadTokenizer(writeTinyChat(directory));
});
after(() => rmSync(directory, { recursive: true }));

function encode(rows: object[], maxLength = 200, taskType: TaskType = "CAUSAL_LM") {
  const text = rows.map((row) => JSON.stringify(row)).join("\n");
  const source = parseRows(Buffer.from(text), "pairs.jsonl", ["preference"]);
  return encodePairs(source, { tokenizer, taskType, maxLength });
}
const shown = (ids: readonly number[]) => tokenizer.decode(ids, { skipSpecialTokens: false });
const user = (content: string) => ({ role: "user", content });
const assistant = (content: string) => ({ role: "assistant", content });
const row = (prompt: string, chosen: string, rejected: string) => ({
  prompt: [user(prompt)],
  chosen: [assistant(chosen)],
  rejected: [assistant(rejected)],
});

test("messages go through the chat template: one prompt, and two answers with the ends of their turns", () => {
  const { pairs, tokens, meanChosen, meanRejected } = encode([row("Hi", "Hello!", "Hm.")]);
  const [{ promptIds, chosenIds, rejectedIds }] = pairs as [(typeof pairs)[number]];
  assert.equal(shown(promptIds), "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n");
  assert.equal(shown(chosenIds), "Hello!<|im_end|>\n");
  assert.equal(shown(rejectedIds), "Hm.<|im_end|>\n");
  assert.equal(tokens, 2 * promptIds.length + 8 + 5);
  assert.deepEqual([meanChosen, meanRejected], [8, 5]);
});

test("text stands as it is, and ends with the end-of-sequence token", () => {
  const { pairs } = encode([{ prompt: "2 + 2 =", chosen: " 4", rejected: " 5" }]);
  assert.deepEqual(Object.values(pairs[0]!).map(shown), ["2 + 2 =", " 4<|im_end|>", " 5<|im_end|>"]);
});

test("answers that begin alike keep their beginnings: the prompt is no longer than what was given", () => {
  const { pairs } = encode([{ prompt: "Say", chosen: " yes, please", rejected: " yes, but no" }]);
  assert.equal(shown(pairs[0]!.promptIds), "Say");
});

test("no answer is cut: the oldest turns of a prompt go, for both answers, and what does not fit is left out", () => {
  const long = {
    prompt: [{ role: "system", content: "Be." }, user("first"), assistant("second"), user("third")],
    chosen: [assistant("a")],
    rejected: [assistant("b".repeat(20))],
  };
  const { pairs, shortened, turnsLeftOut } = encode([row("Hi", "a", "b"), long], 90);
  assert.deepEqual([shortened, turnsLeftOut], [[2], 2]);
  assert.equal(
    shown(pairs[1]!.promptIds),
    "<|im_start|>system\nBe.<|im_end|>\n<|im_start|>user\nthird<|im_end|>\n<|im_start|>assistant\n",
  );
  assert.equal(shown(pairs[1]!.rejectedIds), `${"b".repeat(20)}<|im_end|>\n`);

  const none = encode(
    [row("Hi", "a", "b"), row("Hi", "a", "b".repeat(80)), row("H".repeat(90), "a", "b")],
    90,
  );
  assert.deepEqual([none.pairs.length, none.leftOut, none.shortened], [1, [2, 3], []]);
  assert.ok(none.longest > 90);
});

test("pairs that teach nothing are left out and named: two equal answers, an answer without a word", () => {
  const { pairs, equal, empty } = encode([row("Hi", "a", "b"), row("Hi", "same", "same")]);
  assert.deepEqual([pairs.length, equal, empty], [1, [2], []]);
  const silent = encode([
    { prompt: "x", chosen: "a", rejected: "b" },
    { prompt: "x", chosen: "é", rejected: "b" },
  ]);
  assert.deepEqual([silent.pairs.length, silent.equal, silent.empty], [1, [], [2]]);
});

test("characters without a token, and prompts that join with an answer, are named", () => {
  const { unknown, joined } = encode([row("Hi", "a", "b"), row("Hi é", "a", "b"), row("Hi", "a", "é b")]);
  assert.deepEqual([unknown, joined], [[2, 3], []]);
});

test("what was done is said in sentences, with lines", () => {
  const encoded = encode(
    [row("Hi", "aa", "b"), row("Hi", "same", "same"), row("Hi", "a", "b".repeat(90)), row("Hi é", "a", "b")],
    90,
  );
  const said = describePairs(encoded, 90);
  assert.match(
    said[0]!,
    /^pairs\.jsonl: 2 pairs, \d+ tokens; chosen answers have 3\.5 tokens on average, rejected ones 3\.0$/,
  );
  assert.deepEqual(said.slice(1), [
    `1 pair left out, as no answer is cut: more than 90 tokens (maxLength), up to ${encoded.longest}: line 3`,
    "1 pair left out, as the two answers are equal: line 2",
    "1 row with characters that the tokenizer does not know: line 4",
  ]);
});

test("a file without a pair to train on says why", () => {
  assert.throws(
    () => encode([row("Hi", "same", "same"), row("Hi", "a", "b".repeat(90))], 90),
    /pairs\.jsonl: none of its 2 rows can be trained on: 1 with two equal answers, 1 of more than 90 tokens \(maxLength; the longest has \d+\)/,
  );
});

test("an encoder–decoder takes text, each part with its end, and refuses messages by line", () => {
  const { pairs } = encode([{ prompt: "x", chosen: "a", rejected: "b" }], 200, "SEQ_2_SEQ_LM");
  assert.deepEqual(Object.values(pairs[0]!).map(shown), ["x<|im_end|>", "a<|im_end|>", "b<|im_end|>"]);
  assert.throws(
    () => encode([row("Hi", "a", "b")], 200, "SEQ_2_SEQ_LM"),
    /pairs\.jsonl, line 1: this model is an encoder–decoder, which takes no messages; write {"prompt"/,
  );
});

test("an answer that spells out a control token is refused by line", () => {
  assert.throws(() => encode([row("Hi", "a<|im_end|>", "b")]), /pairs\.jsonl, line 1: .*<\|im_end\|>/);
});
