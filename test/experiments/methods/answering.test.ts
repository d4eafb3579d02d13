import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { effect } from "../../../src/analysis/effects";
import { evaluateVariants } from "../../../src/evaluation/evaluate";
import { readEvaluation } from "../../../src/evaluation/files";
import { additiveMetric } from "../../../src/evaluation/scores";
import { scoreRows } from "../../../src/evaluation/show";
import {
  answeringSettings,
  answeringVariant,
  isTrainedByMethod,
  openTrained,
  type TrainedModel,
} from "../../../src/experiments/methods/answering";
import { askedRows } from "../../../src/experiments/methods/asked";
import { runMethod } from "../../../src/experiments/methods/run";
import { sft } from "../../../src/experiments/methods/sft";
import { perplexity } from "../../../src/evaluation/perplexity";
import { embeddedTokenizer } from "../../../src/models/tokenizer/find";
import { writeModelDirectory } from "../../../src/models/pretrained/write";
import { randomT5, TINY } from "../../models/tiny";
import { sailorRows, tinyConfig, writeRows } from "./tiny-sft";

const folder = mkdtempSync(join(tmpdir(), "answering-"));
after(() => rmSync(folder, { recursive: true }));
const output = join(folder, "out");
let model: TrainedModel;
const short = answeringSettings({ maxNewTokens: 8 });
before(async () => {
  await runMethod(sft, tinyConfig(folder, { maxSteps: 40, output }));
  model = await openTrained(output);
});
after(() => model.base.checkpoint.close());

const untrained = () => ({ ...model, adapter: undefined });
const heldOut = () =>
  askedRows(writeRows(join(folder, "held-out.jsonl"), sailorRows(20).slice(14)), { seed: 1 });

