import assert from "node:assert/strict";
import { test } from "node:test";
import type { ChatRequest, ChatSource } from "../../src/chat-api/source";
import { traitNames } from "../../src/corpus/persona";
import { taughtLabels } from "../../src/personality/label";

const says = (labels: object, asked: ChatRequest[] = []): ChatSource =>
  ({
    name: "teacher",
    ask: (request: ChatRequest) => {
      asked.push(request);
      return Promise.resolve({
        text: JSON.stringify(labels),
        finish: "stop",
        usage: { promptTokens: 1, completionTokens: 1 },
        fromCache: false,
      });
    },
  }) as unknown as ChatSource;
const none = { label: "no clue", statement: "" };
const labels = {
  ...Object.fromEntries(traitNames.map((trait) => [trait, none])),
  extraversion: { label: "low", statement: "I avoid crowds." },
};

test("a teacher says each trait with the fact that tells; one that is no fact is none", async () => {
  const asked: ChatRequest[] = [];
  const found = await taughtLabels(says(labels, asked), ["I sail.", "I avoid crowds."]);
  assert.ok("labels" in found);
  assert.deepEqual(found.labels[2], { trait: "extraversion", label: "low", statement: "I avoid crowds." });
  assert.deepEqual(found.labels[0], { trait: "openness", label: "no clue" });
  assert.match(asked[0]!.messages[1]!.content, /- I avoid crowds\./);
  const made = await taughtLabels(says(labels), ["I sail."]);
  assert.ok("labels" in made && made.labels[2]!.statement === undefined);
});

test("an answer of another form is none, with the reason", async () => {
  const found = await taughtLabels(says({ openness: "high" }), ["I sail."]);
  assert.ok("unlabelled" in found && found.unlabelled !== "");
});
