import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { request as httpRequest } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import OpenAI from "openai";
import { Conversation } from "../../src/chat/conversation";
import { openChatModel, type OpenChatModel } from "../../src/chat/open";
import { ChatClient } from "../../src/chat-api/client";
import { Endpoint } from "../../src/chat-api/endpoint";
import { type RunningServer, startServer } from "../../src/serve/http";
import { Served } from "../../src/serve/served";
import { tinyAdapter, writeTinyChat } from "../chat/tiny-chat";

const folder = mkdtempSync(join(tmpdir(), "serve-"));
after(() => rmSync(folder, { recursive: true }));
const directory = writeTinyChat(join(folder, "model"));

const open: (RunningServer | OpenChatModel)[] = [];
after(async () => {
  for (const one of open) await ("close" in one ? one.close() : one.dispose());
});

let model: OpenChatModel;
let served: Served;
let server: RunningServer;
before(async () => {
  model = await openChatModel({ model: directory, adapters: { maria: tinyAdapter } });
  served = new Served({ ...model, name: "tiny" }, { waiting: 40 });
  server = await startServer(served, { bodyLimit: 20_000 });
  open.push(server, model);
});

const hello = [{ role: "user", content: "Hi" }] as const;
const greedy = { model: "tiny", messages: hello, max_tokens: 12, temperature: 0 };

async function post(body: unknown, headers: Record<string, string> = {}, path = "/chat/completions") {
  const response = await fetch(`${server.url}${path}`, {
    method: "POST",
    headers: { authorization: `Bearer ${server.token}`, "content-type": "application/json", ...headers },
    body: typeof body === "string" ? body : JSON.stringify(body),
  });
  return { status: response.status, headers: response.headers, value: (await response.json()) as Answer };
}

interface Answer {
  choices: [{ message: { content: string }; finish_reason: string; logprobs: Logprobs | null }];
  usage: { prompt_tokens: number; completion_tokens: number; total_tokens: number };
  error: { message: string; type: string };
}
interface Logprobs {
  content: {
    token: string;
    logprob: number;
    bytes: number[];
    top_logprobs: { token: string; logprob: number }[];
  }[];
}

const contentOf = async (body: unknown) => (await post(body)).value.choices[0].message.content;

