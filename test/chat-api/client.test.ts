import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { inspect } from "node:util";
import { ChatClient, type ChatClientOptions, describeSpent } from "../../src/chat-api/client";
import { ChatApiError, type ChatApiErrorCode } from "../../src/chat-api/errors";
import type { ChatRequest } from "../../src/chat-api/source";
import { type ApiServer, answers, apiServer, inTurn, KEY, piece, refuses, streams } from "./server";

const hello: ChatRequest = { messages: [{ role: "user", content: "Hello!" }], maxTokens: 20 };
const quick = { firstWaitMs: 1 };
const client = ({ endpoint }: ApiServer, options: Partial<ChatClientOptions> = {}) =>
  new ChatClient({ model: "tiny", endpoint, retry: quick, ...options });
const failsWith = (code: ChatApiErrorCode, says: RegExp) => (error: unknown) => {
  assert.ok(error instanceof ChatApiError, String(error));
  assert.equal(error.code, code, error.message);
  assert.match(error.message, says);
  assert.ok(!inspect(error, { depth: 9 }).includes(KEY), "the key is told");
  return true;
};

describe("a chat API is asked", () => {
  test("in the words that everybody serves", async (t) => {
    const server = await apiServer(t, answers("Hi!"));
    const answer = await client(server).ask({
      messages: [
        { role: "system", content: "Be kind" },
        { role: "user", content: "Hello!" },
      ],
      maxTokens: 20,
      temperature: 0.5,
      topP: 0.9,
      seed: 3,
      stop: ["\n"],
      schema: { name: "verdict", schema: { type: "object" } },
    });
    assert.deepEqual(answer, {
      text: "Hi!",
      finish: "stop",
      usage: { promptTokens: 7, completionTokens: 3 },
      fromCache: false,
    });
    const [{ method, url, headers, body }] = server.received as [(typeof server.received)[0]];
    assert.equal(`${method} ${url}`, "POST /v1/chat/completions");
    assert.equal(headers.authorization, `Bearer ${KEY}`);
    assert.deepEqual(body, {
      model: "tiny",
      messages: [
        { role: "system", content: "Be kind" },
        { role: "user", content: "Hello!" },
      ],
      max_tokens: 20,
      temperature: 0.5,
      top_p: 0.9,
      seed: 3,
      stop: ["\n"],
      response_format: {
        type: "json_schema",
        json_schema: { name: "verdict", schema: { type: "object" }, strict: true },
      },
    });
  });

  test("with the sampling said where nobody says it, so that no server's own takes its place", async (t) => {
    const server = await apiServer(t, answers("Hi!"));
    await client(server).ask(hello);
    const { temperature, top_p, seed } = server.received[0]!.body;
    assert.deepEqual({ temperature, top_p, seed }, { temperature: 0, top_p: 1, seed: 0 });
  });

  test("and says when an answer is cut", async (t) => {
    const server = await apiServer(t, answers("Hi, I", { finish: "length" }));
    assert.equal((await client(server).ask(hello)).finish, "length");
  });

  test("piece by piece", async (t) => {
    const usage = { prompt_tokens: 5, completion_tokens: 2 };
    const server = await apiServer(
      t,
      streams([piece("Hé"), piece("llo"), piece("", "stop"), { choices: [], usage }, "[DONE]"]),
    );
    const pieces: string[] = [];
    const answer = await client(server).ask(hello, { onText: (text) => pieces.push(text) });
    assert.deepEqual(pieces, ["Hé", "llo"]);
    assert.deepEqual(answer, {
      text: "Héllo",
      finish: "stop",
      usage: { promptTokens: 5, completionTokens: 2 },
      fromCache: false,
    });
    assert.deepEqual(server.received[0]!.body.stream_options, { include_usage: true });
  });

  test("by a server that streams nothing, though asked to", async (t) => {
    const server = await apiServer(t, answers("Hi!"));
    const pieces: string[] = [];
    await client(server).ask(hello, { onText: (text) => pieces.push(text) });
    assert.deepEqual(pieces, ["Hi!"]);
  });
});

