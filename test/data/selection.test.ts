import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { readSelection, selectionCard } from "../../scripts/labelled";
import { loadCorpus } from "../../src/corpus/spc/load";
import { splitNames } from "../../src/corpus/spc/types";

const rows = readSelection();

test("200 turns, none of them twice, a third of them without a fact", () => {
  assert.equal(rows.length, 200);
  assert.equal(new Set(rows.map(({ dialogue, turn }) => `${dialogue} ${turn}`)).size, 200);
  assert.equal(rows.filter(({ label }) => label === null).length, 66);
});

test("each row quotes the sample: speaker's persona, turns before, response", async () => {
  const { splits } = await loadCorpus();
  const dialogues = new Map(
    splitNames.flatMap((split) => splits[split].map((dialogue) => [dialogue.id, dialogue])),
  );
  for (const { dialogue: id, turn, speaker, persona, history, response } of rows) {
    const dialogue = dialogues.get(id);
    assert.ok(dialogue, id);
    const turns = dialogue.turns.map(({ speaker, text }) => ({ speaker, text }));
    assert.deepEqual(turns[turn], { speaker, text: response }, `${id}, turn ${turn}`);
    assert.deepEqual(history, turns.slice(0, turn), `${id}, turn ${turn}`);
    assert.deepEqual(persona, dialogue.personas[speaker - 1]!.facts, `${id}, turn ${turn}`);
  }
});

test("a label is a fact's place, and every place has its share", () => {
  const counts = [0, 0, 0, 0, 0];
  for (const { dialogue, turn, persona, label } of rows) {
    if (label === null) continue;
    assert.ok(label < persona.length, `${dialogue}, turn ${turn}`);
    counts[label]!++;
  }
  assert.ok(Math.min(...counts) >= 10, String(counts));
  assert.ok(Math.max(...counts) <= 40, String(counts));
});

test("every dialogue of the valid and test splits has a row", () => {
  assert.equal(new Set(rows.map(({ dialogue }) => dialogue)).size, 48);
});

test("the card has these figures", () => {
  const card = readFileSync(join(__dirname, "../../data/selection/README.md"), "utf8");
  for (const line of selectionCard(rows).split("\n")) assert.ok(card.includes(line), line);
});
