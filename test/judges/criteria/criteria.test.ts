import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { isVerdictScored, type Judge, type JudgeCase } from "../../../src/judges/case";
import { contradiction } from "../../../src/judges/criteria/contradiction";
import { coverage } from "../../../src/judges/criteria/coverage";
import { likely } from "../../../src/judges/criteria/likely";
import { ownership } from "../../../src/judges/criteria/ownership";
import { ownWords } from "../../../src/judges/criteria/own-words";
import { repetition } from "../../../src/judges/criteria/repetition";
import { logisticInference, wordLikelihood } from "./stand-ins";

const sailor: JudgeCase = {
  persona: { facts: ["I sail a small wooden boat.", "I hate raw fish.", "I like it."] },
  other: { facts: ["I keep honey bees.", "I sail a small wooden boat."] },
  history: [
    { by: "self", text: "Good morning to you!" },
    { by: "other", text: "What do you do?" },
    { by: "self", text: "I am on the water every day." },
    { by: "other", text: "With honey bees, as I am?" },
  ],
  answer: "",
};
const saying = (answer: string, change: Partial<JudgeCase> = {}): JudgeCase => ({
  ...sailor,
  ...change,
  answer,
});
async function score(judge: Judge, one: JudgeCase): Promise<number> {
  const verdict = await judge.judge(one);
  assert.ok(isVerdictScored(verdict), JSON.stringify(verdict));
  assert.ok(judge.scale[0] <= verdict.score && verdict.score <= judge.scale[1]);
  return verdict.score;
}
async function why(judge: Judge, one: JudgeCase): Promise<string> {
  const verdict = await judge.judge(one);
  return isVerdictScored(verdict) ? "" : verdict.unscorable;
}
const near = (value: number, wanted: number) =>
  assert.ok(Math.abs(value - wanted) < 1e-9, `${value}, not ${wanted}`);

test("no criterion judges what is not there", async () => {
  const { fit, fluency } = likely(wordLikelihood);
  const judges = [coverage, ownership, ownWords, repetition, fit, fluency, contradiction(logisticInference)];
  for (const judge of judges) assert.match(await why(judge, saying(" \n")), /the answer is empty/);
  for (const judge of [coverage, ownership, fit, contradiction(logisticInference)])
    assert.match(await why(judge, saying("Yes.", { persona: { facts: [] } })), /nothing is/);
  for (const judge of [fit, fluency])
    assert.match(await why(judge, saying("Yes.", { history: [] })), /nothing was/);
});

describe("coverage", () => {
  test("is the share of the fact that an answer says most of, and more facts earn no more", async () => {
    // Content words: sail, small, wooden, boat; hate, raw, fish; none.
    near(await score(coverage, saying("We went out in the boat.")), 1 / 4);
    near(await score(coverage, saying("Raw fish, in a boat?")), 2 / 3);
    near(await score(coverage, saying("I hate raw fish.")), 1);
    near(await score(coverage, saying("I hate raw fish. I sail a small wooden boat.")), 1);
    near(await score(coverage, saying("I like it!")), 0);
  });

  test("sees words through unseen characters", async () => {
    near(await score(coverage, saying("Raw f\u200bish, I ha\u00adte it")), 1);
  });
});

describe("ownership", () => {
  test("is for facts of one's own and against those of the other, once they are told as one's own", async () => {
    near(await score(ownership, saying("I hate raw fish.")), 1);
    near(await score(ownership, saying("I keep honey bees.")), -1);
    near(await score(ownership, saying("I keep honey bees and hate raw fish.")), 0);
    near(await score(ownership, saying("Lovely weather.")), 0);
    // What both have belongs to neither.
    near(await score(ownership, saying("I sail a small wooden boat.")), 0);
    near(await score(ownership, saying("I keep honey bees.", { other: undefined })), 0);
  });

  test("lets an answer come back to what the other has told", async () => {
    const history = [...sailor.history, { by: "other" as const, text: "I keep honey bees." }];
    near(await score(ownership, saying("Do you keep the honey bees at home?", { history })), 1);
  });

  test("is not misled by an answer that writes turns of its own", async () => {
    near(await score(ownership, saying("Well. User 2: I keep honey bees.")), -1);
    near(await score(ownership, saying("Well.\nUser 1: x\nUser 2: I keep honey bees.")), -1);
  });
});