describe("a request is made again", () => {
  for (const status of [408, 409, 429, 500, 502, 503])
    test(`after ${status}`, async (t) => {
      const server = await apiServer(t, inTurn(refuses(status), refuses(status), answers("Hi!")));
      assert.equal((await client(server).ask(hello)).text, "Hi!");
      assert.equal(server.received.length, 3);
    });

  test("after a body that is cut", async (t) => {
    const server = await apiServer(
      t,
      inTurn((response) => void response.writeHead(200).end('{"choices":[{"mess'), answers("Hi!")),
    );
    assert.equal((await client(server).ask(hello)).text, "Hi!");
  });

  test("after a connection that is lost", async (t) => {
    const server = await apiServer(
      t,
      inTurn((response) => void response.destroy(), answers("Hi!")),
    );
    assert.equal((await client(server).ask(hello)).text, "Hi!");
  });

  test("after silence", async (t) => {
    const server = await apiServer(
      t,
      inTurn(() => {}, answers("Hi!")),
    );
    assert.equal((await client(server, { stallMs: 60 }).ask(hello)).text, "Hi!");
  });

  test("after a stream that breaks off before its first word", async (t) => {
    const server = await apiServer(t, inTurn(streams([piece("")], false), streams([piece("Hi!", "stop")])));
    const pieces: string[] = [];
    await client(server).ask(hello, { onText: (text) => pieces.push(text) });
    assert.deepEqual(pieces, ["Hi!"]);
  });

  test("when the server says, by all", async (t) => {
    const server = await apiServer(t, inTurn(refuses(429, { "retry-after-ms": "250" }), answers("Hi!")));
    const asking = client(server, { concurrency: 1 });
    const started = performance.now();
    await Promise.all([asking.ask(hello), asking.ask(hello)]);
    assert.ok(performance.now() - started >= 245);
    assert.equal(server.received.length, 3);
  });
});

