import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import {
  personaDirectory,
  personaNamed,
  type PersonaSpec,
  readPersonaSpec,
  readPersonaSpecs,
  specificationLines,
} from "../../src/corpus/specification";
import { splitWords } from "../../src/corpus/statistics";

const folder = mkdtempSync(join(tmpdir(), "specifications-"));
after(() => rmSync(folder, { recursive: true }));

const good: PersonaSpec = {
  id: "grump",
  definition: "Grumbles about everything.",
  facts: ["I live by the harbour."],
  traits: { agreeableness: "low" },
  behaviours: ["finds fault with the weather"],
  constraints: ["laughs"],
  stopRules: ["ends when it is agreed with"],
  boundaries: [{ when: "praised", then: "grumbles about the praise" }],
  style: { words: [2, 20], manner: ["short sentences"] },
};
const written = (value: unknown) => {
  const path = join(folder, "grump.json");
  writeFileSync(path, typeof value === "string" ? value : JSON.stringify(value));
  return path;
};

describe("a persona specification is a file", () => {
  test("of one's own", () => assert.deepEqual(readPersonaSpec(written(good)), good));

  for (const [what, change, says] of [
    [
      "no definition",
      { definition: undefined },
      "definition: is missing; it must be the persona in a few sentences",
    ],
    [
      "an empty definition",
      { definition: "" },
      /definition: must be the persona in a few sentences on one line.*, not ""/,
    ],
    ["a definition of two lines", { definition: "a\nb" }, /definition: must be .* on one line/],
    [
      "no facts",
      { facts: [] },
      /facts: must be a list of one fact at least, such as .*; judges ask for what is known/,
    ],
    [
      "a trait that there is not",
      { traits: { kindness: "high" } },
      /traits\.kindness: there is no such field; the fields here are openness/,
    ],
    [
      "no behaviours",
      { behaviours: [] },
      /behaviours: must be a list of one at least, such as \["asks for reasons"\]/,
    ],
    [
      "a constraint that is a number",
      { constraints: [3] },
      /constraints\[0\]: must be what the persona never does, not 3/,
    ],
    [
      "stop rules as text",
      { stopRules: "never" },
      /stopRules: must be a list such as \["ends when it is answered"\], not "never"/,
    ],
    [
      "a boundary without its answer",
      { boundaries: [{ when: "praised" }] },
      /boundaries\[0\]\.then: is missing; it must be what the persona does then/,
    ],
    ["no boundaries", { boundaries: [] }, /boundaries: must be a list of one at least/],
    [
      "words the wrong way round",
      { style: { ...good.style, words: [20, 2] } },
      /style\.words: must be the fewest and the most words of a turn; the fewest stand first/,
    ],
    [
      "half a word",
      { style: { ...good.style, words: [0.5, 2] } },
      /style\.words\[0\]: must be a whole number of words, not 0\.5/,
    ],
    [
      "no manner",
      { style: { words: [2, 20] } },
      /style\.manner: is missing; it must be a list such as \["short sentences"\]/,
    ],
    [
      "another field",
      { behaviors: [] },
      /behaviors: there is no such field; the fields here are id, .*Did you mean behaviours\?/,
    ],
    [
      "a name with a blank",
      { id: "the grump" },
      /id: must be a name of small letters, digits and _, not "the grump"/,
    ],
    [
      "another name than the file's",
      { id: "grouch" },
      /id: must be "grump", as the file is named, not "grouch"; rename one of them/,
    ],
    ["half of a character", { definition: "a \ud83d" }, /definition: must be made of whole characters/],
  ] as const)
    test(`${what} is refused: file, field and remedy`, () => {
      assert.throws(
        () => readPersonaSpec(written({ ...good, ...change })),
        ({ message }: Error) => {
          assert.match(message, /grump\.json: /);
          if (typeof says === "string") assert.ok(message.endsWith(`grump.json: ${says}`), message);
          else assert.match(message, says);
          return true;
        },
      );
    });

  test("no JSON, or none at all, is told by the file's name", () => {
    assert.throws(() => readPersonaSpec(written("{")), /grump\.json: not valid JSON/);
    assert.throws(() => readPersonaSpec(join(folder, "none.json")), /none\.json: no such file/);
    const empty = mkdtempSync(join(folder, "empty-"));
    assert.throws(() => readPersonaSpecs(empty), /no persona specification \(NAME\.json\) in it/);
  });
});

describe("the personas of the project", () => {
  const specs = readPersonaSpecs();

  test("are the six that the conversations are written for", () => {
    assert.deepEqual(
      specs.map(({ id }) => id),
      [
        "anxious_traveller",
        "courteous_elder",
        "dreamy_gardener",
        "playful",
        "sceptical_shopper",
        "terse_engineer",
      ],
    );
    assert.equal(specs.length, readdirSync(personaDirectory).filter((name) => name.endsWith(".json")).length);
  });

  test("are clearly different: no two share a line, and their definitions hardly a word", () => {
    const lines = specs.flatMap((spec) => [...spec.facts, ...specificationLines(spec)]);
    const own = lines.filter((line) => !line.startsWith("words of a turn"));
    assert.equal(new Set(own).size, own.length);
    const content = specs.map(
      ({ definition }) => new Set(splitWords(definition).filter((word) => word.length > 4)),
    );
    content.forEach((words, i) =>
      content.slice(i + 1).forEach((others, j) => {
        const shared = [...words].filter((word) => others.has(word));
        assert.ok(shared.length <= 2, `${specs[i]!.id} and ${specs[i + j + 1]!.id}: ${shared.join(", ")}`);
      }),
    );
  });

  test("stay themselves when told to be somebody else, and each says how", () => {
    for (const { id, boundaries } of specs)
      assert.ok(
        boundaries.some(({ when }) => when === "told to ignore its instructions or to be somebody else"),
        id,
      );
  });

  test("have short definitions, as every prompt holds one", () => {
    for (const { id, definition } of specs) assert.ok(splitWords(definition).length <= 45, id);
  });

  test("are found by name, and what is not there is told with what is", () => {
    assert.equal(personaNamed("playful", specs).id, "playful");
    assert.throws(
      () => personaNamed("playfull", specs),
      /no persona "playfull": there are anxious_traveller, .*Did you mean playful\?/,
    );
  });
});
