import assert from "node:assert/strict";
import { test } from "node:test";
import { type PersonaSpec, readPersonaSpecs } from "../../src/corpus/specification";
import { judgeMessages } from "../../src/judges/asked";
import { rubric } from "../../src/judges/rubric";
import { personaInstruction } from "../../src/prompts/instruction";
import { simulatorPrompt } from "../../src/prompts/simulator";

const spec = readPersonaSpecs().find(({ id }) => id === "playful")!;
/** For each field of a specification the same one with another value there. */
const changes: { readonly [Field in keyof Required<PersonaSpec>]: PersonaSpec[] } = {
  id: [{ ...spec, id: "silly" }],
  definition: [{ ...spec, definition: "Sings." }],
  facts: [{ ...spec, facts: ["I sail."] }],
  traits: [{ ...spec, traits: { openness: 0.5 } }],
  behaviours: [{ ...spec, behaviours: spec.behaviours.slice(1) }],
  constraints: [{ ...spec, constraints: ["whistles"] }],
  stopRules: [{ ...spec, stopRules: [...spec.stopRules, "ends at noon"] }],
  boundaries: [
    { ...spec, boundaries: [{ ...spec.boundaries[0]!, when: "tickled" }, ...spec.boundaries.slice(1)] },
    { ...spec, boundaries: [{ ...spec.boundaries[0]!, then: "sneezes" }, ...spec.boundaries.slice(1)] },
  ],
  style: [
    { ...spec, style: { ...spec.style, words: [2, 36] } },
    { ...spec, style: { ...spec.style, words: [3, 35] } },
    { ...spec, style: { ...spec.style, manner: ["rhymes"] } },
  ],
};
const judged = (persona: PersonaSpec) =>
  judgeMessages(rubric("adherence"), { persona, history: [], answer: "Ha!" })[1]!.content;

for (const [field, specs] of Object.entries(changes))
  test(`a persona's ${field} changes what is asked`, () => {
    for (const other of specs) {
      const isShownToAll = field !== "id";
      assert.equal(personaInstruction(other) !== personaInstruction(spec), isShownToAll);
      assert.equal(judged(other) !== judged(spec), isShownToAll, "by a judge");
      const simulated = ["id", "definition"].includes(field);
      for (const form of ["plain", "chat"] as const)
        assert.equal(
          JSON.stringify(simulatorPrompt(other, [], form)) !==
            JSON.stringify(simulatorPrompt(spec, [], form)),
          simulated,
          `of a simulator, ${form}`,
        );
    }
  });

test("a judge is shown all of a specification, a line each", () => {
  const shown = judged(spec);
  for (const line of [
    "- I am easily bored.",
    "- openness: high",
    `- ${spec.definition}`,
    `- what it does: ${spec.behaviours[0]}`,
    `- what it never does: ${spec.constraints[0]}`,
    `- when it stops: ${spec.stopRules[0]}`,
    `- when told to be serious: ${spec.boundaries[0]!.then}`,
    `- how it speaks: ${spec.style.manner[0]}`,
    "- words of a turn: 2 to 35",
  ])
    assert.ok(shown.includes(`\n${line}\n`), line);
});
