import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { readDescribedPersonas } from "../../src/personality/big5";
import { loadStudyData } from "../../src/personality/data";
import { readPersonaChat } from "../../src/personality/persona-chat";
import { describedRows, spokenRows } from "../../src/personality/trait-rows";
import { someDialogues } from "./some";

const directory = mkdtempSync(join(tmpdir(), "study-data-"));
after(() => rmSync(directory, { recursive: true }));
const file = (name: string, text: string) => {
  const path = join(directory, name);
  writeFileSync(path, text);
  return path;
};
const lines = (rows: readonly object[]) => rows.map((row) => `${JSON.stringify(row)}\n`).join("");
const asLine = ({ pair, form, personas, turns }: ReturnType<typeof someDialogues>[number]) => ({
  id: pair,
  form,
  personas: personas.map(({ facts, traits }) => {
    const level = traits!.openness;
    return { facts, traits: { O: level, C: level, E: level, A: level, N: level } };
  }),
  turns: turns.map(({ text }) => text),
});

test("twins stand side by side, none of them in both parts, and the same seed draws the same", async () => {
  const data = file("twins.jsonl", lines(someDialogues(10).map(asLine)));
  const load = () => loadStudyData({ profile: "quick", data, nTest: 3, seed: 5 });
  const found = await load();
  assert.deepEqual([found.areTwins, found.labels, found.files.length], [true, "given", 1]);
  for (const { natural, distilled } of [found.train, found.test]) {
    assert.deepEqual(natural.map(({ pair }) => pair), distilled.map(({ pair }) => pair)); // prettier-ignore
    assert.ok(
      natural.every(({ form }) => form === "plain") && distilled.every(({ form }) => form === "traits"),
    );
  }
  assert.deepEqual([found.train.natural.length, found.test.natural.length], [7, 3]);
  const pairs = [found.train, found.test].flatMap(({ natural }) => natural.map(({ pair }) => pair));
  assert.equal(new Set(pairs).size, 10);
  assert.deepEqual((await load()).test, found.test);
  const fewer = await loadStudyData({ profile: "quick", data, nTest: 2, nDialogues: 6, seed: 5 });
  assert.equal(fewer.train.natural.length + fewer.test.natural.length, 6);
});

test("without twins the sample stands for the natural domain; without traits the scorers say them; both are said", async () => {
  const own = someDialogues(6).filter(({ form }) => form === "traits").map(({ id, personas, turns }) => ({ id, personas, turns })); // prettier-ignore
  const given = await loadStudyData({
    profile: "quick",
    data: file("own.jsonl", lines(own)),
    nTest: 2,
    seed: 5,
  });
  assert.deepEqual([given.areTwins, given.labels], [false, "given"]);
  assert.match(given.sentences.join("\n"), /None has a twin/);
  const bare = own.map(({ personas, ...one }) => ({
    ...one,
    personas: personas.map(({ facts }) => ({ facts })),
  }));
  const scored = await loadStudyData({
    profile: "quick",
    data: file("bare.jsonl", lines(bare)),
    nTest: 2,
    seed: 5,
  });
  assert.equal(scored.labels, "scored");
  assert.match(scored.sentences.join("\n"), /no traits are given: the embedded scorers say them/);
});

test("what cannot be compared is refused with what to do", async () => {
  await assert.rejects(
    loadStudyData({ profile: "quick", data: join(directory, "none.jsonl"), nTest: 2, seed: 1 }),
    /there is no such file/,
  );
  const data = file("few.jsonl", lines(someDialogues(3).map(asLine)));
  await assert.rejects(
    loadStudyData({ profile: "quick", data, nTest: 2, seed: 1 }),
    /there are 3 dialogues of each domain, too few to keep 2/,
  );
  await assert.rejects(
    loadStudyData({ profile: "full", personaChat: join(directory, "nowhere"), nTest: 2, seed: 1 }),
    /nowhere is not there; name the folder .* in NATURAL/,
  );
});

test("lines of PersonaChat with one persona in a row are a dialogue, of whose first speaker nothing is known", () => {
  file("per-val.txt", "i sail</s>i bake\ni sail</s>i bake\ni run\n");
  file("src-val.txt", "hi\nwhat do you bake ?\nhello\n");
  file("tgt-val.txt", "hello !\nbread\nhi there\n");
  const [one, other] = readPersonaChat(directory, "valid");
  assert.deepEqual(one!.personas, [{ facts: [] }, { facts: ["i sail", "i bake"] }]);
  assert.deepEqual(one!.turns.map(({ speaker, text }) => [speaker, text]), [[1, "hi"], [2, "hello !"], [1, "what do you bake ?"], [2, "bread"]]); // prettier-ignore
  assert.equal(other!.turns.length, 2);
  file("tgt-val.txt", "hello !\n");
  assert.throws(() => readPersonaChat(directory, "valid"), /3, 3 and 1 lines/);
});

test("described personas: levels in the order of the five, the text without names of traits and of the persona", () => {
  const persona = (levels: string) => [
    {
      uid: "a",
      index: 0,
      "big-5": levels,
      profile: {
        name: "Luna Hart",
        age: "35",
        tone: "Luna is highly conscientious, an extravert, and calm.",
        job: { now: "Painter" },
      },
    },
  ];
  const path = file("big5.json", JSON.stringify(persona("{high, low, high, low, high}")));
  const [found] = readDescribedPersonas(path);
  assert.deepEqual(found!.traits, {
    openness: "high",
    conscientiousness: "low",
    extraversion: "high",
    agreeableness: "low",
    neuroticism: "high",
  });
  assert.doesNotMatch(found!.text, /Luna|conscientious|extravert|35/);
  assert.match(found!.text, /and calm\. Painter/);
  assert.deepEqual(describedRows([found!], "conscientiousness")[0]!.label, "low");
  file("big5.json", JSON.stringify(persona("{high, low}")));
  assert.throws(() => readDescribedPersonas(path), /a: big-5 must be five times high or low in braces/);
});

test("one row a speaker of whom the trait is known: what that one says, in the group of the pair", () => {
  const [one] = someDialogues(1);
  const known = { ...one!, personas: [one!.personas[0], { facts: [] }] as const };
  assert.deepEqual(spokenRows([known], "openness"), [
    { text: "A party tonight?\nMy tram is late.", label: "high", group: "p0" },
  ]);
});
