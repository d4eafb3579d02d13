import assert from "node:assert/strict";
import { test } from "node:test";
import { readPersonaSpecs } from "../../src/corpus/specification";
import { judgeMessages } from "../../src/judges/asked";
import { rubric } from "../../src/judges/rubric";
import { promptRows, unrollRecords } from "../../src/prompts/unroll";
import { readRecordFiles } from "../../src/simulator/embedded";
import { shownTurn } from "../../src/simulator/judged";

const personas = readPersonaSpecs();
const [record] = readRecordFiles();

test("a judge is shown who speaks, by all of the specification, and the conversation as it was held", () => {
  const unrolled = unrollRecords([{ ...record!, line: 1 }], "some.jsonl", { personas, form: "chat" });
  const { meta } = promptRows(unrolled).rows[1]!;
  const shown = shownTurn(personas).of({
    prompt: "p",
    completion: "Well.",
    tokens: [],
    ended: true,
    about: { meta },
  } as never);
  assert.equal(shown.persona!.id, record!.persona_id);
  const [first, second] = record!.turns;
  assert.deepEqual(shown.history, [
    { by: "self", text: first!.content },
    { by: "other", text: second!.content },
  ]);
  assert.equal(shown.answer, "Well.");
  const asked = judgeMessages(rubric("consistency"), shown)[1]!.content;
  assert.match(asked, /\n- what it never does: /);
  assert.ok(asked.includes(`the person: ${first!.content}\nthe other: ${second!.content}`));
  assert.doesNotMatch(asked, /HISTORY/);
});

test("a case whose row does not say so is refused with the remedy", () => {
  assert.throws(
    () => shownTurn(personas).of({ prompt: "p", completion: "c", about: {} } as never),
    /does not say who speaks after what: make it of records by unrollRecords/,
  );
});
