import assert from "node:assert/strict";
import { test } from "node:test";
import { characterCurves } from "../../src/simulator/character";
import {
  failureRows,
  meanOverDialogues,
  type PairedRow,
  pairedRows,
  personaRows,
  playerRows,
  reinforcedSentence,
  worstTurns,
} from "../../src/simulator/compared";
import { type ScoredTurn, scoreTurns, type SaidTurn } from "../../src/simulator/scored";
import { twoPersonas } from "./few-records";

const [playful, engineer] = twoPersonas;
const turn = (player: string, dialogue: string, number: number, score: number | undefined): ScoredTurn => ({
  ...{ player, dialogue, turn: number, topic: "tea", history: [] },
  persona: dialogue.startsWith("p") ? playful! : engineer!,
  answer: `${player} says ${number}`,
  scores: { voice: score, other: score },
});
const ofPlayer = (player: string, scores: readonly (number | undefined)[]) =>
  scores.map((score, i) => turn(player, `${i < 2 ? "p" : "e"}${i}`, 1, score));

test("scores are moved to 0–1, and what a judge cannot tell is none", async () => {
  const judge = (name: string, verdict: object, scale: [number, number]) => ({
    ...{ name, scale, fingerprint: name },
    judge: () => Promise.resolve(verdict as never),
  });
  const said: SaidTurn = { ...turn("sft", "p1", 1, 0) };
  const [scored] = await scoreTurns(
    {
      wide: judge("wide", { score: 0.5, reason: "" }, [-1, 1]),
      mute: judge("mute", { unscorable: "no" }, [0, 1]),
    },
    [said],
  );
  assert.deepEqual(scored!.scores, { wide: 0.75, mute: undefined });
});

test("means are over turns, intervals over dialogues: turns of one dialogue are drawn together", () => {
  const one = Array.from({ length: 40 }, (_, i) => ({ dialogue: i < 20 ? "a" : "b" }));
  const values = one.map(({ dialogue }) => (dialogue === "a" ? 1 : 0));
  const { value, low, high } = meanOverDialogues(one, values)!;
  assert.deepEqual([value, low, high], [0.5, 0, 1]);
  const alone = meanOverDialogues(
    one.map((_, i) => ({ dialogue: String(i) })),
    values,
  )!;
  assert.ok(alone.low > 0.3 && alone.high < 0.7);
  assert.equal(meanOverDialogues([{ dialogue: "a" }], [undefined]), undefined);
});

test("players have means, words and variety; personas means and deviations", () => {
  const scored = [...ofPlayer("base", [0, 0.5, 0.1, 0.3]), ...ofPlayer("sft", [0.5, undefined, 0.5, 1])];
  const [base, sft] = playerRows(scored, ["voice"]);
  assert.equal(base!.player, "base");
  assert.ok(Math.abs(base!.means["voice"]!.value - 0.225) < 1e-12);
  assert.equal(base!.words, 3);
  assert.ok(Math.abs(base!.distinct2 - 2 / 8) < 1e-12);
  assert.ok(Math.abs(sft!.means["voice"]!.value - 2 / 3) < 1e-12);
  const rows = personaRows(scored, "sft", ["voice"]);
  assert.deepEqual(
    rows.map(({ persona, turns }) => [persona, turns]),
    [
      ["playful", 1],
      ["terse_engineer", 2],
    ],
  );
  assert.ok(Math.abs(rows[1]!.mean - 0.75) < 1e-12);
  assert.ok(Math.abs(rows[1]!.deviation - 0.25) < 1e-12);
});

test("players are compared place by place, and the judge that rewarded one of them decides nothing about it", () => {
  const base = ofPlayer("base", [0.1, 0.2, 0.3, 0.2]);
  const better = ofPlayer("rl", [0.5, 0.7, 0.7, undefined]);
  const rows = pairedRows(
    [...base, ...better],
    [
      ["rl", "base"],
      ["base", "base"],
    ],
    ["voice", "other"],
    { rewarded: { judges: ["voice"], players: ["rl"] } },
  );
  assert.deepEqual(
    rows.map(({ judge, places, verdict }) => [judge, places, verdict]),
    [
      ["voice", 3, "none: this judge rewarded"],
      ["other", 3, "a is higher"],
      ["voice", 4, "no difference shown"],
      ["other", 4, "no difference shown"],
    ],
  );
  assert.ok(Math.abs(rows[0]!.difference - 1.3 / 3) < 1e-12);
  const lower = pairedRows([...base, ...better], [["base", "rl"]], ["voice"])[0]!;
  assert.equal(lower.verdict, "a is lower");
});

test("players that were asked elsewhere are not compared", () => {
  const scored = [...ofPlayer("base", [0.1, 0.2]), ...ofPlayer("sft", [0.1, 0.2, 0.3])];
  assert.throws(() => pairedRows(scored, [["sft", "base"]], ["voice"]), /were not asked in the same places/);
  assert.throws(() => pairedRows(scored, [["sft", "rl"]], ["voice"]), /rl said nothing/);
});

test("the worst turns of each persona come first, and what has no score is not among them", () => {
  const scored = ofPlayer("sft", [0.5, undefined, 0.9, 0.1, 0.4]);
  assert.deepEqual(
    worstTurns(scored, "sft", "voice", 2).map(({ persona, scores }) => [persona.id, scores["voice"]]),
    [
      ["playful", 0.5],
      ["terse_engineer", 0.1],
      ["terse_engineer", 0.4],
    ],
  );
});

test("failures are counted with the most that they may be", () => {
  const [row] = failureRows(ofPlayer("sft", [1, 1, 0, undefined]), "voice");
  assert.deepEqual([row!["turns"], row!["failed"]], [3, 1]);
  assert.ok(Number(row!["at most, 95 %"]) > 0.7);
});

test("character over turns: a mean of each turn, and the mean slope of the conversations", () => {
  const falling = [0.9, 0.7, 0.5].map((score, i) => turn("sft", "p1", i + 1, score));
  const rising = [0.1, 0.2, undefined, 0.4].map((score, i) => turn("sft", "e1", i + 1, score));
  const [curve] = characterCurves([...falling, ...rising], "voice");
  assert.deepEqual(
    curve!.turns.map(({ turn, value }) => [turn, Number(value.toFixed(6))]),
    [
      [1, 0.5],
      [2, 0.45],
      [3, 0.5],
      [4, 0.4],
    ],
  );
  assert.ok(Math.abs(curve!.slope!.value - (-0.2 + 0.1) / 2) < 1e-9);
  assert.equal(characterCurves([turn("sft", "p1", 1, 0.5)], "voice")[0]!.slope, undefined);
});

test("the sentence on reinforcement goes by the judges that did not reward", () => {
  const row = (judge: string, verdict: PairedRow["verdict"], pair = "RL − SFT"): PairedRow => ({
    ...{ "a − b": pair, judge, verdict },
    ...{ difference: 0.1, low: 0, high: 0.2, places: 4 },
  });
  const rewarding = row("rewarding voice", "none: this judge rewarded");
  assert.equal(
    reinforcedSentence([
      row("named", "no difference shown"),
      rewarding,
      row("safety", "a is higher", "SFT − base"),
    ]),
    "No judge that did not reward shows RL better than SFT.",
  );
  assert.equal(
    reinforcedSentence([
      row("named", "a is higher"),
      row("adherence", "a is higher"),
      row("safety", "a is lower"),
    ]),
    "RL is better than SFT by: named, adherence. Worse by: safety.",
  );
});
