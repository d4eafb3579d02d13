import assert from "node:assert/strict";
import { test } from "node:test";
import { featuresOf, featuresOfSecond } from "../../../src/scorers/logistic/features";

test("two texts have their words, pairs of words, and what they share", () => {
  const found = featuresOf(["I have two dogs.", "I don't have 3 dogs!"]);
  for (const name of [
    "p:two",
    "h:don",
    "p:dogs×h:dogs",
    "p:two×h:3",
    "not in the hypothesis",
    "not in one",
    "other numbers",
  ])
    assert.equal(found.get(name), 1, name);
  assert.equal(found.get("overlap of the hypothesis"), 3 / 6);
  assert.equal(found.get("overlap of the premise"), 3 / 4);
  assert.equal(found.get("overlap of both"), 3 / 7);
  for (const name of [
    "not in the premise",
    "no shared word",
    "equal numbers",
    "the hypothesis is within the premise",
  ])
    assert.equal(found.get(name), undefined, name);
  const within = featuresOf(["i like red wine", "I like wine"]);
  assert.equal(within.get("the hypothesis is within the premise"), 1);
  assert.equal(featuresOf(["i ski", "we sing"]).get("no shared word"), 1);
});

test("one text has its words once; of two the second can be seen alone", () => {
  assert.deepEqual([...featuresOf("A dog, a dog")], [["w:a", 1], ["w:dog", 1]]); // prettier-ignore
  assert.deepEqual([...featuresOfSecond(["cats", "A dog"])], [["h:a", 1], ["h:dog", 1]]); // prettier-ignore
});
