import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import {
  alignedVariant,
  askedAs,
  askedTurns,
  tellGold,
  tellHistory,
  tellPersona,
  tellSelected,
} from "../../src/alignment/answers";
import { answerRowsOf, mixtureRows } from "../../src/alignment/mixture";
import { preferencePairs, writePreferencePairs } from "../../src/alignment/preferences";
import { answerPrompt, answerTarget, type PromptOptions } from "../../src/alignment/prompts";
import { labelFacts } from "../../src/alignment/scores";
import { selectFacts, selections } from "../../src/alignment/select";
import { trainPreferences, trainSupervised, type TrainedStage } from "../../src/alignment/stages";
import { type AnsweringModel, answeringSettings, openTrained } from "../../src/experiments/methods/answering";
import { runMethod } from "../../src/experiments/methods/run";
import { sft } from "../../src/experiments/methods/sft";
import { readRows } from "../../src/corpus/rows";
import { writeTinyChat } from "../chat/tiny-chat";
import { nearlyRight, row, sayingScorer } from "./tiny";

// Each of the eight defects of PAL's released code (https://github.com/kylokano/PAL) is shown to be absent here. What it did is kept as
// a named option where its numbers are to be compared.
const folder = mkdtempSync(join(tmpdir(), "defects-"));
after(() => rmSync(folder, { recursive: true }));
const prompts: PromptOptions = { form: "chat", historyTurns: 3 };
const settings = answeringSettings({ maxNewTokens: 4 });
const rows = Array.from({ length: 6 }, (_, i) =>
  row({
    id: `row ${i}`,
    dialogue: String(i),
    label: i % 3 === 2 ? null : i % 3,
    response: `Aye ${"abcdef"[i]!}`,
  }),
);
let tiny: string;
let stage1: TrainedStage;
let model: AnsweringModel;
before(async () => {
  tiny = writeTinyChat(join(folder, "model"));
  stage1 = await trainSupervised("mixture", mixtureRows(rows, prompts), {
    ...{ model: tiny, directory: folder, mixture: { select: 1, grounded: 1, ungrounded: 1 } },
    settings: { maxSteps: 4, batchSize: 3, rank: 4, alpha: 8, learningRate: 0.01, seed: 1 },
  });
  model = await openTrained(stage1.output);
});
after(() => model.base.checkpoint.close());

const pairsOf = (of: typeof rows) => preferencePairs(of, { model, settings, prompts, tell: tellGold });
/** Which fact a prompt says that the answer rests on. */
const restsOn = (input: string) => /rests on this: (.*?)<\|im_end\|>/.exec(input)?.[1];

test("(a) to select as the labels say, and then generate, is there: the prompt has the label's fact", async () => {
  const answered = await alignedVariant("gold", model, tellGold, { settings, prompts }).generate(
    askedTurns(rows),
  );
  assert.deepEqual(
    answered.map(({ input }) => restsOn(input)),
    rows.map(({ label, persona }) => (label === null ? undefined : persona[label as number])),
  );
});

test("(b) predicted selections are what is generated with, also where they are wrong", async () => {
  const wrong = new Map(rows.map(({ id, label }) => [id, label === 2 ? 0 : 2]));
  const answered = await alignedVariant("predicted", model, tellSelected(wrong), {
    settings,
    prompts,
  }).generate(askedTurns(rows));
  assert.deepEqual(
    answered.map(({ input }) => restsOn(input)),
    rows.map(({ persona }) => persona[2]),
  );
  assert.throws(() => tellSelected(new Map())(rows[0]!), /nothing was selected for row 0/);
  assert.throws(() => tellGold({ ...rows[0]!, label: undefined as never }), /row 0 has no label/);
});

test("(c) rows that share a prompt keep a pair each", async () => {
  const twins = [row({ id: "one", response: "I teach." }), row({ id: "two", response: "At a school." })];
  const pairs = await pairsOf(twins);
  assert.deepEqual(pairs[0]!.prompt, pairs[1]!.prompt);
  assert.deepEqual(
    pairs.map(({ chosen }) => (chosen as readonly { content: string }[])[0]!.content),
    ["I teach.", "At a school."],
  );
});

test("(d) stage 2 is held to the model of stage 1, where its rewards begin at 0; the untuned base is the released option", async () => {
  const { path } = await writePreferencePairs(join(folder, "pairs.jsonl"), rows, {
    ...{ model, settings, prompts, tell: tellGold },
  });
  const options = {
    ...{ model: tiny, directory: folder, from: stage1.output },
    settings: { maxSteps: 1, batchSize: 3, learningRate: 1e-3, seed: 1 },
  };
  const held = await trainPreferences("dpo", path, options);
  const released = await trainPreferences("dpo-released", path, { ...options, reference: "released" });
  const margin = ({ log }: TrainedStage) => Math.abs(log[0]!.metrics!["rewards/margins"]!);
  assert.ok(margin(held) < 1e-4, String(margin(held)));
  assert.ok(margin(released) > 1e-3, String(margin(released)));
});

