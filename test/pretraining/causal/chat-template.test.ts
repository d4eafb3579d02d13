import assert from "node:assert/strict";
import { before, test } from "node:test";
import { personaInstruction } from "../../../src/prompts/instruction";
import { loadCorpus } from "../../../src/corpus/spc/load";
import { sampleDirectory } from "../../../src/corpus/spc/source";
import { embeddedTokenizer } from "../../../src/models/tokenizer/find";
import { loadTokenizer, readTokenizerFiles, type Tokenizer } from "../../../src/models/tokenizer/tokenizer";
import { chatTemplate } from "../../../src/pretraining/causal/chat-template";
import { personaChatText } from "../../../src/pretraining/causal/dialogue";
import { pretrainingDocuments } from "../../../src/pretraining/documents";
import { pretrainingTokens } from "../../../src/pretraining/tokens";
import { clean } from "../../../src/prompts/prompt";
import { Random } from "../../../src/random/random";

let tokenizer: Tokenizer;
before(async () => {
  const files = readTokenizerFiles(embeddedTokenizer);
  tokenizer = await loadTokenizer({ ...files, config: { ...files.config, chat_template: chatTemplate } });
});

test("the template gives a conversation the very tokens that were learned", async () => {
  const { splits } = await loadCorpus({ directory: sampleDirectory });
  const special = pretrainingTokens(tokenizer);
  for (const dialogue of splits.valid.slice(0, 10)) {
    const [document] = pretrainingDocuments([dialogue], tokenizer, { instruction: personaInstruction });
    const rendered = ([1, 2] as const).map((speaker) =>
      tokenizer.applyChatTemplate([
        { role: "system", content: personaInstruction(dialogue.personas[speaker - 1]!) },
        ...dialogue.turns.map((turn) => ({
          role: turn.speaker === speaker ? "assistant" : "user",
          content: clean(turn.text),
        })),
      ]),
    );
    const learned = Array.from({ length: 16 }, (_, seed) =>
      personaChatText(document!, special, 4000, new Random(seed)).tokens.slice(0, -1),
    );
    for (const ids of rendered)
      assert.ok(learned.some((tokens) => JSON.stringify(tokens) === JSON.stringify(ids)));
  }
});

test("what the assistant says, with the token that ends it, can be told from the rest; another role is refused", () => {
  const messages = [
    { role: "user", content: "Hello! Who are you?" },
    { role: "assistant", content: "I am Ann." },
  ];
  const { ids, assistant } = tokenizer.chatTokens(messages);
  const said = ids.filter((_, i) => assistant[i]);
  assert.equal(tokenizer.decode(said, { skipSpecialTokens: false }), "I am Ann.<extra_id_2>");
  assert.match(tokenizer.chatText(messages, { addGenerationPrompt: true }), /<extra_id_2>\nUser 2:$/);
  assert.throws(
    () => tokenizer.chatText([{ role: "tool", content: "3" }]),
    /system, user and assistant, not of tool/,
  );
});
