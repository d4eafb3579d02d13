import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { besideOneAnother, makeByAnother } from "../../src/synthesis/beside";
import { formCritic } from "../../src/synthesis/critics";
import type { Facts } from "../../src/synthesis/dialogues";
import type { Iteration } from "../../src/synthesis/iterate";
import { writeTinyChat } from "../chat/tiny-chat";
import { dialogue } from "./fakes";

const folder = mkdtempSync(join(tmpdir(), "beside-"));
after(() => rmSync(folder, { recursive: true }));

const facts: Facts = [["I bake bread."], ["I sail boats."]];

test("generators stand beside one another, a row each, with what they cost and how good what they kept is", () => {
  const candidate = (id: string, ...said: string[]) => ({
    dialogue: dialogue(id, [[...facts[0]], [...facts[1]]], ...said),
    usage: { promptTokens: 9, completionTokens: 30 },
    reasons: {},
  });
  const iteration = (...pairs: Iteration["pairs"]): Iteration => ({
    ...{ iteration: 1, learned: { dialogues: 4, made: 0 }, pairs },
    seconds: { learning: 2, writing: 3, judging: 1 },
  });
  const good = candidate("a", "I bake bread.", "I sail boats.");
  const bad = candidate("b", "I sail boats.", "So so so so.");
  const rows = besideOneAnother(
    [
      {
        generator: { name: "small" },
        iterations: [
          iteration({ candidates: [bad, good], votes: [], kept: 0 }),
          iteration({ candidates: [bad], votes: [], kept: null }),
        ],
      },
      { generator: { name: "larger" }, iterations: [iteration({ candidates: [good], votes: [], kept: 0 })] },
      { generator: { name: "mute" }, iterations: [iteration({ candidates: [bad], votes: [], kept: null })] },
    ],
    { resamples: 20 },
  );
  assert.deepEqual(
    rows.map((row) => [row.generator, row.candidates, row.kept, row["tokens written a kept one"]]),
    [
      ["small", 3, 1, 90],
      ["larger", 1, 1, 30],
      ["mute", 1, 0, null],
    ],
  );
  assert.deepEqual(
    rows.map((row) => [row["seconds learning"], row["seconds writing"]]),
    [
      [4, 6],
      [2, 3],
      [2, 3],
    ],
  );
  const own = rows.map((row) => (row as Record<string, unknown>)["facts said by their own speaker"]);
  assert.deepEqual(own, [0, 1, undefined]);
  assert.equal((rows[1] as Record<string, unknown>)["facts said by their own speaker, 95 %"], "[1.00, 1.00]");
});

test("another model makes dialogues of the same pairs in the same folder, and nothing of the first is taken for its own", async () => {
  const making = {
    ...{ directory: join(folder, "making"), seed: 3, iterations: 1, candidates: 2, learnFrom: 3 },
    ...{ pairs: [facts], critics: [formCritic], experts: [] },
    seeds: [0, 1, 2, 3].map((i) => dialogue(`${i}`, [["I eat."], ["I ski."]], "Hi.", "Ho.", `No ${i}.`)),
  };
  const tuned = { seed: 3, steps: { first: 1, later: 1 }, maxNewTokens: 4 };
  assert.deepEqual(await makeByAnother("", making, tuned), []);
  const small = await makeByAnother(writeTinyChat(join(folder, "small")), making, tuned);
  const learned = () => readdirSync(join(folder, "making", "learned")).length;
  const before = learned();
  // The same weights with more positions are another model.
  const model = writeTinyChat(join(folder, "larger"), { maxPositions: 4096 });
  const larger = await makeByAnother(model, making, tuned);
  assert.equal(learned(), 2 * before, "it learns from the same rows by itself");
  assert.deepEqual(
    besideOneAnother([...small, ...larger], { resamples: 20 }).map(({ generator, candidates }) => [
      generator,
      candidates,
    ]),
    [
      ["small, tuned", 2],
      ["larger, tuned", 2],
    ],
  );
});
