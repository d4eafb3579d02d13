import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import type { ChatSource } from "../../src/chat-api/source";
import { judgeKey } from "../../src/judges/card";
import { openEmbeddedJudge } from "../../src/judges/open";
import { coverageReward } from "../../src/rewards/coverage";
import { lengthReward } from "../../src/rewards/length";
import { namedReward, type RewardPlace } from "../../src/rewards/named";
import { ownershipReward } from "../../src/rewards/ownership";
import { type Reward, type RewardCase, type Score, scoreCases } from "../../src/rewards/reward";
import { weightedReward } from "../../src/rewards/weighted";
import { wordReward } from "../../src/rewards/word";
import { writeTinyChat } from "../chat/tiny-chat";

const said = (completion: string, tokens = 1): RewardCase => ({
  prompt: "p",
  completion,
  tokens,
  ended: true,
});
const giving = (name: string, ...scores: Score[]): Reward => ({
  name,
  score: () => scores,
  fingerprint: name,
});

test("a word is found whole, in any case of letters", async () => {
  const cases = ["A Garden!", "gardens", "the garden.", "", "naïve garden-party"].map((text) => said(text));
  assert.deepEqual(await scoreCases(wordReward("garden"), cases), [1, 0, 1, 0, 1]);
  assert.throws(() => wordReward("two words"), /letters and digits/);
  assert.throws(() => wordReward(""), /letters and digits/);
});

test("a length earns more the nearer it is to the one wanted", async () => {
  const cases = [0, 2, 4, 6, 12].map((tokens) => said("", tokens));
  assert.deepEqual(await scoreCases(lengthReward(4), cases), [0, 0.5, 1, 0.5, 0]);
  for (const wanted of [0, -1, 1.5, NaN]) assert.throws(() => lengthReward(wanted), RangeError);
});

test("a weighted sum is unscorable where a part is, and says for which part's reason", async () => {
  const late: Reward = { ...giving("late"), score: () => Promise.resolve([1, { unscorable: "refused" }, 3]) };
  const sum = weightedReward([
    { reward: giving("now", 2, 4, 6), weight: 0.5 },
    { reward: late, weight: -1 },
  ]);
  assert.deepEqual(await scoreCases(sum, [said("a"), said("b"), said("c")]), [
    0,
    { unscorable: "late: refused" },
    0,
  ]);
  assert.equal(sum.name, "0.5 now + -1 late");
  assert.throws(() => weightedReward([]), /at least one/);
  assert.throws(() => weightedReward([{ reward: late, weight: Infinity }]), /late/);
});

test("too few scores and scores that are no numbers are refused by the reward's name", async () => {
  await assert.rejects(scoreCases(giving("short", 1), [said("a"), said("b")]), /short gave 1 scores for 2/);
  await assert.rejects(scoreCases(giving("mad", NaN), [said("a")]), /mad gave NaN for "a"/);
  assert.deepEqual(await scoreCases(giving("shy", { unscorable: "?" }), [said("a")]), [{ unscorable: "?" }]);
});

const nowhere: RewardPlace = {
  directory: "never",
  openModel: () => Promise.reject(new Error("no model here")),
  openRewardModel: () => Promise.reject(new Error("no scorer here")),
};

test("a reward model's numbers are rewards as they are, and nothing that is empty is put to it", async () => {
  const asked: (readonly [string, string])[] = [];
  const model = {
    name: "liked",
    rewards(texts: readonly (readonly [string, string])[]) {
      asked.push(...texts);
      return Promise.resolve(texts.map(([, answer]) => answer.length / 10));
    },
    fingerprint: "of liked",
  };
  const opened: string[] = [];
  const place: RewardPlace = {
    ...nowhere,
    openRewardModel: (where) => (opened.push(where), Promise.resolve(model)),
  };
  const reward = await namedReward([{ reward: "reward-model", scorer: "outputs/liked" }], place);
  assert.deepEqual(opened, ["outputs/liked"]);
  assert.equal(reward.name, "liked");
  const same = said("four");
  assert.deepEqual(await scoreCases(reward, [same, said(" "), said("twelve chars"), same]), [
    0.4,
    { unscorable: "the prompt or the answer is empty" },
    1.2,
    0.4,
  ]);
  assert.deepEqual(asked[1], ["p", "twelve chars"]);
  assert.match(JSON.stringify(reward.fingerprint), /of liked/);
});

