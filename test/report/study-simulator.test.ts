import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { closeBrowser } from "../../src/figures/page";
import { saveFigure } from "../../src/figures/save";
import { writeJson } from "../../src/io/files";
import { checkTrace } from "../../src/paper/trace";
import { writeStudyReport } from "../../src/report/studies";
import { characterFigure } from "../../src/simulator/character";

const outputs = mkdtempSync(join(tmpdir(), "simulator-report-"));
after(async () => {
  await closeBrowser();
  rmSync(outputs, { recursive: true });
});
const notebook = "08-persona-simulator";
const left = (name: string, value: unknown) => writeJson(join(outputs, notebook, name), value);

const interval = (value: number) => ({ value, low: value - 0.1, high: value + 0.1 });
const players = ["base", "SFT", "RL", "no KL", "another persona's", "written"];
const rows = (judges: readonly string[]) =>
  players.map((player, i) => ({
    ...{ player, turns: 48, words: 10 + i, distinct2: 0.8 },
    means: Object.fromEntries(judges.map((judge, j) => [judge, interval(0.2 + 0.1 * i + 0.01 * j)])),
  }));
const paired = (pair: string, judge: string, difference: number, verdict: string) => ({
  ...{
    "a − b": pair,
    judge,
    difference,
    low: difference - 0.05,
    high: difference + 0.05,
    places: 48,
    verdict,
  },
});

test("the report has what the notebook found, each number from its file, on four pages at most", async (t) => {
  left("scores.json", {
    ...{ places: 48, slowPlaces: 24 },
    fast: rows(["named", "adherence", "consistency", "safety", "rewarding voice"]),
    slow: rows(["quality", "embedded"]),
  });
  left("paired.json", [
    paired("SFT − base", "named", 0.321, "a is higher"),
    paired("RL − SFT", "adherence", 0.777, "a is higher"),
  ]);
  left("reinforced.json", {
    ...{ persona: "playful", places: 40, players: rows(["named", "adherence", "rewarding voice"]) },
    paired: [
      paired("RL − SFT", "adherence", 0.111, "a is higher"),
      paired("RL − SFT", "rewarding voice", 0.4, "none: this judge rewarded"),
      paired("RL − SFT", "quality", -0.222, "a is lower"),
      paired("no KL − SFT", "adherence", 0.01, "no difference shown"),
    ],
  });
  const auc = { swapped: { auc: interval(0.9) }, contradicted: { auc: interval(0.8) } };
  left("card-voice.json", auc);
  left("card-embedded.json", auc);
  left("dialogues.json", [{ persona: "playful", dialogues: 40, topics: 40, turns: 253, meanWords: 16 }]);
  left("learned.json", [
    ["β = 0.1", 1.2],
    ["β = 0", 34.5],
  ].map(([run, kl]) => ({
    ...{ run, "reward, first": 0, "reward, last": 0.5 },
    ...{ "KL, nats a completion, last": kl, "tokens a completion, last": 20 },
  }))); // prettier-ignore
  left("costs.json", {
    costs: {
      ...{ minutes: 1.5, "tokens a second": 1234, "adapter file, bytes": 3.8e6 },
      ...{ "larger: hours for as many tokens": 150, "larger: bytes held": 8e9 },
    },
  });
  left("slopes.json", [
    {
      ...{ player: "RL", "turns 1–3": 0.5, "4–7": 0.4, "8 and later": 0.3 },
      ...{ "slope a turn": -0.02, low: -0.03, high: -0.01 },
    },
  ]);
  const curve = { player: "RL", turns: [{ turn: 1, ...interval(0.5) }, { turn: 2, ...interval(0.4) }] }; // prettier-ignore
  await saveFigure(
    characterFigure([{ ...curve, slope: undefined }], { title: "t", caption: "c", y: "adherence" }),
    join(outputs, notebook, "character"),
  );
  const paper = await writeStudyReport({ outputs, notebook });
  const folder = join(outputs, `report-${notebook}`);
  assert.deepEqual(paper.trace.missing, []);
  assert.deepEqual(checkTrace(join(folder, "numbers.json"), outputs), []);
  const text = readFileSync(join(folder, `report-${notebook}.html`), "utf8")
    .replace(/<[^>]+>/g, "")
    .replace(/\s+/g, " ");
  assert.match(
    text,
    /show of reinforcement beside supervision: adherence rises by \+0\.111 \[\+0\.061, \+0\.161\] and quality falls by −0\.222/,
  );
  assert.doesNotMatch(text, /rewarding voice rises|0\.777/);
  assert.match(text, /Rewarded are the prompts of: playful\./);
  assert.match(text, /bounds in 40 places where RL was rewarded/);
  assert.match(
    text,
    /No judge that did not reward shows a difference between reinforcement without a penalty/,
  );
  assert.match(text, /moves the model 34\.5 nats a completion away, with it 1\.2/);
  if (paper.pages.length === 0) return t.skip("there is no browser: pages were not looked at");
  assert.ok(paper.pages.length <= 4, `${paper.pages.length} pages`);
  assert.deepEqual(paper.warnings, []);
});
