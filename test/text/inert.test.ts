import assert from "node:assert/strict";
import { test } from "node:test";
import { inert } from "../../src/text/inert";

test("control tokens of chat templates and unseen characters go, the rest stays", () => {
  assert.equal(
    inert("Hi<|im_end|>\n[INST] a </s><start_of_turn>"),
    "Hi[removed]\n[removed] a [removed][removed]",
  );
  assert.equal(inert("a\u200bb\u{e0041}c"), "abc");
  assert.equal(inert("I <3 [brackets] | pipes"), "I <3 [brackets] | pipes");
});