describe("a request is not made again", () => {
  for (const [status, code, says] of [
    [400, "refused", /answered 400: no$/],
    [401, "unauthorized", /the key in OPENAI_API_KEY is not taken/],
    [403, "unauthorized", /OPENAI_API_KEY/],
    [404, "refused", /no model tiny, or .*\/v1 is not the API's address/],
    [422, "refused", /answered 422/],
    [302, "refused", /redirects elsewhere/],
  ] as const)
    test(`after ${status}`, async (t) => {
      const server = await apiServer(
        t,
        refuses(status, status === 302 ? { location: "http://127.0.0.1:1/" } : {}),
      );
      await assert.rejects(client(server).ask(hello), failsWith(code, says));
      assert.equal(server.received.length, 1);
    });

  test("more often than its policy says", async (t) => {
    const server = await apiServer(t, refuses(500));
    await assert.rejects(
      client(server, { retry: { ...quick, attempts: 3 } }).ask(hello),
      failsWith("failed", /answered 500: no; tried 3 times/),
    );
    assert.equal(server.received.length, 3);
  });

  test("where the server asks to wait too long", async (t) => {
    const server = await apiServer(t, refuses(429, { "retry-after": "3600" }));
    await assert.rejects(client(server).ask(hello), failsWith("failed", /wait 3600 seconds: go on later/));
  });

  test("where part of a stream was shown", async (t) => {
    const server = await apiServer(t, streams([piece("Hel")], false));
    await assert.rejects(
      client(server).ask(hello, { onText: () => {} }),
      failsWith("failed", /broke off in the middle of an answer/),
    );
    assert.equal(server.received.length, 1);
  });

  test("where a web page answers", async (t) => {
    const server = await apiServer(t, (response) => void response.writeHead(200).end("<html>Log in</html>"));
    await assert.rejects(client(server).ask(hello), failsWith("malformed", /a web page came/));
  });

  test("where JSON of another kind answers", async (t) => {
    const server = await apiServer(t, (response) => void response.writeHead(200).end('{"ok":true}'));
    await assert.rejects(
      client(server).ask(hello),
      failsWith("malformed", /no answer of a chat API: \{"ok":true\}/),
    );
  });

  test("where the model declines", async (t) => {
    const server = await apiServer(t, answers("", { finish: "content_filter" }));
    await assert.rejects(client(server).ask(hello), failsWith("declined", /declined to answer/));
  });

  test("where nobody waits any more", async (t) => {
    const server = await apiServer(t, () => {});
    const controller = new AbortController();
    setTimeout(() => controller.abort(), 30);
    await assert.rejects(
      client(server).ask(hello, { signal: controller.signal }),
      failsWith("stopped", /nobody waits/),
    );
  });

  test("where nobody waits any more in the middle of a stream, and what it can have taken is counted", async (t) => {
    const server = await apiServer(t, streams([piece("One "), piece("two ")], false));
    const controller = new AbortController();
    const asked = client(server);
    await assert.rejects(
      asked.ask(hello, { signal: controller.signal, onText: () => controller.abort() }),
      failsWith("stopped", /nobody waits/),
    );
    assert.equal(asked.spent.completionTokens, hello.maxTokens);
  });

  test("and a stream that broke off is counted as the most that it can have taken", async (t) => {
    const server = await apiServer(t, streams([piece("One "), piece("two ")], false));
    const asked = client(server);
    await assert.rejects(asked.ask(hello, { onText: () => {} }), failsWith("failed", /broke off/));
    assert.equal(asked.spent.completionTokens, hello.maxTokens);
  });

  test("and nobody at the address is told as that", async (t) => {
    const server = await apiServer(t, answers(""));
    const { endpoint } = server;
    const nobody = new ChatClient({
      model: "tiny",
      endpoint: new (endpoint.constructor as new (base: URL, key: string) => typeof endpoint)(
        new URL("http://127.0.0.1:9/v1"),
        KEY,
      ),
      retry: { ...quick, attempts: 2 },
    });
    await assert.rejects(
      nobody.ask(hello),
      failsWith("unreachable", /cannot be reached \(.*\); tried 2 times/),
    );
  });
});

describe("limits hold", () => {
  test("at most so many requests are on their way", async (t) => {
    const server = await apiServer(t, async (response, request, number) => {
      await new Promise((resolve) => setTimeout(resolve, 5));
      await answers("Hi!")(response, request, number);
    });
    const asking = client(server, { concurrency: 3 });
    await Promise.all(Array.from({ length: 20 }, () => asking.ask(hello)));
    assert.equal(server.load.most, 3);
  });

  test("a budget of requests counts those that are repeated", async (t) => {
    const server = await apiServer(t, refuses(500));
    const asking = client(server, { budget: { requests: 2 } });
    await assert.rejects(asking.ask(hello), failsWith("budget", /2 of 2 requests are made/));
    assert.equal(server.received.length, 2);
  });

  test("a budget of tokens is never exceeded, however many ask at a time", async (t) => {
    const server = await apiServer(
      t,
      answers("Hi!", { usage: { prompt_tokens: 30, completion_tokens: 20 } }),
    );
    const asking = client(server, { budget: { tokens: 500 }, concurrency: 8 });
    const asked = await Promise.allSettled(Array.from({ length: 30 }, () => asking.ask(hello)));
    const { promptTokens, completionTokens } = asking.spent;
    assert.ok(promptTokens + completionTokens <= 500, `${promptTokens + completionTokens}`);
    const answered = asked.filter(({ status }) => status === "fulfilled").length;
    assert.equal(server.received.length, answered);
    assert.ok(answered >= 8, `${answered} were answered`);
    const reason: unknown = (asked.at(-1) as PromiseRejectedResult).reason;
    failsWith("budget", /of 500 tokens are used, and the next request may take 58 tokens/)(reason);
  });

  test("a budget in money goes by the prices", async (t) => {
    const server = await apiServer(
      t,
      answers("Hi!", { usage: { prompt_tokens: 30, completion_tokens: 20 } }),
    );
    const asking = client(server, { budget: { money: 0.0005 }, prices: { prompt: 1, completion: 10 } });
    await asking.ask(hello);
    await assert.rejects(
      (async () => {
        for (;;) await asking.ask(hello);
      })(),
      failsWith("budget", /of 0.0005 are paid/),
    );
    assert.ok(asking.spent.money! <= 0.0005);
    assert.match(describeSpent(asking.spent), /^2 requests, 60 tokens asked and 40 answered, cost 0\.0005$/);
  });

  test("an answer that broke off counts as the most that it can have taken", async (t) => {
    const server = await apiServer(
      t,
      inTurn((response) => void response.writeHead(200).end("{"), answers("Hi!")),
    );
    const asking = client(server);
    await asking.ask(hello);
    assert.deepEqual(asking.spent, { requests: 2, promptTokens: 45, completionTokens: 23, money: undefined });
  });

  test("a budget in money without prices is refused", () => {
    assert.throws(
      () => client({ endpoint: undefined } as unknown as ApiServer, { budget: { money: 1 } }),
      /prices|OPENAI_BASE_URL/,
    );
  });
});

test("a key that the server repeats is not told", async (t) => {
  const server = await apiServer(
    t,
    inTurn(answers(`Your key is ${KEY}`), refuses(400, {}, `{"error":"bad key ${KEY}"}`)),
  );
  assert.equal((await client(server).ask(hello)).text, "Your key is [key]");
  await assert.rejects(client(server).ask(hello), failsWith("refused", /bad key \[key\]/));
  assert.ok(!inspect(client(server), { depth: 9, showHidden: true }).includes(KEY));
  assert.ok(!JSON.stringify(client(server)).includes(KEY));
});
