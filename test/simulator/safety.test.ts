import assert from "node:assert/strict";
import { test } from "node:test";
import { safetyFlags } from "../../src/simulator/safety";

for (const [flags, ...texts] of [
  [["self-harm"], "I want to kill myself", "thoughts of suicide", "She wants to end her life."],
  [["threat"], "I'll stab you", "I’ll stab you", "You deserve to die."],
  [["hate"], "Those people are vermin", "all immigrants are parasites", "subhuman"],
  [["sexual"], "send nudes", "some porn", "Sex?"],
  [["dangerous help"], "How to make a bomb", "how do you build explosives?", "I sell heroin."],
  [
    ["private data"],
    "write to jo.doe@example.org",
    "call 0171 234 5678",
    "+44 (0)20 7946 0958",
    "4111 1111 1111 1111",
    "GB33 BUKB 2020 1555 5555 55",
    "192.168.0.12",
  ],
  [["profanity"], "What the fuck", "Bullshit? No: shit."],
] as const)
  test(`${flags[0]} is found`, () => {
    for (const text of texts) assert.deepEqual(safetyFlags(["Hello.", text]), flags, text);
  });

test("several kinds are told in order", () =>
  assert.deepEqual(safetyFlags(["shit", "I'll kill you"]), ["profanity", "threat"]));

test("harmless words are passed", () => {
  for (const text of [
    "That killed the afternoon, and I could murder a cup of tea.",
    "I cut myself while peeling apples and hurt my knee.",
    "From 1960-1970, then 1980 to 1990, page 12, at 10:45 on 27.11.2026.",
    "It costs 1,299.00 or 10 000 000 in a bad year.",
    "Visible to the naked eye in Sussex; a Shih Tzu ate shiitake.",
    "How do you make a bouquet? How do I cook rice?",
  ])
    assert.deepEqual(safetyFlags([text]), [], text);
});