test("rewards are made by name, alone or in a weighted sum", async () => {
  const both = await namedReward(
    [
      { reward: "word", word: "yes", weight: 2 },
      { reward: "length", tokens: 2 },
    ],
    nowhere,
  );
  assert.deepEqual(await scoreCases(both, [said("yes", 2), said("no", 1)]), [3, 0.5]);
  const alone = await namedReward([{ reward: "word", word: "yes" }], nowhere);
  assert.deepEqual(alone.fingerprint, wordReward("yes").fingerprint);
  const refused = (named: object, why: RegExp) => assert.rejects(namedReward([named as never], nowhere), why);
  await refused({ reward: "wort", word: "yes" }, /reward/);
  await refused({ reward: "word", word: "yes", weigth: 2 }, /weigth/);
  await refused({ reward: "judge", rubric: "quality" }, /name one of them/);
  await refused({ reward: "judge", rubric: "quality", model: "a", local: "b" }, /name one of them/);
  await refused(
    { reward: "judge", rubric: "qualty", local: "b" },
    /no rubric qualty: .*Did you mean quality/,
  );
  await refused({ reward: "judge", rubric: "quality", local: "b" }, /no model here/);
});

const sailor = {
  personas: { assistant: { facts: ["I sail on the north sea."] }, user: { facts: ["I teach chemistry."] } },
};
const about = (completion: string, meta: object | undefined = sailor): RewardCase => ({
  ...said(completion),
  ...(meta && { about: { meta } }),
});

test("coverage is the share of the content words of who answers", async () => {
  const cases = ["I sail the North Sea!", "I sail, sail, sail.", "I teach chemistry.", ""].map((text) =>
    about(text),
  );
  assert.deepEqual(await scoreCases(coverageReward(), cases), [1, 1 / 3, 0, 0]);
});

test("own facts are paid for, the user's cost, none is neither", async () => {
  const cases = [
    "I sail the north sea.",
    "I teach chemistry!",
    "I sail on the north sea and teach chemistry.",
    "Hello!",
  ].map((text) => about(text));
  assert.deepEqual(await scoreCases(ownershipReward(), cases), [1, -1, 0, 0]);
});

test("where nothing is known of who answers, it is unscorable by rewards that look at that, and a row is told what it lacks", async () => {
  for (const reward of [coverageReward(), ownershipReward()]) {
    const without = about("I sail.", {});
    assert.match(
      ((await scoreCases(reward, [without]))[0] as { unscorable: string }).unscorable,
      /nothing is known/,
    );
    assert.match(reward.lacks!(without.about)!, /write it into the row: "meta": /);
    assert.equal(reward.lacks!(about("").about), undefined);
    assert.throws(() => reward.lacks!({ meta: { personas: [] } }), /meta\.personas: must be/);
    const sum = weightedReward([
      { reward: wordReward("a"), weight: 1 },
      { reward, weight: 1 },
    ]);
    assert.match(sum.lacks!(without.about)!, new RegExp(`^${reward.name}: nothing is known`));
    assert.equal(sum.lacks!(about("").about), undefined);
  }
});

