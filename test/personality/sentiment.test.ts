import assert from "node:assert/strict";
import { test } from "node:test";
import { sentiment } from "../../src/personality/sentiment";

test("glad words less sorry words, per word; what is denied is turned round", () => {
  assert.equal(sentiment("What a lovely day"), 1 / 4);
  assert.equal(sentiment("An awful day"), -1 / 3);
  assert.equal(sentiment("It isn't a good day"), -1 / 6);
  assert.equal(sentiment("No worries"), 1 / 2);
  assert.equal(sentiment("lovely and awful"), 0);
  assert.equal(sentiment("…"), 0);
});
