import assert from "node:assert/strict";
import { test } from "node:test";
import { rowPersonas } from "../../src/corpus/row-personas";

test("a row says who speaks by role; of whom it says nothing, nothing is known", () => {
  const sailor = { id: "sailor", facts: ["I sail."], traits: { openness: "high" } };
  assert.equal(rowPersonas(undefined), undefined);
  assert.equal(rowPersonas({ source: "me" }), undefined);
  assert.deepEqual(rowPersonas({ personas: { assistant: sailor } }), {
    assistant: sailor,
    user: { facts: [] },
  });
  assert.deepEqual(rowPersonas({ personas: { user: sailor } })!.assistant, { facts: [] });
});

test("personas of another form are refused by field", () => {
  const refused = (personas: unknown, said: RegExp) => assert.throws(() => rowPersonas({ personas }), said);
  refused(
    ["I sail."],
    /^Error: meta\.personas: must be an object with the personas of assistant and user, not a list of 1; write "meta"/,
  );
  refused(null, /meta\.personas: must be an object/);
  refused(
    { assistant: { fact: ["I sail."] } },
    /meta\.personas\.assistant\.fact: there is no such field; .*Did you mean facts/,
  );
  refused({ assistant: { facts: "I sail." } }, /meta\.personas\.assistant\.facts: must be a list of facts/);
  refused({ user: "me" }, /meta\.personas\.user: must be a persona such as/);
  refused(
    { bot: { facts: [] } },
    /meta\.personas\.bot: there is no such field; the fields here are assistant, user/,
  );
});
