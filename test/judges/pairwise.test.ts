import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { compare, type PairCase } from "../../src/judges/pairwise";
import { rubric } from "../../src/judges/rubric";
import { readRequest, saying } from "./somebody";

const pair: PairCase = {
  persona: { facts: ["I sail."] },
  history: [{ by: "other", text: "What do you do?" }],
  first: "I sail.",
  second: "I knit.",
};
/** A judge that chooses by the texts of A and B. */
const choosing = (better: (a: string, b: string) => string) =>
  saying((request) => {
    const { parts } = readRequest(request);
    return JSON.stringify({ reason: "because", better: better(parts["answer A"]!, parts["answer B"]!) });
  });

describe("two answers", () => {
  test("one wins where both orders say so", async () => {
    const sails = choosing((a) => (a === "I sail." ? "A" : "B"));
    assert.deepEqual(await compare(sails, rubric("adherence"), pair), {
      preference: "first",
      reasons: ["because", "because"],
      agree: true,
    });
    const knits = choosing((a) => (a === "I knit." ? "A" : "B"));
    assert.equal(
      ((await compare(knits, rubric("adherence"), pair)) as { preference: string }).preference,
      "second",
    );
    assert.equal(sails.asked.length, 2);
  });

  for (const place of ["A", "B"])
    test(`neither wins by its place ${place}`, async () => {
      const compared = await compare(
        choosing(() => place),
        rubric("adherence"),
        pair,
      );
      assert.deepEqual(compared, { preference: "tie", reasons: ["because", "because"], agree: false });
    });

  test("equal twice is a tie that both orders agree on", async () => {
    const compared = await compare(
      choosing(() => "equal"),
      rubric("adherence"),
      pair,
    );
    assert.deepEqual(compared, { preference: "tie", reasons: ["because", "because"], agree: true });
  });

  test("one order without a verdict leaves none", async () => {
    const half = choosing((a) => (a === "I sail." ? "A" : "neither"));
    const compared = await compare(half, rubric("adherence"), pair);
    assert.match("unscorable" in compared ? compared.unscorable : "", /does not fit at better/);
  });
});
