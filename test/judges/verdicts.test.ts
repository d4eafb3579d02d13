import assert from "node:assert/strict";
import { afterEach, test } from "node:test";
import type { Judge, JudgeCase } from "../../src/judges/case";
import { showVerdicts, verdictRows } from "../../src/judges/verdicts";

const log = console.log;
afterEach(() => (console.log = log));
const judge: Judge = {
  ...{ name: "a judge", scale: [0, 1], fingerprint: 1 },
  judge: ({ answer }) =>
    Promise.resolve(
      answer === "?" ? { unscorable: "no idea" } : { score: answer.length / 100, reason: `<b>${answer}</b>` },
    ),
};
const cases = Array.from({ length: 50 }, (_, i): JudgeCase => ({
  persona: { facts: ["I sail.", "I knit."] },
  history: [{ by: "other", text: "Hm\u202e" }],
  answer: "a".repeat(i + 1),
}));

test("twenty verdicts are drawn, in the order of the cases, the same with the same seed", async () => {
  const rows = await verdictRows(judge, cases);
  assert.equal(rows.length, 20);
  const lengths = rows.map(({ answer }) => answer.length);
  assert.deepEqual(
    lengths,
    [...lengths].sort((a, b) => a - b),
  );
  assert.equal(new Set(lengths).size, 20);
  assert.deepEqual(await verdictRows(judge, cases), rows);
  assert.notDeepEqual(await verdictRows(judge, cases, { seed: 14 }), rows);
  assert.deepEqual(await verdictRows(judge, [{ history: [], answer: "?" }, cases[4]!], { count: 5 }), [
    { facts: "", before: "", answer: "?", score: undefined, reason: "unscorable: no idea" },
    { facts: "I sail. I knit.", before: "Hm", answer: "aaaaa", score: 0.05, reason: "<b>aaaaa</b>" },
  ]);
});

test("they are shown under what is known of the judge", async () => {
  const printed: string[] = [];
  console.log = (text: string) => void printed.push(text);
  await showVerdicts(judge, cases, { count: 2 });
  assert.match(
    printed.join("\n"),
    /^Judged by a judge, which was not measured on labelled answers\.\nfacts +before +answer +score +reason/,
  );
});
