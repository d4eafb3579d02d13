import assert from "node:assert/strict";
import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { Conversation } from "../../src/chat/conversation";
import { type OpenChatModel, openChatModel } from "../../src/chat/open";
import { selfChat } from "../../src/chat/self-chat";
import { loadCorpus } from "../../src/corpus/spc/load";
import { sampleDirectory } from "../../src/corpus/spc/source";
import { embeddedModel } from "../../src/experiments/base";
import { sha256File } from "../../src/io/files";
import { llamaArchitecture } from "../../src/models/llama/architecture";
import type { LlamaConfig } from "../../src/models/llama/config";
import { initLlama } from "../../src/models/llama/init";
import { embeddedChatModel } from "../../src/models/pretrained/embedded";
import { readModelDirectory } from "../../src/models/pretrained/read";
import { chatTemplate } from "../../src/pretraining/causal/chat-template";
import { causalPretraining } from "../../src/pretraining/causal/pretraining";
import { pretrainingDocuments } from "../../src/pretraining/documents";
import { pretrainingTokens } from "../../src/pretraining/tokens";
import { Words } from "../../src/pretraining/words";
import { personaInstruction } from "../../src/prompts/instruction";
import { Random } from "../../src/random/random";
import { evaluateSpec } from "../../src/training/evaluate";
import { everyNth } from "./held-out";

const model = readModelDirectory(embeddedChatModel);
const config = model.config as LlamaConfig;
const card = readFileSync(join(embeddedChatModel, "README.md"), "utf8");
const read = (folder: string, file: string) =>
  JSON.parse(readFileSync(join(folder, file), "utf8")) as Record<string, unknown>;

let chat: OpenChatModel;
before(async () => void (chat = await openChatModel()));
after(() => chat.dispose());

test("the card says what is there", async () => {
  const weights = join(embeddedChatModel, "model.safetensors");
  const parameters = [...model.parameters.values()].reduce((sum, { data }) => sum + data.length, 0);
  const said = (row: string) => new RegExp(`^\\| ${row} \\| (.*) \\|$`, "m").exec(card)?.[1] ?? "";
  assert.ok(said("parameters").startsWith(`${parameters.toLocaleString("en-US")}:`), said("parameters"));
  assert.equal(said("SHA-256"), `\`${await sha256File(weights)}\``);
  assert.match(said("weights"), new RegExp(`half precision, ${(2 * parameters).toLocaleString("en-US")} bytes`));
  assert.match(card, /CC-BY-4\.0/);
  assert.ok(statSync(weights).size <= 32e6);
});

test("a Llama with 1,024 positions, the tokens of the embedded T5, a template and an end of turns", () => {
  assert.equal(model.architecture, llamaArchitecture);
  assert.equal(config.maxPositions, 1024);
  assert.deepEqual(read(embeddedChatModel, "tokenizer.json"), read(embeddedModel, "tokenizer.json"));
  assert.equal(read(embeddedChatModel, "tokenizer_config.json")["chat_template"], chatTemplate);
  const { endOfTurn, eos } = pretrainingTokens(chat.tokenizer);
  assert.deepEqual(config.eosTokenIds, [endOfTurn, eos]);
});

test("it knows how conversations go that it never read, and looks for what followed the last time", async () => {
  const { splits } = await loadCorpus({ directory: sampleDirectory });
  const documents = pretrainingDocuments(splits.test.slice(0, 12), chat.tokenizer, {
    instruction: personaInstruction,
  });
  const words = new Words(documents, (id) => chat.tokenizer.token(id));
  const loss = (kind: "persona chat" | "copying", parameters = model.parameters) =>
    evaluateSpec(
      everyNth(
        3,
        causalPretraining(
          { architecture: llamaArchitecture, config, parameters: new Map(parameters) },
          {
            ...{ train: documents, validation: documents, words, tokens: pretrainingTokens(chat.tokenizer) },
            ...{ rowLength: 256, batchSize: 16, seed: 1, kinds: [kind] },
          },
        ),
      ),
      16,
    );
  const untrained = await loss("persona chat", initLlama(config, new Random(1)));
  const trained = await loss("persona chat");
  assert.ok(trained < 0.6 * untrained, `${trained} against ${untrained}`);
  const copied = await loss("copying");
  assert.ok(copied < 2, `${copied} nats a token where most tokens can only be copied`);
});

test("it ends its turns", async () => {
  for (const said of ["Hello! How are you?", "What do you do for a living?", "Do you have any pets?"]) {
    const conversation = new Conversation(chat, { facts: ["I am a baker."] }, { temperature: 0, maxNewTokens: 80 });
    const { text, tokens } = await conversation.answer(said);
    assert.match(text, /\w/);
    assert.ok(tokens < 80, text);
    assert.doesNotMatch(text, /User [12]|<extra_id/);
  }
});

test("two of it hold a talk in which not everybody says the same", async () => {
  const personas = [{ facts: ["I am a baker.", "I have a dog."] }, { facts: ["I play the violin.", "I live in Rome."] }] as const;
  const turns = await selfChat(chat, personas, 6, { seed: 3 });
  assert.equal(turns.length, 6);
  assert.ok(new Set(turns).size >= 4, turns.join(" | "));
});
