import assert from "node:assert/strict";
import { test } from "node:test";
import { type ChatSource } from "../../src/chat-api/source";
import { rubric } from "../../src/judges/rubric";
import { type Likelihood, NoLikelihood } from "../../src/likelihood/likelihood";
import {
  askingJudge,
  dialogueLikelihoods,
  likelihoodJudges,
  winTieLose,
} from "../../src/personality/compare";
import { situationsOf } from "../../src/personality/situations";
import { someDialogues } from "./some";

const [situation] = situationsOf(someDialogues(1)[0]!);
const pair = (first: string, second: string) => ({ situation: situation!, first, second });

/** Finds short words likely, and "tram" likely behind a talk alone. */
const likelihood: Likelihood = {
  name: "toy",
  fingerprint: "toy",
  logprobs: (said) =>
    Promise.resolve(
      said.map(({ before, answer }) =>
        answer
          .split(" ")
          .map((word) => (word === "tram" && before[0]!.content !== "Hello!" ? -0.5 : -word.length)),
      ),
    ),
  dispose: () => Promise.resolve(),
};

test("naturalness is how likely an answer is, coherence how much likelier the talk makes it; near ones tie", async () => {
  const { naturalness, coherence } = likelihoodJudges(likelihood);
  const of = async (judge: typeof naturalness, first: string, second: string) => {
    const found = await judge.compare(pair(first, second));
    return "preference" in found ? found.preference : found.unscorable;
  };
  assert.equal(await of(naturalness, "go on", "extraordinary"), "first");
  assert.equal(await of(naturalness, "ab cd", "ef gh"), "tie");
  assert.equal(await of(coherence, "go on", "tram"), "second");
  assert.equal(await of(coherence, "go on", "extraordinary"), "tie");
});

test("a dialogue's naturalness is the mean over the turns that answer; what cannot be asked of counts for nothing", async () => {
  const personas = [{ facts: ["I drive."] }, { facts: ["I row."] }] as const;
  const turns = (...texts: string[]) =>
    texts.map((text, i) => ({ speaker: i % 2 === 0 ? 1 : 2, text }) as const);
  const dialogues = [
    { personas, turns: turns("hi", "go on", "tram") }, // −2 and −0.5 behind the talk, −2 and −4 behind a greeting
    { personas, turns: turns("hi", "wonderful", "") }, // −9
    { personas, turns: turns("hi") },
  ];
  const found = await dialogueLikelihoods(likelihood, dialogues, { seed: 1, resamples: 50 });
  assert.equal(found!.naturalness.value, (-1.25 - 9) / 2);
  assert.equal(found!.coherence.value, (3.5 / 2 + 0) / 2);
  const choosy: Likelihood = {
    ...likelihood,
    logprobs: (said) =>
      said.some(({ answer }) => answer === "wonderful")
        ? Promise.reject(new NoLikelihood("too wonderful"))
        : likelihood.logprobs(said),
  };
  const mixed = [{ personas, turns: turns("hi", "wonderful", "tram") }, dialogues[1]!];
  assert.equal((await dialogueLikelihoods(choosy, mixed, { resamples: 5 }))!.naturalness.value, -0.5);
  assert.equal(await dialogueLikelihoods(choosy, [dialogues[1]!], { resamples: 5 }), undefined);
  const broken: Likelihood = { ...likelihood, logprobs: () => Promise.reject(new Error("no memory")) };
  await assert.rejects(dialogueLikelihoods(broken, dialogues, {}), /no memory/);
});

test("wins, ties and losses are counted, an empty answer counts for nobody", async () => {
  const found = await winTieLose(likelihoodJudges(likelihood).naturalness, [
    pair("go", "wonderful"), pair("go", "to"), pair("wonderful", "go"), pair("on", "wonderful"), pair("", "go"),
  ]); // prettier-ignore
  assert.deepEqual([found.wins, found.ties, found.losses, found.unscorable], [2, 1, 1, 1]);
  assert.equal(found.margin!.value, 1 / 4);
});

test("a model that favours a place is asked in both orders, and decides nothing", async () => {
  const source: ChatSource = {
    name: "first come",
    ask: () =>
      Promise.resolve({
        text: '{"reason": "it is first", "better": "A"}',
        finish: "stop",
        usage: { promptTokens: 1, completionTokens: 1 },
        fromCache: false,
      }),
  } as unknown as ChatSource;
  const found = await winTieLose(askingJudge(source, rubric("quality")), [pair("a", "b"), pair("c", "d")]);
  assert.deepEqual([found.wins, found.ties, found.losses, found.disagreed], [0, 2, 0, 2]);
  assert.match(found.judge, /^quality, by first come$/);
});
