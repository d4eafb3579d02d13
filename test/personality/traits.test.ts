import assert from "node:assert/strict";
import { test } from "node:test";
import { traitInstruction } from "../../src/personality/instruction";
import { knownTraits, traitText, withTrait } from "../../src/personality/traits";
import { personaInstruction } from "../../src/prompts/instruction";

const persona = { facts: ["I sail."], traits: { neuroticism: "low", openness: 0.8 } } as const;

test("known traits come in the order of the five, numbers as levels", () => {
  assert.deepEqual(knownTraits(persona), [
    { trait: "openness", level: "high" },
    { trait: "neuroticism", level: "low" },
  ]);
  assert.deepEqual(knownTraits({}), []);
});

test("P tells facts alone, the label is the instruction of everywhere else, longer wordings tell more", () => {
  assert.equal(traitInstruction(persona, "P"), personaInstruction({ facts: ["I sail."] }));
  const named = { facts: ["I sail."], traits: { openness: "high", neuroticism: "low" } } as const;
  assert.equal(traitInstruction(named, "label"), personaInstruction(named));
  const lengths = (["P", "label", "adjectives", "description"] as const).map(
    (prompt) => traitInstruction(persona, prompt).length,
  );
  assert.deepEqual(
    lengths,
    [...lengths].sort((a, b) => a - b),
  );
  assert.match(
    traitInstruction(persona, "adjectives"),
    /Your personality: curious, imaginative and inventive; calm, relaxed and even-tempered\.$/,
  );
  assert.match(traitInstruction(persona, "description"), /as they come\.$/);
  assert.equal(
    traitInstruction({ facts: ["I sail."] }, "description"),
    traitInstruction({ facts: ["I sail."] }, "P"),
  );
});

test("a flipped trait changes its own words and nothing else", () => {
  const [high, low] = (["high", "low"] as const).map((level) => withTrait(persona, "extraversion", level));
  for (const wording of ["label", "adjectives", "description"] as const) {
    const [a, b] = [traitText(high!, wording), traitText(low!, wording)];
    assert.notEqual(a, b);
    assert.equal(traitText({ traits: { ...high!.traits, extraversion: "low" } }, wording), b);
  }
  assert.deepEqual(persona.traits, { neuroticism: "low", openness: 0.8 });
});
