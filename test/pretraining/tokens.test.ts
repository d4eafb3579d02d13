import assert from "node:assert/strict";
import { test } from "node:test";
import { embeddedTokenizer } from "../../src/models/tokenizer/find";
import { loadTokenizer } from "../../src/models/tokenizer/tokenizer";
import { pretrainingTokens } from "../../src/pretraining/tokens";

test("the embedded tokenizer has all tokens of pretraining, each its own", async () => {
  const tokenizer = await loadTokenizer(embeddedTokenizer);
  const { sentinels, ...others } = pretrainingTokens(tokenizer);
  assert.equal(new Set(sentinels).size, 100);
  assert.equal(new Set(Object.values(others)).size, 6);
  assert.equal(tokenizer.token(others.endOfTurn), "<extra_id_2>");
  assert.equal(tokenizer.token(others.system), "<SYSTEM>");
  assert.equal(others.eos, tokenizer.eosId);
});

test("a tokenizer without one of them is refused by its name", () => {
  const encode = (text: string) => (text === "<SYSTEM>" ? [5, 6, 7] : [8]);
  assert.throws(() => pretrainingTokens({ encode, eosId: 1 }), /needs the token <SYSTEM>/);
});
