import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import type { ChatRequest, ChatSource } from "../../src/chat-api/source";
import { askedExpert, expertRubrics } from "../../src/synthesis/experts";
import { askedGenerator } from "../../src/synthesis/generator";
import { induceQueries, readQueries } from "../../src/synthesis/queries";
import { simpleTokens } from "../../src/text/characters";
import { dialogue } from "./fakes";

function source(answer: (request: ChatRequest) => string): ChatSource & { asked: ChatRequest[] } {
  const asked: ChatRequest[] = [];
  return {
    name: "larger",
    asked,
    ask(request) {
      asked.push(request);
      const usage = { promptTokens: 7, completionTokens: 5 };
      return Promise.resolve({ text: answer(request), finish: "stop", usage, fromCache: false });
    },
  };
}

test("our questions are sixty, all different, and ask", () => {
  const queries = readQueries();
  assert.equal(queries.length, 60);
  assert.equal(new Set(queries.map((query) => simpleTokens(query).join(" "))).size, 60);
  for (const query of queries) assert.match(query, /^[A-Z].*\?$/);
});

test("questions of a file stand one a line; remarks and empty lines are none", () => {
  const folder = mkdtempSync(join(tmpdir(), "queries-"));
  try {
    writeFileSync(join(folder, "own.txt"), "# mine\r\nWho are you?\r\n\r\n  Why?  \n");
    assert.deepEqual(readQueries(join(folder, "own.txt")), ["Who are you?", "Why?"]);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("a larger model induces a question of each cluster and makes up more; equal ones count once", async () => {
  const answers = ["Do you bake?", "do you bake", "Do you sail?", "no JSON", "no JSON"];
  const larger = source(({ messages }) => {
    if (messages.length > 1) return "no JSON";
    const text = answers.shift()!;
    return text === "no JSON" ? text : JSON.stringify({ question: text });
  });
  const clusters = [["I bake.", "I bake rye.", "I bake oat.", "I bake corn."], ["I sail."]];
  assert.deepEqual(await induceQueries(larger, clusters, { seed: 1, more: 2 }), [
    "Do you bake?",
    "Do you sail?",
  ]);
  const [first] = larger.asked;
  assert.equal(first!.messages[0]!.content.match(/^- I bake/gm)!.length, 3, "three of a cluster are shown");
  assert.match(larger.asked[2]!.messages[0]!.content, /- Do you bake\?/);
});

test("a larger model writes for a pair after five dialogues of the pool with their profiles", async () => {
  const pool = Array.from({ length: 7 }, (_, i) =>
    dialogue(`${i}`, [[`I own ${i} cats.`], ["I sail."]], `Hello ${i}.`, "Hi."),
  );
  const larger = source(() => "User 1: Hi.\nUser 2: Hello.");
  const generator = askedGenerator(larger, { maxNewTokens: 99 });
  assert.equal(await generator.learn(pool, 1, ""), 0);
  const written = await generator.write([[["I bake."], ["I ski."]]], 2, 3);
  assert.deepEqual(written, [
    Array.from({ length: 2 }, () => ({
      text: "User 1: Hi.\nUser 2: Hello.",
      isCut: false,
      usage: { promptTokens: 7, completionTokens: 5 },
    })),
  ]);
  const [one, two] = larger.asked;
  assert.equal(one!.messages[0]!.content.match(/Hello \d\./g)!.length, 5);
  assert.match(
    one!.messages[0]!.content,
    /User 1:\n- I bake\.\nUser 2:\n- I ski\.\n\nWrite a natural conversation/,
  );
  assert.notEqual(one!.seed, two!.seed, "candidates are different requests");
});

test("a larger model votes in both orders, and a favoured place is a tie", async () => {
  const rubric = expertRubrics[0]!;
  const facts: [string[], string[]] = [["I bake."], ["I ski."]];
  const [deep, flat] = [dialogue("deep", facts, "The sea, the sea!"), dialogue("flat", facts, "Hm.")];
  const knowing = source(({ messages }) => {
    const shown = messages.at(-1)!.content;
    return JSON.stringify({
      reason: "r",
      better: shown.indexOf("The sea") < shown.indexOf("Hm.") ? "A" : "B",
    });
  });
  assert.equal(await askedExpert(knowing, rubric).vote(deep, flat), "first");
  assert.equal(await askedExpert(knowing, rubric).vote(flat, deep), "second");
  assert.equal(knowing.asked.length, 4, "both orders each");
  const partial = source(() => JSON.stringify({ reason: "r", better: "A" }));
  assert.equal(await askedExpert(partial, rubric).vote(deep, flat), "tie");
});
