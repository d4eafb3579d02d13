import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { templateForm } from "../../src/chat/form";
import { loadTokenizer } from "../../src/models/tokenizer/tokenizer";
import { modelPartner, quietPartner } from "../../src/writing/partner";
import { Scripted, writeTinyChat } from "../chat/tiny-chat";

const folder = mkdtempSync(join(tmpdir(), "partner-"));
after(() => rmSync(folder, { recursive: true }));
const hooks = { onText: () => {}, signal: new AbortController().signal };
const said = (...contents: string[]) =>
  contents.map((content, i) => ({ role: i % 2 === 0 ? ("user" as const) : ("assistant" as const), content }));

test("a model answers as the assistant, told the topic and all that was said; two writers one after another", async () => {
  const tokenizer = await loadTokenizer(writeTinyChat(join(folder, "model")));
  const generator = new Scripted(tokenizer, ["Yes.", "No."]);
  const partner = modelPartner({ generator, tokenizer, form: templateForm(tokenizer, 4096) }, "a test");
  const pieces: string[] = [];
  const [first, second] = await Promise.all([
    partner.answer("tea", said("Hi!", "Hello.", "Tea?"), 0, {
      ...hooks,
      onText: (piece) => pieces.push(piece),
    }),
    partner.answer("rain", said("Wet!"), 0, hooks),
  ]);
  assert.deepEqual([first, second, pieces.join("")], ["Yes.", "No.", "Yes."]);
  assert.match(
    generator.asked[0]!,
    /I like to talk about tea\.[^]*user\nHi!<\|im_end\|>\n<\|im_start\|>assistant\nHello\.<\|im_end\|>\n<\|im_start\|>user\nTea\?<\|im_end\|>\n<\|im_start\|>assistant\n$/,
  );
  assert.match(generator.asked[1]!, /about rain\.[^]*user\nWet!/);
  assert.doesNotMatch(generator.asked[1]!, /Hello/);
});

test("the quiet partner opens with the topic, then says little, something else each time it is asked again", async () => {
  const answer = (turns: string[], draw = 0) => quietPartner.answer("tea", said(...turns), draw, hooks);
  assert.match(await answer(["Hi!"]), /tea/);
  const later = await answer(["Hi!", "Hello.", "Well?"]);
  assert.doesNotMatch(later, /tea/);
  assert.notEqual(await answer(["Hi!", "Hello.", "Well?"], 1), later);
  assert.notEqual(await answer(["Hi!", "Hello.", "Well?", "OK.", "And?"]), later);
});
