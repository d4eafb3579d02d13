import assert from "node:assert/strict";
import { existsSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import type { TaskType } from "../../src/models/architecture";
import { embeddedChatModel } from "../../src/models/pretrained/embedded";
import { writeModelDirectory } from "../../src/models/pretrained/write";
import { embeddedTokenizer } from "../../src/models/tokenizer/find";
import { diversities, testOnDomains } from "../../src/personality/domains";
import { situationPrompt, situationRow, situationsOf, speakerRows } from "../../src/personality/situations";
import { type AskedAfter, openSpeakers } from "../../src/personality/speakers";
import { trainSpeaker } from "../../src/personality/training";
import { randomT5, TINY } from "../models/tiny";
import { randomLlama, TINY_LLAMA } from "../models/tiny-llama";
import { someDialogues } from "./some";

const directory = mkdtempSync(join(tmpdir(), "speakers-"));
after(() => rmSync(directory, { recursive: true }));
const place = (name: string) => {
  mkdirSync(join(directory, name), { recursive: true });
  return join(directory, name);
};
const dialogues = someDialogues(2);
const situations = dialogues.flatMap((one) => situationsOf(one).slice(0, 2));

const kinds: Record<TaskType, () => void> = {
  SEQ_2_SEQ_LM: () =>
    writeModelDirectory(place("SEQ_2_SEQ_LM"), randomT5({ ...TINY, vocabSize: 8000 }, 5), {
      tokenizerFrom: embeddedTokenizer,
    }),
  CAUSAL_LM: () =>
    writeModelDirectory(
      place("CAUSAL_LM"),
      randomLlama(
        {
          ...TINY_LLAMA,
          vocab_size: 8000,
          max_position_embeddings: 512,
          bos_token_id: null,
          tie_word_embeddings: false,
          eos_token_id: [7997, 1],
          pad_token_id: 0,
        },
        5,
      ),
      { tokenizerFrom: embeddedChatModel },
    ),
};

for (const [taskType, write] of Object.entries(kinds) as [TaskType, () => void][])
  test(`${taskType}: an adapter is trained once, speaks as itself, and is tested on domains`, async () => {
    write();
    const model = place(taskType);
    const training = {
      model,
      seed: 3,
      folder: place(`${taskType}-adapters`),
      settings: { rank: 2, maxSteps: 1, batchSize: 2, learningRate: 0.05, maxLength: 400 },
    };
    const rows = speakerRows(dialogues, "label", taskType);
    const trained = await trainSpeaker("one", rows, training);
    assert.ok(existsSync(join(trained.adapter, "adapter_model.safetensors")));
    const said: string[] = [];
    const again = await trainSpeaker("one", rows, training, { say: (sentence) => said.push(sentence) });
    assert.equal(again.adapter, trained.adapter);
    assert.match(said.join("\n"), /nothing is trained/);
    assert.notEqual((await trainSpeaker("one", rows.slice(1), { ...training })).adapter, trained.adapter);

    const speakers = await openSpeakers(model, { one: trained.adapter });
    assert.equal(speakers.taskType, taskType);
    const prompts = situations.map((one) => situationPrompt(one, "description", taskType));
    const options = { maxNewTokens: 5, doSample: true, seed: 4 };
    const own = await speakers.say("one", prompts, options);
    assert.deepEqual(await speakers.say("one", prompts, options), own);
    assert.ok(own.every(({ promptTokens, tokens }) => promptTokens > 10 && tokens > 0));
    await assert.rejects(speakers.say("two", prompts, options), /no adapter is named two/);
    const asked = situations.map((one) => situationRow(one, "label", taskType) as AskedAfter);
    const [adapted, base] = [await speakers.nats("one", asked), await speakers.nats(undefined, asked)];
    assert.equal(adapted.length, situations.length);
    assert.ok(adapted.every((nats, i) => nats > 0 && nats !== base[i]));
    await speakers.dispose();

    const [tested, other] = await testOnDomains(
      [{ name: "base", adapter: undefined, prompt: "P" }, { name: "one", adapter: trained.adapter, prompt: "label" }],
      { natural: situations.slice(2), distilled: situations.slice(0, 2) },
      { model, taskType, folder: place(`${taskType}-answers`), answering: { maxNewTokens: 4 }, seed: 3, resamples: 5 },
    ); // prettier-ignore
    assert.deepEqual([tested!.domain, other!.domain], ["natural", "distilled"]);
    assert.equal(
      tested!.models[0]!.summary.caseSet,
      tested!.models[1]!.summary.caseSet,
      "one set of cases, though prompts differ",
    );
    assert.notEqual(tested!.models[0]!.summary.caseSet, other!.models[0]!.summary.caseSet);
    assert.deepEqual(other!.models[1]!.cases.map(({ reference }) => reference), situations.slice(0, 2).map(({ said }) => said)); // prettier-ignore
    // What it is told of labels is likelier or less likely by the same numbers that it tells itself.
    const nats = other!.models[1]!.cases.map(({ likelihood }) => likelihood!.nats);
    nats.forEach((value, i) => assert.ok(Math.abs(value - adapted[i]!) < 1e-2, `${value} ${adapted[i]}`));
  });

test("sets of texts are as varied as each is, ratios at the tokens of the shortest", () => {
  const found = diversities({ same: ["a a a a", "a a"], all: ["a b c d e"] });
  assert.equal(found["same"]!.ratioTokens, 5);
  assert.equal(found["same"]!.ratio, 1 / 5);
  assert.equal(found["all"]!.ratio, 1);
  assert.equal(found["same"]!.mtld, 2);
  assert.throws(() => diversities({ none: ["…"] }), /none: nothing is said/);
});