describe("a model behind the API", () => {
  test("answers as it does in a conversation", async () => {
    const conversation = new Conversation(model, undefined, { temperature: 0, maxNewTokens: 12 });
    const { text } = await conversation.answer("Hi");
    const { value } = await post(greedy);
    assert.equal(value.choices[0].message.content, text);
    assert.equal(value.choices[0].finish_reason, "length");
    const { prompt_tokens, completion_tokens, total_tokens } = value.usage;
    assert.deepEqual([completion_tokens, total_tokens], [12, prompt_tokens + 12]);
  });

  test("answers with an adapter as the model does that it is merged into", async () => {
    const merged = await openChatModel({ model: directory, adapter: tinyAdapter });
    open.push(merged);
    const { text } = await new Conversation(merged, undefined, { temperature: 0, maxNewTokens: 12 }).answer(
      "Hi",
    );
    const [with_, without, again] = await Promise.all(
      ["maria", "tiny", "maria"].map((model) => contentOf({ ...greedy, model })),
    );
    assert.equal(with_, text);
    assert.equal(again, text);
    assert.notEqual(without, text);
  });

  test("takes a system message", async () => {
    const messages = [{ role: "system", content: "Be kind" }, ...hello];
    const { text } = { text: await contentOf({ ...greedy, messages }) };
    assert.notEqual(text, await contentOf(greedy));
  });

  test("draws by the seed", async () => {
    const drawn = (seed: number) => contentOf({ ...greedy, temperature: 1, seed });
    assert.equal(await drawn(3), await drawn(3));
    assert.notEqual(await drawn(3), await drawn(4));
  });

  test("ends at any of several texts, and goes without them", async () => {
    const whole = await contentOf({ ...greedy, max_tokens: 30 });
    const [late, early] = [whole.slice(14, 17), whole.slice(5, 8)];
    const { value } = await post({ ...greedy, max_tokens: 30, stop: ["never", late, early] });
    const place = Math.min(whole.indexOf(late), whole.indexOf(early));
    assert.equal(value.choices[0].message.content, whole.slice(0, place).trimEnd());
    assert.equal(value.choices[0].finish_reason, "stop");
  });

  test("tells log-probabilities: those of the model, the likeliest first", async () => {
    const { value } = await post({ ...greedy, max_tokens: 5, logprobs: true, top_logprobs: 96 - 76 });
    const { content } = value.choices[0].logprobs!;
    assert.equal(content.length, 5);
    for (const { token, logprob, top_logprobs } of content) {
      assert.equal(top_logprobs.length, 20);
      assert.deepEqual(
        { token, logprob },
        { token: top_logprobs[0]!.token, logprob: top_logprobs[0]!.logprob },
      );
      const all = top_logprobs.map(({ logprob }) => logprob);
      assert.deepEqual(
        all,
        [...all].sort((a, b) => b - a),
      );
      assert.ok(all.reduce((sum, logprob) => sum + Math.exp(logprob), 0) <= 1 + 1e-6);
    }
    const ids = model.form.messages(hello).input;
    const decoder = await model.generator.startDecoder(
      (await import("../../src/models/tokenizer/tokenizer")).padBatch([[...ids]], 0),
      1,
      1,
    );
    const expected = await decoder.nextLogProbabilities(Int32Array.of(decoder.prompts[0]!.at(-1)!));
    decoder.dispose();
    assert.ok(Math.abs(Math.max(...expected) - content[0]!.logprob) < 1e-5);
  });

  test("is talked to by the stock client, whole and piece by piece", async () => {
    const client = new OpenAI({ baseURL: server.url, apiKey: server.token, maxRetries: 0 });
    const whole = await client.chat.completions.create({ ...greedy, messages: [...hello] });
    const stream = await client.chat.completions.create({
      ...greedy,
      messages: [...hello],
      stream: true,
      stream_options: { include_usage: true },
    });
    const events = [];
    for await (const event of stream) events.push(event);
    const text = events.map(({ choices }) => choices[0]?.delta.content ?? "").join("");
    assert.equal(text, whole.choices[0]!.message.content);
    assert.equal(events[0]!.choices[0]!.delta.role, "assistant");
    assert.equal(events.at(-2)!.choices[0]!.finish_reason, "length");
    assert.deepEqual(events.at(-1)!.usage, whole.usage);
    assert.ok(events.length > 5, "it came in one piece");
    const models = [];
    for await (const { id } of client.models.list()) models.push(id);
    assert.deepEqual(models, ["tiny", "maria"]);
    await assert.rejects(
      client.chat.completions.create({ ...greedy, messages: [...hello], model: "gpt-4" }),
      (error: InstanceType<typeof OpenAI.APIError>) =>
        error.status === 404 && /there is tiny, maria/.test(error.message),
    );
  });

  test("is talked to by this project's own client", async () => {
    const endpoint = new Endpoint(new URL(server.url), server.token);
    const answer = await new ChatClient({ model: "tiny", endpoint }).ask({ messages: hello, maxTokens: 12 });
    assert.equal(answer.text, await contentOf(greedy));
    const pieces: string[] = [];
    const streamed = await new ChatClient({ model: "tiny", endpoint }).ask(
      { messages: hello, maxTokens: 12 },
      { onText: (piece) => pieces.push(piece) },
    );
    assert.equal(streamed.text, answer.text);
    assert.equal(pieces.join(""), answer.text);
    assert.deepEqual(streamed.usage, answer.usage);
  });

  const curl = spawnSync("curl", ["--version"]).status === 0;
  test("is talked to by curl", { skip: curl ? false : "there is no curl here" }, async () => {
    const { spawn } = await import("node:child_process");
    const child = spawn("curl", [
      ...["-sS", "--fail", "--noproxy", "*", `${server.url}/chat/completions`],
      ...["-H", `Authorization: Bearer ${server.token}`, "-H", "Content-Type: application/json"],
      ...["-d", JSON.stringify(greedy)],
    ]);
    let said = "";
    for await (const chunk of child.stdout) said += String(chunk);
    assert.equal((JSON.parse(said) as Answer).choices[0].message.content, await contentOf(greedy));
  });
});

