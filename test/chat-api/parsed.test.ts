import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { z } from "zod";
import { ChatApiError } from "../../src/chat-api/errors";
import { askFor } from "../../src/chat-api/parsed";
import type { ChatAnswer, ChatRequest, ChatSource } from "../../src/chat-api/source";

const shape = z.strictObject({ reason: z.string(), score: z.number().min(-1).max(1) });
const request = {
  name: "verdict",
  shape,
  messages: [{ role: "user", content: "Judge!" }] as const,
  maxTokens: 50,
};

/** A source with given answers, the last one for ever. */
function saying(...texts: (string | Partial<ChatAnswer>)[]) {
  const asked: ChatRequest[] = [];
  const source: ChatSource = {
    name: "somebody",
    ask: async (request) => {
      asked.push(request);
      const said = texts[Math.min(asked.length, texts.length) - 1]!;
      const usage = { promptTokens: 1, completionTokens: 1 };
      const whole = { text: "", finish: "stop", usage, fromCache: false } as const;
      return typeof said === "string" ? { ...whole, text: said } : { ...whole, ...said };
    },
  };
  return { source, asked };
}

const good = '{"reason":"fits","score":0.5}';

describe("an answer as a value", () => {
  for (const [what, text] of Object.entries({
    JSON: good,
    "JSON in a fence": "```json\n" + good + "\n```",
    "JSON in a plain fence": " ```\n" + good + "\n```\n",
  }))
    test(`is read from ${what}`, async () => {
      const { source, asked } = saying(text);
      const parsed = await askFor(source, request);
      assert.deepEqual(parsed.ok && parsed.value, { reason: "fits", score: 0.5 });
      assert.equal(asked.length, 1);
    });

  test("is asked for by a schema in which every property is required and no other is allowed", async () => {
    const { source, asked } = saying(good);
    await askFor(source, request);
    const { schema } = asked[0]!;
    assert.equal(schema!.name, "verdict");
    assert.deepEqual(schema!.schema.required, ["reason", "score"]);
    assert.equal(schema!.schema.additionalProperties, false);
  });

  for (const [what, bad, says] of [
    ["no JSON", "score: 1", /no JSON/],
    ["JSON of another shape", '{"score":1}', /does not fit at reason/],
    ["a score out of range", '{"reason":"a","score":7}', /does not fit at score/],
    ["a key more", '{"reason":"a","score":1,"more":1}', /does not fit/],
    ["JSON with more around it", `Sure! ${good}`, /no JSON/],
  ] as const) {
    test(`is asked for once more after ${what}, with what is wrong`, async () => {
      const { source, asked } = saying(bad, good);
      const parsed = await askFor(source, request);
      assert.ok(parsed.ok);
      assert.deepEqual(
        asked[1]!.messages.map(({ role }) => role),
        ["user", "assistant", "user"],
      );
      assert.equal(asked[1]!.messages[1]!.content, bad);
      assert.match(asked[1]!.messages[2]!.content, says);
    });

    test(`is none after ${what} twice`, async () => {
      const { source, asked } = saying(bad);
      const parsed = await askFor(source, request);
      assert.match(parsed.ok ? "" : parsed.reason, says);
      assert.equal(asked.length, 2);
    });
  }

  test("is none where the answer is cut, though what came is JSON", async () => {
    const parsed = await askFor(saying({ text: good, finish: "length" }).source, request);
    assert.match(parsed.ok ? "" : parsed.reason, /cut/);
  });

  test("is none where the model declines, and a failure stays a failure", async () => {
    const failing = (error: Error): ChatSource => ({ name: "a", ask: () => Promise.reject(error) });
    const declined = await askFor(failing(new ChatApiError("declined", "I cannot judge")), request);
    assert.deepEqual(declined, { ok: false, reason: "I cannot judge" });
    await assert.rejects(askFor(failing(new ChatApiError("budget", "spent")), request), /spent/);
  });
});
