import assert from "node:assert/strict";
import { test } from "node:test";
import { traitInstruction } from "../../src/personality/instruction";
import {
  situationPrompt,
  situationRow,
  situationsOf,
  speakerRows,
  wholeRows,
} from "../../src/personality/situations";
import { someDialogues } from "./some";

const [dialogue] = someDialogues(1);

test("a dialogue has a situation wherever one answers the other", () => {
  const situations = situationsOf(dialogue!);
  assert.deepEqual(situations.map(({ id, speaker, said }) => [id, speaker, said]), [
    ["p0 traits, turn 2", 2, "Yes, a party."],
    ["p0 traits, turn 3", 1, "My tram is late."],
    ["p0 traits, turn 4", 2, "The bread is ready."],
  ]); // prettier-ignore
  assert.equal(situations[1]!.persona.facts[0], "I drive a tram.");
  assert.equal(situations[1]!.partner.facts[0], "I bake bread.");
});

test("a causal model has messages that begin with the user, behind who it is", () => {
  const [, second, third] = situationsOf(dialogue!);
  const [system, ...messages] = situationPrompt(third!, "label", "CAUSAL_LM") as {
    role: string;
    content: string;
  }[];
  assert.equal(system!.content, traitInstruction(third!.persona, "label"));
  assert.deepEqual(messages.map(({ role }) => role), ["user", "assistant", "user"]); // prettier-ignore
  // The first speaker's own first turn has nobody before it.
  assert.deepEqual((situationPrompt(second!, "P", "CAUSAL_LM") as object[]).slice(1), [{ role: "user", content: "Yes, a party." }]); // prettier-ignore
});

test("an encoder–decoder has one line, in which the one who is to speak is User 2, and traits only where they are told", () => {
  const [, second] = situationsOf(dialogue!);
  assert.equal(
    situationPrompt(second!, "P", "SEQ_2_SEQ_LM"),
    "persona-turn: <SYSTEM> I drive a tram. <USER> User 2: A party tonight? User 1: Yes, a party.",
  );
  assert.match(
    situationPrompt(second!, "label", "SEQ_2_SEQ_LM") as string,
    /<SYSTEM> I drive a tram\. Your personality: high openness, .*high neuroticism\. <USER>/,
  );
  assert.equal(
    (situationRow(second!, "P", "SEQ_2_SEQ_LM") as { completion: unknown }).completion,
    "My tram is late.",
  );
});

test("rows to learn from: both speakers of a dialogue, or every turn; of whom nothing is known nothing is learned", () => {
  const causal = speakerRows([dialogue!], "P", "CAUSAL_LM") as unknown as {
    messages: { role: string; content: string }[];
  }[];
  const learned = causal.map(({ messages }) =>
    messages.filter(({ role }) => role === "assistant").map(({ content }) => content),
  );
  assert.deepEqual(learned, [["My tram is late."], ["Yes, a party.", "The bread is ready."]]);
  assert.equal(speakerRows([dialogue!], "P", "SEQ_2_SEQ_LM").length, 3);
  const unknown = { ...dialogue!, personas: [{ facts: [] }, dialogue!.personas[1]] as const };
  assert.equal(speakerRows([unknown], "P", "CAUSAL_LM").length, 1);
  assert.equal(speakerRows([unknown], "P", "SEQ_2_SEQ_LM").length, 2);
});

test("a whole dialogue is written from both personas, their traits as further facts", () => {
  const [row] = wholeRows([dialogue!], "label");
  assert.match(
    row!.prompt,
    /^persona-dialogue: <USER> I drive a tram\. Personality: high openness, .* <SYSTEM> I bake bread\. Personality: /,
  );
  assert.match(row!.prompt, /\nUser 1:$/);
  assert.match(row!.completion, /^ A party tonight\?\nUser 2: /);
  assert.equal(row!.completion.split("\n").length, 4);
  assert.doesNotMatch(wholeRows([dialogue!], "P")[0]!.prompt, /Personality/);
});