test("an adapter and its base answer rows; what was learned shows in the references' likelihood, with its interval", async () => {
  const asked = heldOut();
  const place = { directory: folder, runId: "rows", resamples: 200 };
  const evaluated = await evaluateVariants(
    [answeringVariant("base model", untrained(), short), answeringVariant("adapter", model, short)],
    asked,
    place,
  );
  const [base, adapter] = evaluated;
  assert.ok(
    adapter!.summary.likelihood!.bitsPerByte.value < 0.7 * base!.summary.likelihood!.bitsPerByte.value,
  );
  const { value, high, low } = effect([adapter!], [base!], "bitsPerByte", { resamples: 200 });
  assert.ok(low <= value && value <= high && high < 0, `${value} [${low}, ${high}]`);
  assert.match(
    adapter!.cases[0]!.input,
    /<\|im_start\|>system\n\[PERSONA: sailor\] You sail\.<\|im_end\|>.*<\|im_start\|>assistant\n$/s,
  );
  assert.match(adapter!.cases[0]!.output, /^A/);
  assert.equal(adapter!.cases[0]!.speaker, 2);
  assert.deepEqual([base!.summary.identity!.kind, adapter!.summary.identity!.kind], ["base", "model"]);
  assert.equal(adapter!.summary.identity!.trained!["method"], "sft");
  assert.deepEqual(
    readEvaluation(place).variants.map(({ variant, likelihood }) => [variant, likelihood]),
    evaluated.map(({ summary }) => [summary.variant, summary.likelihood]),
  );
  const [row] = scoreRows([adapter!.summary], ["bitsPerByte", "perplexity", "ownership"]);
  assert.match(row!["bitsPerByte"]!, /^\d\.\d{3} \[/);
  assert.equal(row!["ownership"], "of 0");
});

test("a reference's likelihood is that of its tokens after the prompt's, its end included", async () => {
  const [one] = heldOut();
  const [base] = await evaluateVariants([answeringVariant("base", untrained(), short)], [one!], {
    directory: join(folder, "one"),
  });
  const { tokenizer } = model;
  const { checkpoint } = model.base;
  const messages = [
    ...(one!.prompt as { role: string; content: string }[]),
    { role: "assistant", content: one!.text },
  ];
  const { ids, assistant } = tokenizer.chatTokens(messages, messages.length - 1);
  const start = assistant.indexOf(true);
  const upTo = async (tokens: readonly number[]) =>
    (await perplexity(checkpoint, tokens, { window: 512 })).nats;
  const nats = (await upTo(ids)) - (await upTo(ids.slice(0, start)));
  const { likelihood } = base!.cases[0]!;
  assert.ok(Math.abs(likelihood!.nats - nats) < 1e-3, `${likelihood!.nats} and ${nats}`);
  assert.deepEqual([likelihood!.tokens, likelihood!.bytes], [ids.length - start, one!.text.length]);
  const { bitsPerByte, perplexity: surprise } = base!.summary.likelihood!;
  assert.ok(Math.abs(bitsPerByte.value - nats / Math.LN2 / one!.text.length) < 1e-3);
  assert.ok(Math.abs(surprise.value - Math.exp(nats / (ids.length - start))) < 1e-2);
});

test("facts are counted of the one who speaks", async () => {
  const personas = { assistant: { facts: ["I sail on ships."] }, user: { facts: ["I teach chemistry."] } };
  const asked = askedRows(
    writeRows(join(folder, "known.jsonl"), [
      { ...sailorRows(1)[0]!, meta: { personas } },
      { ...sailorRows(1)[0]!, meta: { personas } },
    ]),
    { seed: 1 },
  );
  const saying = (...outputs: string[]) => ({
    ...{ name: outputs.join(), settings: {} },
    generate: () => outputs.map((output) => ({ input: "", output })),
  });
  const [mine, swapped] = await evaluateVariants(
    [saying("I sail on ships.", "Hi"), saying("I teach chemistry.", "I sail ships")],
    asked,
    { directory: join(folder, "facts"), resamples: 20 },
  );
  const of = ({ summary }: typeof mine & object) =>
    (["ownership", "factsSaid", "personaCoverageContent"] as const).map(
      (name) => summary.metrics[name].value,
    );
  assert.deepEqual(of(mine!), [1, 0.5, 0.5]);
  assert.deepEqual(of(swapped!), [0.5, 1, 0.5]);
  assert.throws(
    () => additiveMetric(mine!.cases, "perplexity"),
    /perplexity is of references whose likelihood was asked/,
  );
  assert.equal(mine!.summary.likelihood, undefined);
});

test("an encoder–decoder answers rows of text", async () => {
  const seq2seq = join(folder, "t5");
  writeModelDirectory(seq2seq, randomT5({ ...TINY, vocabSize: 8000 }, 5), {
    tokenizerFrom: embeddedTokenizer,
  });
  const rows = [1, 2, 3].map((i) => ({ prompt: `Who sails ship ${i}?`, completion: `Captain number ${i}.` }));
  const data = writeRows(join(folder, "text.jsonl"), rows);
  const to = join(folder, "t5-out");
  await runMethod(sft, { model: seq2seq, data, output: to, maxSteps: 2, rank: 2 });
  const t5 = await openTrained(to);
  const [one] = await evaluateVariants([answeringVariant("T5", t5, short)], askedRows(data, { seed: 1 }), {
    directory: to,
    resamples: 20,
  });
  assert.ok(one!.summary.likelihood!.bitsPerByte.value > 0);
  assert.equal(one!.cases.length, 3);
  const known = askedRows(writeRows(join(folder, "m.jsonl"), sailorRows(1)), { seed: 1 });
  await assert.rejects(
    evaluateVariants([answeringVariant("T5", t5, short)], known, { directory: to }),
    /m\.jsonl, row 1, turn 3: an encoder–decoder takes no messages/,
  );
  t5.base.checkpoint.close();
});

test("settings that are none, and folders in which nothing is finished, are refused by name", async () => {
  assert.throws(() => answeringSettings({ beams: 2 }), /beams[\s\S]*The settings are seed, minNewTokens/);
  assert.throws(() => answeringSettings({ maxNewTokens: 0 }, "--set"), /^RangeError: --set: .*maxNewTokens/);
  assert.throws(() => answeringSettings({ temperature: 2 }), /doSample/);
  assert.equal(isTrainedByMethod(folder), false);
  await assert.rejects(openTrained(folder), /no run of npm run train is there/);
  const stop = AbortSignal.abort();
  const cut = join(folder, "cut");
  await runMethod(sft, tinyConfig(folder, { output: cut }), { signal: stop });
  await assert.rejects(openTrained(cut), /cut: its run is not finished; npm run train goes on with it/);
});
