import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { findPart } from "../../src/corpus/spc/load";
import { readPart } from "../../src/corpus/spc/read";
import {
  describeStanding,
  type JudgeCard,
  judgeKey,
  readCard,
  requireDecides,
  standingOf,
} from "../../src/judges/card";
import type { Judge, JudgeCase } from "../../src/judges/case";
import { heldOutPlaces } from "../../src/judges/held-out";
import { measureJudge } from "../../src/judges/measure";

const folder = mkdtempSync(join(tmpdir(), "cards-"));
after(() => rmSync(folder, { recursive: true }));
const path = join(folder, "card.json");
const write = (value: unknown) => writeFileSync(path, JSON.stringify(value));

const judging = (score: (one: JudgeCase) => number | undefined, name = "a judge"): Judge => ({
  ...{ name, scale: [0, 1], fingerprint: name },
  judge: (one) => {
    const given = score(one);
    return Promise.resolve(
      given === undefined ? { unscorable: "no idea" } : { score: given, reason: "because" },
    );
  },
});
const dialogues = readPart(findPart(join(__dirname, "../../data/sample"), "test"), "test").rows;
const heldOut = heldOutPlaces(dialogues);
const { places } = heldOut;
const measure = (judge: Judge, parts: Judge[] = []) =>
  measureJudge(judge, heldOut, { data: "the sample", command: "npm run judge", parts });
const right = new Set(places.map((place) => place.right));

describe("held-out places", () => {
  test("are what was said, the same under another persona, and a contradiction, in one place", () => {
    assert.ok(places.length >= 100);
    assert.equal(new Set(places.map(({ dialogue }) => dialogue)).size, 24);
    for (const { dialogue: id, right, swapped, contradicted } of places) {
      const dialogue = dialogues.find((one) => one.id === id)!;
      assert.deepEqual(right.history, contradicted.history);
      assert.deepEqual({ ...right, persona: 0 }, { ...swapped, persona: 0 });
      assert.ok(dialogue.personas.some(({ facts }) => facts === right.persona!.facts));
      assert.ok(!dialogue.personas.some(({ facts }) => facts === swapped.persona!.facts));
      assert.equal(right.persona, contradicted.persona);
      assert.notEqual(right.answer, contradicted.answer);
      assert.equal(right.history.at(-1)!.by, "other");
    }
    assert.deepEqual(heldOutPlaces(dialogues), heldOut);
    assert.notDeepEqual(heldOutPlaces(dialogues, { seed: 14 }), heldOut);
  });

  test("contradictions are about as long as what was said, so that length tells nothing", () => {
    const words = (text: string) => text.split(/\s+/).length;
    const [said, written] = (["right", "contradicted"] as const).map(
      (kind) => places.reduce((sum, place) => sum + words(place[kind].answer), 0) / places.length,
    ) as [number, number];
    assert.ok(Math.abs(said - written) < 2, `${said} ${written}`);
  });

  test("of other dialogues are refused, by the file's name", () => {
    assert.throws(
      () => heldOutPlaces(dialogues.slice(1)),
      /contradictions\.json holds no .*no dialogue test-1$/,
    );
    const one = { dialogue: "test-1", turn: 4, fact: "I sail.", answer: "No." };
    for (const [change, says] of [
      [{}, /turn 4 of test-1 has no fact "I sail\."/],
      [{ turn: 999 }, /test-1 has no turn 999/],
      [{ answer: " " }, /answer/],
    ] as const) {
      write({ madeBy: "me", licence: "CC0-1.0", contradictions: [{ ...one, ...change }] });
      assert.throws(() => heldOutPlaces(dialogues, { path }), says);
    }
  });
});

