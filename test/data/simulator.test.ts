import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { describe, test } from "node:test";
import { readRecords } from "../../src/corpus/records";
import { loadCorpus } from "../../src/corpus/spc/load";
import { sampleDirectory } from "../../src/corpus/spc/source";
import { readPersonaSpecs } from "../../src/corpus/specification";
import { utterances } from "../../src/corpus/statistics";
import { sha256 } from "../../src/io/files";
import { completionRows, preferenceRows, unrollRecords } from "../../src/prompts/unroll";
import { countRecords, courseProblem, diversityBeside, personaTurns, repeatedRuns } from "../../src/simulator/checks";
import { readRecordFiles, recordDirectory } from "../../src/simulator/embedded";
import { safetyFlags } from "../../src/simulator/safety";
import { readTopics, splitByTopic, topicsOf } from "../../src/simulator/topics";
import { simpleTokens } from "../../src/text/characters";

const personas = readPersonaSpecs();
const records = readRecordFiles();
const card = readFileSync(join(recordDirectory, "README.md"), "utf8");
const counts = countRecords(records);
const own = (id: string) => records.filter(({ persona_id }) => persona_id === id);

test("there is a file for each persona, of its dialogues alone", () => {
  const files = readdirSync(recordDirectory).filter((name) => name.endsWith(".jsonl")).sort();
  assert.deepEqual(files, personas.map(({ id }) => `${id}.jsonl`));
  for (const file of files)
    for (const { persona_id } of readRecords(join(recordDirectory, file))) assert.equal(persona_id, basename(file, ".jsonl"));
});

test("the card has the files' checksums and counts", () => {
  for (const { id } of personas) {
    const sum = sha256(readFileSync(join(recordDirectory, `${id}.jsonl`)));
    assert.ok(card.includes(sum), `${id}: ${sum}`);
  }
  const heading = /^\| scenario_type \| (.*) \|$/m.exec(card)![1]!.split(" | ");
  const ordered = heading.map((id) => counts.find(({ persona }) => persona === id)!.scenarios);
  for (const type of new Set(ordered.flatMap((scenarios) => Object.keys(scenarios)))) {
    const row = [type, ...ordered.map((scenarios) => scenarios[type] ?? 0)].join(" | ");
    assert.ok(card.includes(`| ${row} |`), row);
  }
});

test("every persona has a dialogue on each of the first forty topics, so that the topic never tells who speaks", () => {
  const topics = readTopics().slice(0, 40);
  for (const { id } of personas) {
    assert.equal(own(id).length, 40);
    assert.deepEqual(topicsOf(own(id)).sort(), [...topics].sort(), id);
  }
});

test("all are authored, judged, and nothing in them is unsafe", () => {
  for (const { metadata, turns, persona_id, topic } of records) {
    assert.equal(metadata.source, "authored");
    assert.ok(metadata.quality_score !== null);
    const all = turns.flatMap(({ content, alternatives = [] }) => [content, ...alternatives]);
    assert.deepEqual([metadata.safety_flags, safetyFlags(all)], [[], []], `${persona_id}, ${topic}`);
    for (const text of all) assert.doesNotMatch(text, /[’‘“”]/, `${persona_id}, ${topic}`);
  }
});

test("the persona begins, both speak in turn, 8 to 14 turns, none says the same twice", () => {
  for (const { persona_id, topic, turns } of records)
    assert.equal(courseProblem(turns, [8, 14]), undefined, `${persona_id}, ${topic}`);
});

describe("the partners are not all helpful", () => {
  for (const { persona, scenarios } of counts)
    test(persona, () => {
      assert.ok(scenarios["helpful"]! <= 20, `${scenarios["helpful"]} of 40 helpful`);
      assert.ok((scenarios["dull"] ?? 0) + (scenarios["unhelpful"] ?? 0) >= 6);
      assert.ok((scenarios["pressure"] ?? 0) >= 1);
    });
});

test("alternatives are on about a quarter of the turns", () => {
  for (const { persona, turns, withAlternatives } of counts) {
    const share = withAlternatives / turns;
    assert.ok(share > 0.15 && share < 0.45, `${persona}: ${share}`);
  }
});

test("they are written out: no run of eight words is said twice", () => assert.deepEqual(repeatedRuns(records), []));

test("no two dialogues open with the same four words", () => {
  const openings = records.map(({ turns }) => simpleTokens(turns[0]!.content).slice(0, 4).join(" "));
  assert.equal(new Set(openings).size, openings.length);
});

test("marks of voice without exception: the elder contracts nothing, the engineer exclaims nothing, the gardener has no figures", () => {
  const contraction = /\w'(?:t|ll|re|ve|m|d)\b|\b(?:it|that|there|what|let|he|she|who|here|where|how)'s\b/i;
  for (const turn of personaTurns(own("courteous_elder"))) assert.doesNotMatch(turn, contraction);
  for (const turn of personaTurns(own("terse_engineer"))) assert.doesNotMatch(turn, /!/);
  for (const turn of personaTurns(own("dreamy_gardener"))) assert.doesNotMatch(turn, /\d/);
});

test("each persona's turns are as varied as the sample's, at equal length", async () => {
  const { splits } = await loadCorpus({ directory: sampleDirectory });
  const sample = utterances(Object.values(splits).flat());
  for (const { id } of personas) {
    const { distinct2, reference, tokens } = diversityBeside(personaTurns(own(id)), sample);
    assert.ok(tokens > 1000 && distinct2 >= reference, `${id}: ${distinct2} beside ${reference} over ${tokens} tokens`);
    const row = [id, tokens.toLocaleString("en-US"), distinct2.toFixed(3), reference.toFixed(3)].join(" | ");
    assert.ok(card.includes(`| ${row} |`), row);
  }
});

test("the splits share no topic, and each has dialogues of every persona", () => {
  const splits = splitByTopic(records, readTopics());
  assert.deepEqual(Object.fromEntries(Object.entries(splits).map(([name, { length }]) => [name, length])), { train: 28 * 6, valid: 4 * 6, test: 8 * 6 });
  const topics = Object.values(splits).map((part) => new Set(topicsOf(part)));
  topics.forEach((some, i) => topics.slice(i + 1).forEach((others) => assert.ok([...some].every((one) => !others.has(one)))));
  for (const part of Object.values(splits)) assert.equal(countRecords(part).length, personas.length);
});

test("they unroll into an example for each turn of a persona, and pairs to prefer by", () => {
  const unrolled = unrollRecords(records.map((one, at) => ({ ...one, line: at + 1 })), "data/simulator", { personas, form: "chat" });
  assert.equal(completionRows(unrolled).rows.length, personaTurns(records).length);
  assert.ok(preferenceRows(unrolled).rows.length >= 6 * 40);
});