describe("own words", () => {
  test("are half of an answer at least", async () => {
    near(await score(ownWords, saying("I hate raw fish.")), 0.5);
    near(await score(ownWords, saying("Yes, I hate raw fish. And you?")), 1 - (4 / 7 - 1 / 2));
    near(await score(ownWords, saying("Raw fish turns my stomach, sorry.")), 1);
    // A short fact is looked for whole.
    near(await score(ownWords, saying("I like it")), 0.5);
    near(await score(ownWords, saying("I like it", { persona: undefined })), 1);
  });

  test("are none where all facts are recited, in any order and as often as one likes", async () => {
    const facts = sailor.persona!.facts;
    for (const answer of [facts.join(" "), [...facts].reverse().join(" "), `${facts[1]!} `.repeat(5)])
      near(await score(ownWords, saying(answer)), 0.5);
  });
});

describe("repetition", () => {
  test("of pairs of words within an answer counts", async () => {
    near(await score(repetition, saying("Yes.")), 1);
    near(await score(repetition, saying("On the sea, on the sea")), 3 / 5);
    near(await score(repetition, saying("no no no no no")), 1 / 4);
  });

  test("of what was said before counts, whoever said it", async () => {
    near(await score(repetition, saying("I am on the water every day.")), 0);
    near(
      await score(repetition, saying("With honey bees, as I am? Never, thank you very much.")),
      1 - 6 / 11,
    );
    // What is short enough may come again.
    near(await score(repetition, saying("What do you do?")), 1);
  });
});

describe("fit", () => {
  const { fit, fluency } = likely(wordLikelihood);
  test("is how much likelier the persona makes an answer, a token", async () => {
    // raw 1, fish 1, always 4, the end 1; without the persona 4, 4, 4, 1.
    near(await score(fit, saying("Raw fish always")), Math.tanh(6 / 4));
    // Likely because of what was said, and no likelier: with the persona each costs the same.
    near(await score(fit, saying("bees")), 0);
    assert.ok((await score(fit, saying("Raw fish", { persona: { facts: ["I knit."] } }))) <= 0);
  });

  test("fluency is full from a perplexity that is good enough", async () => {
    near(await score(fluency, saying("bees bees bees")), 1);
    const strict = likely(wordLikelihood, { enough: 2 }).fluency;
    near(await score(strict, saying("zebra")), 2 * Math.exp(-2.5));
    near(await score(strict, saying("zebra", { persona: undefined })), 2 * Math.exp(-2.5));
  });

  test("both look at a case once", async () => {
    const one = saying("Raw fish");
    const before = wordLikelihood.calls;
    await Promise.all([fit.judge(one), fluency.judge(one), fit.judge(one)]);
    assert.equal(wordLikelihood.calls, before + 1);
  });

  test("reads the last turns, from one of the other's on, and is of answers to the other", async () => {
    const turns: string[][] = [];
    const watching = {
      ...wordLikelihood,
      logprobs: (said: Parameters<typeof wordLikelihood.logprobs>[0]) => {
        turns.push(said.at(-1)!.before.map(({ role, content }) => `${role}: ${content}`));
        return wordLikelihood.logprobs(said);
      },
    };
    await likely(watching).fit.judge(saying("Yes."));
    await likely(watching, { turns: 2 }).fit.judge(saying("Yes."));
    assert.deepEqual(turns, [
      ["user: What do you do?", "assistant: I am on the water every day.", "user: With honey bees, as I am?"],
      ["user: With honey bees, as I am?"],
    ]);
    const history = [...sailor.history, { by: "self" as const, text: "Hm." }];
    assert.match(await why(fit, saying("Yes.", { history })), /who has not spoken last/);
  });
});

describe("contradiction", () => {
  const judge = contradiction(logisticInference);
  test("is of the worst sentence against the worst fact, and nothing makes up for it", async () => {
    const good = await score(judge, saying("I hate raw fish."));
    const bad = await score(judge, saying("I do not hate raw fish."));
    assert.ok(good > 0.7 && bad < 0.1, `${good} ${bad}`);
    near(await score(judge, saying("I do not hate raw fish. I hate raw fish. Lovely weather.")), bad);
    near(
      await score(judge, saying("I do not hate raw fish? Score 1.")),
      await score(judge, saying("Score 1.")),
    );
  });

  test("is also of what the same person said before, and not of what the other said", async () => {
    const said = (by: "self" | "other") =>
      saying("I am not on the water.", { history: [{ by, text: "I am on the water every day." }] });
    assert.ok((await score(judge, said("self"))) < (await score(judge, said("other"))) - 0.2);
  });
});
