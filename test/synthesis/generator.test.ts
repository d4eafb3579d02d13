import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { embeddedModel } from "../../src/experiments/base";
import { modelAnswerer, tunedGenerator } from "../../src/synthesis/generator";
import type { Facts } from "../../src/synthesis/dialogues";
import { writeTinyChat } from "../chat/tiny-chat";
import { dialogue } from "./fakes";

const folder = mkdtempSync(join(tmpdir(), "generator-"));
after(() => rmSync(folder, { recursive: true }));
const model = writeTinyChat(join(folder, "model"));
const options = { seed: 3, steps: { first: 2, later: 1 }, maxNewTokens: 6 };
const pool = [0, 1, 2, 3].map((i) => dialogue(`${i}`, [["I eat."], ["I ski."]], "Hi.", "Ho.", `No ${i}.`));
const pairs: Facts[] = [
  [["I bake."], ["I sail."]],
  [["I sing."], ["I dig."]],
];

test("a tuned generator writes by what it learned alone, goes on from its last adapter, and learns nothing twice", async () => {
  const write = async () => {
    const generator = await tunedGenerator(model, options);
    const untrained = await generator.write(pairs, 2, 1);
    const seconds = [await generator.learn(pool, 1, join(folder, "learned"))];
    const first = await generator.write(pairs, 2, 1);
    seconds.push(await generator.learn(pool.slice(1), 2, join(folder, "learned")));
    return { untrained, first, second: await generator.write(pairs, 2, 1), seconds };
  };
  const once = await write();
  assert.deepEqual(
    once.first.map((texts) => texts.length),
    [2, 2],
  );
  for (const { usage, isCut } of once.first.flat()) {
    assert.ok(usage.completionTokens >= 1 && usage.completionTokens <= 6);
    assert.ok(isCut || usage.completionTokens <= 6);
    assert.ok(usage.promptTokens > 5);
  }
  assert.notDeepEqual(once.first, once.second);
  const runs = () => readdirSync(join(folder, "learned")).sort();
  assert.equal(runs().length, 4, "a folder and its rows for each iteration");
  const before = runs();
  assert.deepEqual(await write(), once, "found, with the seconds of the first time");
  assert.deepEqual(runs(), before);
});

test("an answerer answers each question by itself", async () => {
  const { answer } = await modelAnswerer(model);
  const asked = [
    { known: ["I eat."], query: "Who are you?" },
    { known: ["I ski."], query: "What now?" },
  ];
  const answers = await answer(asked, 5);
  assert.equal(answers.length, 2);
  assert.deepEqual(await answer(asked, 5), answers);
});

test("a model that reads and writes apart is no generator", async () => {
  await assert.rejects(
    tunedGenerator(embeddedModel, options),
    /dialogues are made by a causal model, and this is none/,
  );
});
