import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { cached, requestHash } from "../../src/chat-api/cache";
import { ChatClient } from "../../src/chat-api/client";
import type { ChatRequest, ChatSource } from "../../src/chat-api/source";
import { answers, apiServer, KEY } from "./server";

const hello: ChatRequest = { messages: [{ role: "user", content: "Hello!" }], maxTokens: 20 };
const folder = mkdtempSync(join(tmpdir(), "answers-"));
after(() => rmSync(folder, { recursive: true }));
const usage = { promptTokens: 1, completionTokens: 2 };

/** A source that numbers its answers. */
function counting(name = "somebody"): ChatSource & { asked: number } {
  return {
    name,
    asked: 0,
    async ask() {
      await new Promise(setImmediate);
      return { text: `answer ${++this.asked}`, finish: "stop", usage, fromCache: false };
    },
  };
}

const filesIn = (directory: string) =>
  readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name));

describe("a cache of answers", () => {
  test("asks nothing twice, also not after a restart", async () => {
    const directory = mkdtempSync(join(folder, "cache-"));
    const source = counting();
    const first = await cached(source, directory).ask(hello);
    const second = await cached(source, directory).ask(hello);
    assert.deepEqual(first, { text: "answer 1", finish: "stop", usage, fromCache: false });
    assert.deepEqual(second, { ...first, fromCache: true });
    assert.equal(source.asked, 1);
  });

  test("sends once what is asked twice at a time", async () => {
    const source = counting();
    const asking = cached(source, mkdtempSync(join(folder, "cache-")));
    const both = await Promise.all([asking.ask(hello), asking.ask(hello), asking.ask(hello)]);
    assert.deepEqual(
      both.map(({ text }) => text),
      ["answer 1", "answer 1", "answer 1"],
    );
    assert.equal(source.asked, 1);
  });

  test("keeps no failure", async () => {
    const source = counting();
    let fails = true;
    const flaky: ChatSource = {
      name: source.name,
      ask: (request) => (fails ? Promise.reject(new Error("no")) : source.ask(request)),
    };
    const asking = cached(flaky, mkdtempSync(join(folder, "cache-")));
    await assert.rejects(asking.ask(hello), /no/);
    fails = false;
    assert.equal((await asking.ask(hello)).text, "answer 1");
  });

  test("lets a second asker ask where the first stops waiting", async () => {
    const source = counting();
    let first = true;
    const stopping: ChatSource = {
      name: source.name,
      ask: async (request) => {
        if (!first) return source.ask(request);
        first = false;
        await new Promise(setImmediate);
        throw new Error("stopped");
      },
    };
    const asking = cached(stopping, mkdtempSync(join(folder, "cache-")));
    const [one, two, three] = await Promise.allSettled([
      asking.ask(hello),
      asking.ask(hello),
      asking.ask(hello),
    ]);
    assert.deepEqual([one.status, two.status, three.status], ["rejected", "fulfilled", "fulfilled"]);
    assert.equal(source.asked, 1);
  });

  const others: Record<string, Partial<ChatRequest>> = {
    messages: { messages: [{ role: "system", content: "Hello!" }] },
    maxTokens: { maxTokens: 21 },
    temperature: { temperature: 0.1 },
    topP: { topP: 0.5 },
    seed: { seed: 1 },
    stop: { stop: ["\n"] },
    schema: { schema: { name: "a", schema: {} } },
  };
  for (const [what, change] of Object.entries(others))
    test(`tells requests apart by ${what}`, () => {
      assert.notEqual(requestHash("a", { ...hello, ...change }), requestHash("a", hello));
    });

  test("tells apart who was asked, and takes a default for what it is", () => {
    assert.notEqual(requestHash("a", hello), requestHash("b", hello));
    assert.equal(
      requestHash("a", { ...hello, temperature: 0, topP: 1, seed: 0, stop: [] }),
      requestHash("a", hello),
    );
  });

  for (const [what, damage] of Object.entries({
    cut: (file: string) => truncateSync(file, 20),
    empty: (file: string) => truncateSync(file),
    altered: (file: string) =>
      writeFileSync(file, readFileSync(file, "utf8").replace("answer 1", "answer 9")),
  }))
    test(`asks again where a file is ${what}`, async () => {
      const directory = mkdtempSync(join(folder, "cache-"));
      const source = counting();
      await cached(source, directory).ask(hello);
      const [file] = filesIn(directory);
      damage(file!);
      assert.equal((await cached(source, directory).ask(hello)).text, "answer 2");
      assert.equal((await cached(source, directory).ask(hello)).text, "answer 2");
    });

  test("holds no key", async (t) => {
    const directory = mkdtempSync(join(folder, "cache-"));
    const { endpoint } = await apiServer(t, answers(`Your key is ${KEY}`));
    await cached(new ChatClient({ model: "tiny", endpoint }), directory).ask(hello);
    for (const file of filesIn(directory)) assert.ok(!readFileSync(file, "utf8").includes(KEY));
  });
});
