import assert from "node:assert/strict";
import { test } from "node:test";
import { personaInstruction } from "../../src/prompts/instruction";
import type { Persona } from "../../src/corpus/persona";
import { loadCorpus } from "../../src/corpus/spc/load";
import { sampleDirectory } from "../../src/corpus/spc/source";
import { embeddedTokenizer } from "../../src/models/tokenizer/find";
import { loadTokenizer } from "../../src/models/tokenizer/tokenizer";
import { documentsSha256, hasBlanks, pretrainingDocuments } from "../../src/pretraining/documents";
import { buildTarget } from "../../src/prompts/target";
import { tinyDocument } from "./tiny-documents";

test("documents are the turns with their labels, with both personas beside them", () => {
  const words: string[] = [];
  const encode = (text: string) => {
    assert.ok(!words.includes(text) && !text.includes(" "), `${text} is encoded once, alone`);
    return [words.push(text) - 1];
  };
  const conversation = {
    personas: [{ facts: ["I sail."] }, { facts: ["I bake <pad> bread.", "I sing."] }],
    turns: [
      { speaker: 1, text: "Hello there! You sail <pad> alone?  I do: always." },
      { speaker: 2, text: "No answer for you, nor anybody" },
      { speaker: 1, text: "" },
      { speaker: 2, text: "Well, good night, and sleep well." },
    ],
  };
  const conversations = [conversation] as unknown as Parameters<typeof pretrainingDocuments>[0];
  const instruction = ({ facts }: Persona) => `You ${facts.join(" ")}`;
  const [made] = pretrainingDocuments(conversations, { encode }, { instruction });
  const spelled = (ids: readonly number[]) => ids.map((id) => words[id]).join(" ");
  const text = (from: number, to: number) => spelled(made!.tokens.slice(from, to));
  assert.equal(
    text(0, made!.tokens.length),
    "User 1: Hello there! You sail pad alone? I do: always. User 2: No answer for you, nor anybody " +
      "User 1: User 2: Well, good night, and sleep well.",
  );
  assert.deepEqual(
    made!.personas.map(({ facts, instruction }) => [facts.map(spelled), spelled(instruction)]),
    [
      [["I sail."], "You I sail."],
      [["I bake pad bread.", "I sing."], "You I bake pad bread. I sing."],
    ],
  );
  assert.deepEqual(
    made!.turns.map(({ start, said, speaker }) => [speaker, text(start, said)]),
    [
      [1, "User 1:"],
      [2, "User 2:"],
      [1, "User 1:"],
      [2, "User 2:"],
    ],
  );
  assert.deepEqual(
    made!.turns.map(({ said, end }) => text(said, end)),
    [
      "Hello there! You sail pad alone? I do: always.",
      "No answer for you, nor anybody",
      "",
      "Well, good night, and sleep well.",
    ],
  );
  assert.deepEqual(
    made!.sentences.map(({ speaker }) => speaker),
    [1, 1, 1, 2, 2],
  );
  assert.deepEqual(
    made!.sentences.map(({ start, end }) => text(start, end)),
    [
      "Hello there!",
      "You sail pad alone?",
      "I do: always.",
      "No answer for you, nor anybody",
      "Well, good night, and sleep well.",
    ],
  );
});

test("documents have the very tokens that a target and a chat have", async () => {
  const tokenizer = await loadTokenizer(embeddedTokenizer);
  const { splits } = await loadCorpus({ directory: sampleDirectory });
  for (const conversation of splits.valid) {
    const [made] = pretrainingDocuments([conversation], tokenizer, {
      instruction: personaInstruction,
    });
    const encode = (text: string) => tokenizer.encode(text, { addEos: false });
    assert.deepEqual(made!.tokens, encode(buildTarget(conversation)));
    conversation.personas.forEach((persona, i) => {
      assert.deepEqual(made!.personas[i]!.instruction, encode(personaInstruction(persona)));
      assert.deepEqual(
        made!.personas[i]!.facts,
        persona.facts.map((fact) => encode(fact)),
      );
    });
  }
});

test("a dialogue has a blank where somebody says what was to be filled in", () => {
  const says = (text: string) => hasBlanks({ turns: [{ speaker: 1, text }] });
  assert.ok(says("I'm [user 1's name]. What's yours?"));
  assert.ok(says("I live in [City]!"));
  assert.ok(!says("I'm Ann (25)."));
  assert.ok(!says("An empty pair: []"));
});

test("documents are told apart by all that they hold", () => {
  const [one, other] = [tinyDocument(1), tinyDocument(2)];
  assert.equal(documentsSha256([one, other]), documentsSha256([tinyDocument(1), tinyDocument(2)]));
  assert.notEqual(documentsSha256([one, other]), documentsSha256([other, one]));
  const told = { facts: [[3]], instruction: [] };
  assert.notEqual(documentsSha256([one]), documentsSha256([{ ...one, personas: [told, told] }]));
});