test("(e) rows that need no fact are filtered from those that are answered with one; all are the released option", () => {
  const grounded = (filter?: "released") =>
    mixtureRows(rows, { ...prompts, ...(filter && { filter }) }).filter(
      ({ meta }) => meta.task === "grounded",
    );
  assert.deepEqual(
    grounded().map(({ meta }) => meta["row"]),
    ["row 0", "row 1", "row 3", "row 4"],
  );
  assert.equal(grounded("released").length, 6);
  const tasks = (task: string) => mixtureRows(rows, prompts).filter(({ meta }) => meta.task === task);
  assert.equal(tasks("select").length, 6);
  assert.deepEqual(
    tasks("ungrounded").map(({ meta }) => meta["row"]),
    ["row 2", "row 5"],
  );
  assert.equal(answerRowsOf(rows, prompts).length, 6);
});

test("(f) pairs are made of training rows alone", async () => {
  await assert.rejects(
    pairsOf([rows[0]!, { ...rows[1]!, split: "valid" }]),
    /row 1 is of the split valid: pairs are made of training rows alone/,
  );
});

test("(g) a C.score is of the rows' facts and answers, whatever their prompts look like", async () => {
  const scorer = sayingScorer(() => "entailment");
  const answer = "1. Personality: person2: I teach.";
  await labelFacts({ scorer, measured: nearlyRight }, [{ row: rows[0]!, answer }]);
  assert.deepEqual(
    scorer.asked,
    rows[0]!.persona.map((fact) => [fact, answer]),
  );
});

test("(h) there is one limit, of prompt and answer: a prompt that is too long loses its oldest turns, no answer is cut", async () => {
  const long = row({
    history: ["Hello! ".repeat(40), "Hi. ".repeat(40), "What do you do?"],
    response: "I teach. ".repeat(9).trim(),
  });
  const asked = askedAs(long, answerPrompt(long, "history", prompts), answerTarget(long, "chat"));
  assert.equal((asked.prompt as object[]).length, 3);
  const data = join(folder, "long.jsonl");
  const said: string[] = [];
  const { writeJsonLines } = await import("../../src/io/files");
  writeJsonLines(data, [{ prompt: asked.prompt, completion: asked.completion }]);
  const config = { model: tiny, data, output: join(folder, "long"), maxSteps: 1, rank: 2, maxLength: 256 };
  await runMethod(sft, config, { say: (line) => said.push(line) });
  assert.match(
    said[0]!,
    new RegExp(`1 example, .* ${"I teach. ".repeat(9).trim().length + 2} tokens to be learned`),
  );
  assert.match(said[1]!, /1 row had more than 256 tokens \(maxLength\) and lost the oldest turns, 2 in all/);
  await assert.rejects(runMethod(sft, { ...config, maxPromptLength: 768 }), /maxPromptLength/);
});

test("pairs hold what was said and what the model says who knows the history alone; a file of the same pairs is found", async () => {
  const path = join(folder, "found.jsonl");
  const options = { model, settings, prompts, tell: tellGold };
  assert.deepEqual((await writePreferencePairs(path, rows, options)).isFound, false);
  const before = readFileSync(path, "utf8");
  assert.equal((await writePreferencePairs(path, rows, options)).isFound, true);
  assert.equal((await writePreferencePairs(path, rows, { ...options, tell: tellPersona })).isFound, false);
  assert.notEqual(readFileSync(path, "utf8"), before);
  const { rows: read } = readRows(path, ["preference"]);
  const alone = await alignedVariant("alone", model, tellHistory, { settings, prompts }).generate(
    askedTurns(rows),
  );
  const spoken = alone.map(({ output }) => output).filter((output) => output !== "");
  assert.deepEqual(
    read.map(({ rejected }) => (rejected as readonly { content: string }[])[0]!.content),
    spoken,
  );
});

test("a stage that is there is only read, and one with another setting has a folder of its own", async () => {
  const options = {
    ...{ model: tiny, directory: folder, mixture: { select: 1, grounded: 1, ungrounded: 1 } },
    settings: { maxSteps: 4, batchSize: 3, rank: 4, alpha: 8, learningRate: 0.01, seed: 1 },
  };
  const again = await trainSupervised("mixture", mixtureRows(rows, prompts), options);
  assert.deepEqual([again.output, again.steps], [stage1.output, stage1.steps]);
  const other = { ...options, settings: { ...options.settings, maxSteps: 1 } };
  assert.notEqual(
    (await trainSupervised("mixture", mixtureRows(rows, prompts), other)).output,
    stage1.output,
  );
});

test("selections are said, or the likeliest line; what names no fact falls back on that, and a persona without facts has none", async () => {
  const some = [...rows.slice(0, 2), row({ id: "nobody", persona: [], label: null })];
  for (const by of ["greedy", "beam", "likelihood"] as const) {
    const found = await selectFacts(model, some, { ...prompts, by, beams: 2, maxNewTokens: 3 });
    assert.deepEqual(
      [...found.keys()],
      some.map(({ id }) => id),
    );
    assert.equal(found.get("nobody")!.selected, null);
    for (const { said, isUnreadable } of [...found.values()].slice(0, 2))
      assert.equal(said !== undefined, by !== "likelihood", String(isUnreadable));
    const plain = selections(found);
    assert.ok([...plain.values()].every((one) => one === null || (one >= 0 && one < 3)));
  }
  // The tiny model says letters: both ways take the likeliest line.
  const [said, likeliest] = await Promise.all(
    (["greedy", "likelihood"] as const).map((by) =>
      selectFacts(model, some, { ...prompts, by, maxNewTokens: 3 }),
    ),
  );
  for (const [id, one] of said!)
    if (one.isUnreadable) assert.equal(one.selected, likeliest!.get(id)!.selected);
});
