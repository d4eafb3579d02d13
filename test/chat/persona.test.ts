import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { findPersona } from "../../src/chat/persona";
import { readPersonaSpecs } from "../../src/corpus/specification";
import { personaInstruction } from "../../src/prompts/instruction";

const folder = mkdtempSync(join(tmpdir(), "persona-"));
after(() => rmSync(folder, { recursive: true }));
const file = (name: string, content: string | Uint8Array) => {
  writeFileSync(join(folder, name), content);
  return join(folder, name);
};

const dialogue = {
  id: "harbour-1",
  personas: [{ facts: [] }, { id: "baker", facts: ["I bake."], traits: { openness: "high" } }],
  turns: [{ speaker: 1, text: "Hi" }],
};
const other = { ...dialogue, id: "harbour-2", personas: [{ facts: ["I sail."] }, { facts: ["I fish."] }] };
const jsonl = (...values: object[]) => values.map((value) => JSON.stringify(value)).join("\n");

test("a text file has a fact a line", async () => {
  const path = file("sailor.txt", "\ufeffI sail.\r\n\r\n  I am 40. \n");
  assert.deepEqual((await findPersona(path)).persona, { facts: ["I sail.", "I am 40."] });
});

test("a file of dialogues has the persona of an id, or the first of whom something is known, and says so", async () => {
  const path = file("people.jsonl", jsonl(dialogue, other));
  const { persona, why } = await findPersona(path);
  assert.deepEqual(persona, dialogue.personas[1]);
  assert.match(why, /^baker of .*people\.jsonl, the first of 4 personas; .*#ID takes another one$/);
  for (const [id, fact] of [
    ["baker", "I bake."],
    ["harbour-1/2", "I bake."],
    ["harbour-2/1", "I sail."],
    ["harbour-2/2", "I fish."],
  ])
    // prettier-ignore
    assert.deepEqual((await findPersona(`${path}#${id}`)).persona.facts, [fact]);
  await assert.rejects(
    findPersona(`${path}#bakre`),
    /no persona "bakre" in .*it has harbour-1\/1, baker, .*Did you mean baker\?/,
  );
});

test("a line of JSON may be a persona alone, whatever the file's name", async () => {
  const path = file("alone", `${jsonl({ id: "x", facts: ["I sail."] }, { facts: ["I fish."] })}\n`);
  assert.deepEqual((await findPersona(path)).persona, { id: "x", facts: ["I sail."] });
  assert.deepEqual((await findPersona(`${path}#line-2`)).persona, { facts: ["I fish."] });
});

test("a JSON file may be a persona specification, which is told whole", async () => {
  const { id, ...rest } = readPersonaSpecs()[0]!;
  const path = file(`${id}.json`, JSON.stringify({ id, ...rest }, null, 2));
  for (const name of [path, `${path}#${id}`]) {
    const { persona } = await findPersona(name);
    assert.deepEqual(persona, { id, ...rest });
    assert.match(personaInstruction(persona), /\n- what it never does: /);
  }
  await assert.rejects(
    findPersona(`${path}#grump`),
    new RegExp(`specifies the persona ${id}; leave out #grump`),
  );
  const wrong = file("grump.json", JSON.stringify({ id: "grump", definition: "Grumbles." }, null, 2));
  await assert.rejects(findPersona(wrong), /grump\.json: facts: is missing/);
});

test("an ID is a speaker of the embedded conversations", async () => {
  const { persona, why } = await findPersona("train-1/2");
  assert.equal(persona.facts[0], "I label everything in the freezer.");
  assert.equal(why, "train-1/2 of the embedded conversations");
});

test("what is no persona is refused with what there is", async () => {
  mkdirSync(join(folder, "empty"));
  const refused: [string, RegExp][] = [
    ["train-1/3", /no persona "train-1\/3" in data\/sample; it has train-1\/1, train-1\/2, .* and \d+ more; .*Did you mean train-/],
    [join(folder, "none.jsonl"), /none\.jsonl: no such file; --persona takes a file, or an ID/],
    [join(folder, "empty"), /empty: a folder, where a file is needed/],
    [file("blank.txt", " \n\n"), /blank\.txt: no fact in it; write one a line/],
    [file("zip.txt", Buffer.from("PK\x03\x04aaaaaaaaaaaaaaaaaaaaaaaaaaaa\0")), /zip\.txt is a zip archive/],
    [file("latin1.txt", Buffer.from([0x49, 0xe9, 0x0a])), /latin1\.txt: not text in UTF-8/],
    [file("bad.jsonl", '{"facts": ["I sail.", 3]}'), /bad\.jsonl, line 1: personas\[0\]\.facts\[1\]: must be a fact, a sentence/],
    [file("broken.jsonl", '\n{"facts": ['), /broken\.jsonl, line 2: not valid JSON/],
    [`${file("one.txt", "I sail.")}#me`, /one\.txt: text has one persona, without an id; leave out #me/],
  ]; // prettier-ignore
  for (const [name, message] of refused) await assert.rejects(findPersona(name), message);
});