describe("what is not taken is said", () => {
  test("a request without the token, or with another", async () => {
    for (const authorization of ["", "Bearer", "Bearer wrong", `Basic ${server.token}`, server.token]) {
      const { status, value } = await post(greedy, { authorization });
      assert.equal(status, 401);
      assert.match(value.error.message, /send Authorization: Bearer TOKEN/);
    }
    const models = await fetch(`${server.url}/models`);
    assert.equal(models.status, 401);
  });

  test("a page elsewhere whose name leads here", async () => {
    const status = await new Promise((resolve, reject) => {
      const { port } = new URL(server.url);
      const headers = { host: "evil.example", authorization: `Bearer ${server.token}` };
      httpRequest({ host: "127.0.0.1", port, path: "/v1/models", headers }, (response) => {
        response.resume();
        resolve(response.statusCode);
      })
        .on("error", reject)
        .end();
    });
    assert.equal(status, 403);
  });

  const refused: [what: string, body: unknown, status: number, says: RegExp][] = [
    ["no JSON", "{", 400, /the body is no JSON/],
    ["no object", "[]", 400, /the body: /],
    ["no messages", { model: "tiny" }, 400, /^messages: /],
    ["an empty list of messages", { ...greedy, messages: [] }, 400, /^messages: /],
    ["an image", { ...greedy, messages: [{ role: "user", content: [{ type: "image_url" }] }] }, 400, /messages\.0\.content/],
    ["a tool's message", { ...greedy, messages: [{ role: "tool", content: "a" }] }, 400, /tools are not taken here/],
    ["tools", { ...greedy, tools: [{}] }, 400, /^tools: tools are not taken/],
    ["several answers", { ...greedy, n: 2 }, 400, /^n: one answer a request/],
    ["a schema", { ...greedy, response_format: { type: "json_schema" } }, 400, /response_format\.type: answers are plain text here/],
    ["penalties", { ...greedy, frequency_penalty: 1 }, 400, /penalties are not taken/],
    ["a temperature below 0", { ...greedy, temperature: -1 }, 400, /^temperature: /],
    ["more than the context", { ...greedy, max_tokens: 5000 }, 400, /context has 2048/],
    ["messages longer than the context", { ...greedy, messages: [{ role: "user", content: "a".repeat(3000) }] }, 400, /the model's context has 2048/],
    ["control tokens", { ...greedy, messages: [{ role: "user", content: "<|im_end|>" }] }, 400, /spells out <\|im_end\|>, a control token/],
    ["another model", { ...greedy, model: "gpt-4" }, 404, /no model "gpt-4" here: there is tiny, maria/],
    ["too long a body", { ...greedy, user: "a".repeat(30_000) }, 413, /more than 20000 bytes/],
  ]; // prettier-ignore
  for (const [what, body, status, says] of refused)
    test(what, async () => {
      const answer = await post(body);
      assert.equal(answer.status, status, JSON.stringify(answer.value));
      assert.match(answer.value.error.message, says);
      const streamed = await post(typeof body === "string" ? body : { ...(body as object), stream: true });
      assert.equal(streamed.status, status);
    });

  test("a body without a length that never ends", async () => {
    const { port } = new URL(server.url);
    const status = await new Promise((resolve, reject) => {
      const headers = { authorization: `Bearer ${server.token}` };
      const sent = httpRequest(
        { host: "127.0.0.1", port, method: "POST", path: "/v1/chat/completions", headers },
        (response) => {
          response.resume();
          resolve(response.statusCode);
        },
      ).on("error", reject);
      const more = setInterval(() => sent.write("a".repeat(5000)), 5);
      sent.on("close", () => clearInterval(more));
    });
    assert.equal(status, 413);
  });

  test("other addresses and methods", async () => {
    assert.equal((await post(greedy, {}, "/completions")).status, 404);
    const get = await fetch(`${server.url}/chat/completions`, {
      headers: { authorization: `Bearer ${server.token}` },
    });
    assert.equal(get.status, 405);
    assert.equal(get.headers.get("allow"), "POST");
  });

  test("more requests than may wait, with when to come again", async () => {
    const asked = await Promise.all(Array.from({ length: 60 }, () => post({ ...greedy, max_tokens: 60 })));
    const statuses = asked.map(({ status }) => status);
    assert.deepEqual([...new Set(statuses)].sort(), [200, 429]);
    const full = asked.find(({ status }) => status === 429)!;
    assert.equal(full.headers.get("retry-after"), "1");
    assert.match(full.value.error.message, /40 requests wait already: come again later/);
  });
});

test("a thousand requests, of which many vanish: each has its own answer, and nothing is left behind", async () => {
  const kinds = Array.from({ length: 12 }, (_, i) => ({
    ...greedy,
    model: i % 4 === 0 ? "maria" : "tiny",
    messages: [{ role: "user", content: `Number ${i}${"!".repeat(i)}` }],
    max_tokens: 4 + (i % 5),
    stream: i % 3 === 0,
  }));
  const expected: string[] = [];
  for (const body of kinds) expected.push(await contentOf({ ...body, stream: false }));
  let asked = 0;
  let vanished = 0;
  let answered = 0;
  const worker = async () => {
    for (let number = asked++; number < 1000; number = asked++) {
      const kind = number % kinds.length;
      const gone = new AbortController();
      if (number % 5 === 0) setTimeout(() => gone.abort(), number % 40);
      try {
        const response = await fetch(`${server.url}/chat/completions`, {
          method: "POST",
          headers: { authorization: `Bearer ${server.token}`, "content-type": "application/json" },
          body: JSON.stringify(kinds[kind]),
          signal: gone.signal,
        });
        const text = await response.text();
        assert.equal(response.status, 200, text);
        assert.equal(kinds[kind]!.stream ? streamedText(text) : wholeText(text), expected[kind]);
        answered++;
      } catch (error) {
        if (!gone.signal.aborted) throw error;
        vanished++;
      }
    }
  };
  await Promise.all(Array.from({ length: 32 }, worker));
  assert.equal(answered + vanished, 1000);
  assert.ok(vanished > 50, `${vanished} vanished`);
  assert.ok(answered >= 800, `${answered} were answered`);
  for (let i = 0; i < 100 && served.load.running + served.load.waiting > 0; i++)
    await new Promise((resolve) => setTimeout(resolve, 20));
  assert.deepEqual(served.load, { waiting: 0, running: 0 });
  assert.equal(await contentOf(greedy), await contentOf(greedy));
});

const wholeText = (text: string) => (JSON.parse(text) as Answer).choices[0].message.content;
const streamedText = (text: string) =>
  text
    .split("\n\n")
    .filter((event) => event.startsWith("data: {"))
    .map((event) => JSON.parse(event.slice(6)) as { choices: { delta: { content?: string } }[] })
    .map(({ choices }) => choices[0]?.delta.content ?? "")
    .join("");
