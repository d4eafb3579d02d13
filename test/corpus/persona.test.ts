import assert from "node:assert/strict";
import { test } from "node:test";
import { factsOf, type Persona, personaText } from "../../src/corpus/persona";

test("facts of personas come in order, one a line as text; ids and traits are no facts", () => {
  const personas: Persona[] = [
    { id: "sailor", facts: ["I sail.", "I am 40."], traits: { openness: "high" } },
    { facts: [] },
    { facts: ["I bake."] },
  ];
  assert.deepEqual(factsOf(personas), ["I sail.", "I am 40.", "I bake."]);
  assert.equal(personaText({ personas }), "I sail.\nI am 40.\nI bake.");
  assert.equal(personaText({ personas: [{ facts: [] }] }), "");
});