describe("the card of a judge", () => {
  test("of one who knows is 1, of one who is blind a half, of one who refuses 0", async () => {
    const knows = await measure(judging((one) => Number(right.has(one))));
    const blind = await measure(judging(() => 0.5));
    const refuses = await measure(judging(() => undefined));
    for (const [card, value] of [
      [knows, 1],
      [blind, 0.5],
      [refuses, 0],
    ] as const)
      for (const kind of ["contradicted", "swapped"] as const)
        for (const measured of [card[kind].auc, card[kind].agreement])
          assert.deepEqual(measured, { value, low: value, high: value });
    assert.equal(refuses.unscorable, 3 * places.length);
    assert.equal(knows.unscorable, 0);
    assert.equal(knows.dialogues, 24);
    assert.match(knows.labels, /by no person/);
  });

  test("tells of each kind and each part by itself, with intervals", async () => {
    const contradictions = new Set(places.map(({ contradicted }) => contradicted));
    const half = judging((one) => Number(!contradictions.has(one)), "half");
    // Right in two thirds of the places, by the dialogue's number.
    const at = new Map(places.flatMap((place, i) => Object.values(place).map((one) => [one, i] as const)));
    const often = judging(
      (one) => (at.get(one)! % 3 === 0 ? Number(!right.has(one)) : Number(right.has(one))),
      "often",
    );
    const card = await measure(half, [often]);
    assert.equal(card.contradicted.auc.value, 1);
    assert.equal(card.swapped.auc.value, 0.5);
    const { value, low, high } = card.parts["often"]!.swapped;
    assert.ok(low < value && value < high && low > 0.3 && high < 0.7, JSON.stringify(card.parts));
    const { agreement } = (await measure(often)).swapped;
    assert.ok(Math.abs(agreement.value - 2 / 3) < 0.01 && agreement.low < 0.66 && agreement.high > 0.67);
    assert.deepEqual(await measure(half, [often]), card);
  });

  test("is read again as it was written, and what is none is refused by its name", async () => {
    const card = await measure(judging(() => 0.5));
    write(card);
    assert.deepEqual(readCard(path), card);
    write({ ...card, fingerprint: "x" });
    assert.throws(() => readCard(path), /card\.json is no card of a judge: .*fingerprint/);
  });
});

const card = (contradicted: number, swapped: number, judge = judging(() => 1)): JudgeCard => {
  const told = (low: number) => ({
    places: 9,
    auc: { value: low + 0.1, low, high: low + 0.2 },
    agreement: { value: 0.9, low: 0.8, high: 1 },
  });
  return {
    ...{
      judge: judge.name,
      fingerprint: judgeKey(judge),
      labels: "me",
      data: "mine",
      dialogues: 5,
      unscorable: 0,
    },
    ...{ contradicted: told(contradicted), swapped: told(swapped), parts: {}, command: "npm run judge" },
  };
};

describe("a judge decides only as far as its card says", () => {
  const judge = judging(() => 1);
  const standing = (of: JudgeCard | undefined) => {
    if (of) write(of);
    else rmSync(path, { force: true });
    return { name: judge.name, standing: standingOf(judge, path) };
  };

  test("that is, above 0.7 for both kinds of wrong answers", () => {
    requireDecides(standing(card(0.71, 0.7001)));
    for (const [contradicted, swapped, says] of [
      [0.7, 0.9, /contradictions an AUC of 0\.80 \[0\.70, 0\.90\]: the lower limit must be above 0\.7/],
      [0.9, 0.6, /swapped personas an AUC of 0\.70 \[0\.60, 0\.80\]/],
      [0.2, 0.3, /contradictions an AUC of .* and for swapped personas/],
    ] as const)
      assert.throws(
        () => requireDecides(standing(card(contradicted, swapped))),
        (error: Error) =>
          says.test(error.message) &&
          /a judge may not reward or decide/.test(error.message) &&
          /To have it decide, take a model that was tuned .* npm run judge/.test(error.message),
      );
  });

  test("and not at all without one, or with that of another", () => {
    assert.throws(
      () => requireDecides(standing(undefined)),
      /nobody has measured it \(there is no .*card\.json\).*measure it with npm run judge/,
    );
    assert.throws(
      () =>
        requireDecides(
          standing(
            card(
              0.9,
              0.9,
              judging(() => 1, "another"),
            ),
          ),
        ),
      /card of another one/,
    );
  });

  test("one that need not be measured is let pass", () => {
    requireDecides(judge);
    assert.match(describeStanding(judge), /was not measured/);
  });

  test("tables say how well it judges, and whose labels these are", () => {
    assert.equal(
      describeStanding(standing(card(0.6, 0.75))),
      "Judged by a judge. On held-out answers of 5 dialogues, with 95 % intervals: contradictions AUC 0.70 [0.60, 0.80], agreement with " +
        "the labels 0.90 [0.80, 1.00] (9 pairs); swapped personas AUC 0.85 [0.75, 0.95], agreement with the labels 0.90 [0.80, 1.00] (9 pairs). Labels: me.",
    );
    assert.match(describeStanding(standing(undefined)), /nobody has measured \(there is no/);
  });
});
