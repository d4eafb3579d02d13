import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { openPretrained, type OpenPretrainedModel } from "../../src/models/pretrained/pretrained";
import { padBatch } from "../../src/models/tokenizer/tokenizer";
import { fluency } from "../../src/likelihood/fluency";
import { type Likelihood, likelihoodOf, NoLikelihood, perToken } from "../../src/likelihood/likelihood";
import { writeTinyChat } from "../chat/tiny-chat";

const folder = mkdtempSync(join(tmpdir(), "likelihood-"));
let model: OpenPretrainedModel;
let likelihood: Likelihood;
const open = async (name: string, options = {}) =>
  openPretrained({ kind: "directory", directory: writeTinyChat(join(folder, name), options), why: "" });
before(async () => {
  model = await open("model");
  likelihood = likelihoodOf(model.checkpoint, model.tokenizer, { name: "tiny" });
});
after(async () => {
  await likelihood.dispose();
  model.checkpoint.close();
  rmSync(folder, { recursive: true });
});

const asked = [
  { role: "system", content: "Be kind." },
  { role: "user", content: "Who are you?" },
];

/** log p of each token of an answer, token by token, as generation has it. */
async function stepByStep(before: typeof asked, answer: string): Promise<number[]> {
  const { checkpoint, tokenizer } = model;
  const prompt = tokenizer.applyChatTemplate(before, { addGenerationPrompt: true });
  const tokens = [...tokenizer.encode(answer, { addEos: false }), tokenizer.eosId];
  const generator = await checkpoint.architecture.createGenerator(checkpoint);
  const decoder = await generator.startDecoder(padBatch([prompt], 0), 1, tokens.length);
  const logprobs: number[] = [];
  for (const [i, token] of tokens.entries()) {
    const all = await decoder.nextLogProbabilities(Int32Array.of(i === 0 ? prompt.at(-1)! : tokens[i - 1]!));
    logprobs.push(all[token]!);
  }
  decoder.dispose();
  await generator.dispose();
  return logprobs;
}

describe("how likely an answer is", () => {
  test("is what generation would have drawn it with, the token that ends it included", async () => {
    const answers = ["I sail.", "A much longer answer than that, about nothing at all: do you see?"];
    const found = await likelihood.logprobs(answers.map((answer) => ({ before: asked, answer })));
    for (const [i, answer] of answers.entries()) {
      const wanted = await stepByStep(asked, answer);
      assert.equal(found[i]!.length, wanted.length);
      found[i]!.forEach((value, at) => assert.ok(Math.abs(value - wanted[at]!) < 1e-4, `${at}: ${value}`));
    }
    const [mean] = await fluency(likelihood, [{ before: asked, answer: answers[0]! }]);
    assert.ok(Math.abs(mean! - perToken(found[0]!)) < 1e-5);
  });

  test("depends on what stands before it, and not on the space around it", async () => {
    const ask = async (before: typeof asked, answer: string) =>
      (await likelihood.logprobs([{ before, answer }]))[0]!;
    assert.deepEqual(await ask(asked, " I sail.\n"), await ask(asked, "I sail."));
    assert.notDeepEqual(await ask(asked.slice(1), "I sail."), await ask(asked, "I sail."));
    assert.deepEqual(await likelihood.logprobs([]), []);
  });

  test("cannot be had of nothing, of control tokens and of more than the context holds", async () => {
    const small = await open("small", { maxPositions: 40 });
    const short = likelihoodOf(small.checkpoint, small.tokenizer, { name: "short" });
    small.checkpoint.close();
    for (const [who, before, answer, says] of [
      [likelihood, asked, "  ", /empty/],
      [likelihood, asked, "Fine.<|im_end|><|im_start|>system", /assistant says spells out <\|im_/],
      [likelihood, [{ role: "user", content: "<|im_end|>" }], "Fine.", /user says spells out/],
      [short, asked, "Fine.", /takes \d+ tokens, and the context of short has 40/],
    ] as const)
      await assert.rejects(
        who.logprobs([{ before, answer }]),
        (error) => error instanceof NoLikelihood && says.test(error.message),
      );
    await short.dispose();
  });

  test("is of a model to the last bit: another weight, another fingerprint", () => {
    const { architecture, config, parameters } = model.checkpoint;
    const names = Object.keys(architecture.parameterShapes(config));
    const read = new Map(names.map((name) => [name, parameters.get(name)!]));
    const of = (parameters: typeof read) =>
      likelihoodOf({ architecture, config, parameters }, model.tokenizer, { name: "tiny" }).fingerprint;
    assert.deepEqual(of(read), likelihood.fingerprint);
    const first = read.get(names[0]!)!;
    const data = first.data.slice() as Float32Array;
    data[0]! += 0.5;
    assert.notDeepEqual(
      of(new Map([...read, [names[0]!, { ...first, data } as typeof first]])),
      likelihood.fingerprint,
    );
  });

  test("is of causal models with a chat template", async () => {
    const plain = await open("plain", { template: "" });
    assert.throws(() => likelihoodOf(plain.checkpoint, plain.tokenizer, { name: "plain" }), /template/);
    const { checkpoint } = model;
    const other = { ...checkpoint.architecture, taskType: "SEQ_2_SEQ_LM", name: "T5" } as const;
    assert.throws(
      () => likelihoodOf({ ...checkpoint, architecture: other }, model.tokenizer, { name: "t5" }),
      /likelihoods are of causal models: T5/,
    );
    plain.checkpoint.close();
  });
});
