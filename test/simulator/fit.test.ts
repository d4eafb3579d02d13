import assert from "node:assert/strict";
import { test } from "node:test";
import type { RecordTurn } from "../../src/corpus/records";
import { readPersonaSpecs } from "../../src/corpus/specification";
import { dialogueProblem, dialogueRuns, outOfPlay } from "../../src/simulator/fit";
import { readRecordFiles } from "../../src/simulator/embedded";

const personas = readPersonaSpecs();
const record = readRecordFiles().find(({ turns }) => turns.length >= 8)!;
const persona = personas.find(({ id }) => id === record.persona_id)!;
const problem = (turns: readonly RecordTurn[], flags: string[] = [], known: readonly string[] = []) =>
  dialogueProblem({ persona, turns, flags }, new Set(known));

test("an embedded dialogue is good, and bad for each reason by itself", () => {
  const { turns } = record;
  assert.equal(problem(turns), undefined);
  assert.equal(problem(turns.slice(0, 6)), "6 turns, fewer than 8");
  const first = (content: string) => [{ role: "user" as const, content }, ...turns.slice(1)];
  assert.equal(problem(first("As a language model, I never ride.")), 'out of play: "As a language model"');
  const long = "word ".repeat(persona.style.words[1] + 1);
  const wordy = turns.map((turn, i) => (turn.role === "user" ? { ...turn, content: `${long}${i}` } : turn));
  const count = wordy.filter(({ role }) => role === "user").length;
  const [fewest, most] = persona.style.words;
  assert.equal(
    problem(wordy),
    `${count} of ${count} turns of the persona are not of its ${fewest} to ${most} words`,
  );
  assert.equal(problem(turns, ["threat", "hate"]), "unsafe: threat, hate");
  const runs = dialogueRuns(turns);
  assert.ok(runs.length > 8);
  assert.match(problem(turns, [], runs)!, /^a duplicate: /);
  assert.equal(problem(turns, [], runs.slice(0, Math.floor(runs.length / 5))), undefined);
});

test("only the persona falls out of play, not its partner", () => {
  const content = "I am an AI, dear [name].";
  assert.equal(outOfPlay([{ role: "assistant", content }]), undefined);
  assert.match(outOfPlay([{ role: "user", content }])!, /I am an AI/);
});