test("a judge by a rubric is asked once a case, shown the conversation, and its answers are kept", async () => {
  const folder = mkdtempSync(join(tmpdir(), "rewards-"));
  try {
    const asked: string[] = [];
    const source: ChatSource = {
      name: "a judge",
      ask({ messages }) {
        asked.push(messages.at(-1)!.content);
        const usage = { promptTokens: 1, completionTokens: 1 };
        return Promise.resolve({
          text: '{"reason": "so", "score": 10}',
          finish: "stop",
          usage,
          fromCache: false,
        });
      },
    };
    const place = { ...nowhere, directory: folder, openModel: () => Promise.resolve(source) };
    const named = [{ reward: "judge", rubric: "adherence", local: "a model" }] as const;
    const messages = [
      { role: "system", content: "Be kind." },
      { role: "user", content: "Who are you?" },
      { role: "assistant", content: "A sailor." },
      { role: "user", content: "Where?" },
    ];
    const one: RewardCase = { ...said("North."), about: { messages, meta: sailor } };
    assert.deepEqual(await scoreCases(await namedReward(named, place), [one]), [1]);
    assert.match(
      asked[0]!,
      /I sail on the north sea.*the other: Who are you\?\nthe person: A sailor\.\nthe other: Where\?.*North\./s,
    );
    assert.doesNotMatch(asked[0]!, /Be kind/);
    assert.deepEqual(await scoreCases(await namedReward(named, place), [one]), [1]);
    assert.equal(asked.length, 1, "its answer is on disk");
    const judge = await namedReward(named, place);
    assert.match(judge.lacks!({ messages })!, /nothing is known of who answers/);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("the embedded judge rewards by name, if the card of just that judge lets it", async () => {
  const folder = mkdtempSync(join(tmpdir(), "embedded-"));
  after(() => rmSync(folder, { recursive: true }));
  const model = writeTinyChat(join(folder, "model"));
  const card = join(folder, "card.json");
  const named = [{ reward: "embedded", model, card }] as const;
  await assert.rejects(
    namedReward(named, nowhere),
    /embedded \(model\) may not reward or decide: nobody has measured it .*card\.json/,
  );
  const told = {
    places: 9,
    auc: { value: 0.8, low: 0.75, high: 0.9 },
    agreement: { value: 0.8, low: 0.7, high: 0.9 },
  };
  const judge = await openEmbeddedJudge({ model, card });
  const written = {
    ...{ judge: judge.name, fingerprint: judgeKey(judge), labels: "me", data: "mine", dialogues: 9 },
    ...{ unscorable: 0, contradicted: told, swapped: told, parts: {}, command: "npm run judge" },
  };
  writeFileSync(card, JSON.stringify(written));
  const reward = await namedReward(named, nowhere);
  const about = {
    meta: { personas: { assistant: { facts: ["I sail a boat."] }, user: { facts: ["I keep bees."] } } },
  };
  const asked = { prompt: "What do you do?", tokens: 5, ended: true };
  const [own, taken, unknown] = await scoreCases(reward, [
    { ...asked, completion: "I sail a boat.", about },
    { ...asked, completion: "I keep bees.", about },
    { ...asked, completion: "I sail a boat." },
  ]);
  assert.ok(
    typeof own === "number" && typeof taken === "number" && own > taken,
    `${JSON.stringify([own, taken])}`,
  );
  assert.deepEqual(unknown, {
    unscorable: "fit: fit is judged by what is known of the person, and nothing is",
  });
  assert.match(reward.lacks!({})!, /nothing is known of who answers/);
  writeFileSync(card, JSON.stringify({ ...written, swapped: { ...told, auc: { ...told.auc, low: 0.7 } } }));
  await assert.rejects(namedReward(named, nowhere), /swapped personas an AUC of 0\.80 \[0\.70, 0\.90\]/);
});

test("a reward that is handed in is named; one that nobody hands in is refused with those that there are", async () => {
  const mine = giving("mine", 0.5);
  const place: RewardPlace = { ...nowhere, given: { voice: mine } };
  assert.equal(await namedReward([{ reward: "given", name: "voice" }], place), mine);
  const both = await namedReward(
    [
      { reward: "given", name: "voice", weight: 2 },
      { reward: "word", word: "yes" },
    ],
    place,
  );
  assert.deepEqual(await scoreCases(both, [said("yes")]), [2]);
  await assert.rejects(
    namedReward([{ reward: "given", name: "voices" }], place),
    /nobody hands in a reward named voices: there are voice\. Did you mean voice\?/,
  );
  await assert.rejects(
    namedReward([{ reward: "given", name: "toString" }], nowhere),
    /toString: npm run train has none; a program gives them to runMethod/,
  );
});
