import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { z } from "zod";
import { Conversation } from "../../src/chat/conversation";
import { openChatModel, type OpenChatModel } from "../../src/chat/open";
import { cached } from "../../src/chat-api/cache";
import { ChatApiError } from "../../src/chat-api/errors";
import { askFor } from "../../src/chat-api/parsed";
import type { ChatSource } from "../../src/chat-api/source";
import { localSource } from "../../src/serve/local";
import { Served } from "../../src/serve/served";
import { tinyAdapter, writeTinyChat } from "../chat/tiny-chat";

const folder = mkdtempSync(join(tmpdir(), "local-"));
let model: OpenChatModel;
let source: ChatSource;
before(async () => {
  const directory = writeTinyChat(join(folder, "model"));
  model = await openChatModel({ model: directory, adapters: { maria: tinyAdapter } });
  source = localSource(new Served({ ...model, name: "tiny" }));
});
after(async () => {
  await model.dispose();
  rmSync(folder, { recursive: true });
});

const hi = { messages: [{ role: "user", content: "Hi" }], maxTokens: 12 } as const;

describe("a model in this process is asked as one far away is", () => {
  test("and answers as in a conversation, piece by piece where that is wished for", async () => {
    const conversation = new Conversation(model, undefined, { temperature: 0, maxNewTokens: 12 });
    const { text } = await conversation.answer("Hi");
    const pieces: string[] = [];
    const answer = await source.ask(hi, { onText: (piece) => pieces.push(piece) });
    assert.equal(answer.text, text);
    assert.equal(pieces.join(""), text);
    assert.equal(answer.finish, "length");
    assert.equal(answer.usage.completionTokens, 12);
    assert.equal(source.name, "tiny (in this process)");
  });

  test("also as one of its adapters, and from a cache", async () => {
    const maria = cached(localSource(new Served({ ...model, name: "tiny" }), "maria"), join(folder, "cache"));
    const [first, second] = [await maria.ask(hi), await maria.ask(hi)];
    assert.notEqual(first.text, (await source.ask(hi)).text);
    assert.deepEqual(second, { ...first, fromCache: true });
  });

  test("what it cannot do is said in the same way", async () => {
    await assert.rejects(
      source.ask({ ...hi, maxTokens: 5000 }),
      (error) =>
        error instanceof ChatApiError && error.code === "refused" && /context has 2048/.test(error.message),
    );
    const gone = AbortSignal.abort();
    await assert.rejects(
      source.ask(hi, { signal: gone }),
      (error) => error instanceof ChatApiError && error.code === "stopped",
    );
    const parsed = await askFor(source, { ...hi, name: "verdict", shape: z.object({ score: z.number() }) });
    assert.match(parsed.ok ? "" : parsed.reason, /cut at its most tokens/);
  });
});
