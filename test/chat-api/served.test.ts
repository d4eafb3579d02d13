import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { z } from "zod";
import { ChatClient } from "../../src/chat-api/client";
import { endpointOf } from "../../src/chat-api/endpoint";
import { ChatApiError } from "../../src/chat-api/errors";
import { askFor } from "../../src/chat-api/parsed";

/**
 * A server that this project did not write: llama.cpp's, say. PERSONA_TEST_CHAT_API is its address up to /v1, PERSONA_TEST_CHAT_MODEL
 * the model's name, where it has several.
 */
const base = process.env["PERSONA_TEST_CHAT_API"];
const skip =
  base === undefined &&
  "PERSONA_TEST_CHAT_API names no server, such as http://127.0.0.1:8080/v1 of llama-server";

describe("somebody else's server", { skip }, () => {
  const endpoint = () =>
    endpointOf({ OPENAI_BASE_URL: base!, OPENAI_API_KEY: process.env["OPENAI_API_KEY"] });
  const client = (options = {}) =>
    new ChatClient({
      model: process.env["PERSONA_TEST_CHAT_MODEL"] ?? "default",
      endpoint: endpoint(),
      ...options,
    });
  const capital = {
    messages: [{ role: "user", content: "What is the capital of France?" }],
    maxTokens: 24,
  } as const;

  test("answers, the same twice, and says what it took", async () => {
    const asked = client();
    const [first, second] = [await asked.ask(capital), await asked.ask(capital)];
    assert.ok(first.text.length > 0);
    assert.equal(second.text, first.text);
    assert.ok(first.usage.promptTokens > 5 && first.usage.completionTokens > 0);
    assert.ok(first.usage.completionTokens <= 24);
    assert.equal(asked.spent.requests, 2);
    assert.equal(asked.spent.completionTokens, first.usage.completionTokens + second.usage.completionTokens);
  });

  test("streams what it answers whole", async () => {
    const pieces: string[] = [];
    const whole = await client().ask(capital);
    const streamed = await client().ask(capital, { onText: (piece) => pieces.push(piece) });
    assert.equal(pieces.join(""), streamed.text);
    assert.equal(streamed.text, whole.text);
    assert.ok(pieces.length > 1);
    assert.deepEqual(streamed.usage.completionTokens, whole.usage.completionTokens);
  });

  test("ends at its most tokens and at texts to stop at, and says which", async () => {
    const cut = await client().ask({ ...capital, maxTokens: 2 });
    assert.deepEqual([cut.finish, cut.usage.completionTokens], ["length", 2]);
    const { text } = await client().ask(capital);
    const [word] = text.split(" ").slice(2, 3);
    const stopped = await client().ask({ ...capital, stop: [` ${word}`] });
    assert.equal(stopped.finish, "stop");
    assert.equal(stopped.text, text.slice(0, text.indexOf(` ${word}`)));
  });

  test("keeps to a schema", async () => {
    const shape = z.strictObject({ city: z.string(), score: z.number() });
    const parsed = await askFor(client(), { name: "city", shape, messages: capital.messages, maxTokens: 80 });
    assert.ok(parsed.ok, JSON.stringify(parsed));
    assert.equal(typeof parsed.value.city, "string");
  });

  test("is asked by many at a time, and nothing is mixed", async () => {
    const asked = client({ concurrency: 4 });
    const questions = ["Say A.", "Name a colour.", "What is 1 + 1?", "Say good night."].map((content) => ({
      messages: [{ role: "user" as const, content }],
      maxTokens: 12,
    }));
    const alone: string[] = [];
    for (const one of questions) alone.push((await asked.ask(one)).text);
    const together = await Promise.all(questions.map(async (one) => (await asked.ask(one)).text));
    // A server that computes requests together may round otherwise and then say something else, but no other's answer.
    together.forEach((text, i) =>
      alone.forEach((other, j) =>
        assert.ok(i === j || alone[i] === other || text !== other, `${i} has the answer to ${j}`),
      ),
    );
  });

  test("is left alone once nobody waits, and its refusals are told in its words", async () => {
    const stop = new AbortController();
    const asked = client().ask(
      { ...capital, maxTokens: 400 },
      { signal: stop.signal, onText: () => stop.abort() },
    );
    await assert.rejects(asked, (error) => error instanceof ChatApiError && error.code === "stopped");
    const long = { messages: [{ role: "user" as const, content: "word ".repeat(20_000) }], maxTokens: 4 };
    await assert.rejects(
      client().ask(long),
      (error) => error instanceof ChatApiError && error.code === "refused",
    );
  });
});
