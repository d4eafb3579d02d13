import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { request as httpRequest } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { readPersonaSpecs } from "../../src/corpus/specification";
import { type Partner, quietPartner } from "../../src/writing/partner";
import { type RunningRoom, startWritingRoom } from "../../src/writing/server";
import type { WriterState } from "../../src/writing/page/messages";

const directory = mkdtempSync(join(tmpdir(), "writing-server-"));
let room: RunningRoom;
let answering = () => {};
const slow: Partner = {
  about: "waits until nobody does",
  answer: (_topic, _turns, _draw, { onText, signal }) =>
    new Promise((resolve) => {
      onText("Well");
      answering();
      signal.addEventListener("abort", () => resolve("Well …"));
    }),
};
before(async () => {
  room = await startWritingRoom({
    ...{ directory, personas: readPersonaSpecs(), topics: ["tea"] },
    partners: { quiet: quietPartner, slow },
  });
});
after(async () => {
  await room.close();
  rmSync(directory, { recursive: true });
});

interface Reply {
  readonly status: number;
  readonly headers: NodeJS.Dict<string | string[]>;
  readonly text: string;
}

/** A request with the token and whatever headers, which `fetch` would not send. */
function ask(
  path: string,
  body?: unknown,
  headers: Record<string, string> = {},
  method?: string,
): Promise<Reply> {
  const { hostname, port } = new URL(room.url);
  return new Promise((resolve, reject) => {
    const request = httpRequest(
      {
        ...{ hostname, port, path, method: method ?? (body === undefined ? "GET" : "POST") },
        headers: { authorization: `Bearer ${room.token}`, ...headers },
      },
      (response) => {
        let text = "";
        response.on("data", (chunk) => (text += String(chunk)));
        response.on("end", () => resolve({ status: response.statusCode!, headers: response.headers, text }));
      },
    );
    request.on("error", reject);
    request.end(typeof body === "string" ? body : body && JSON.stringify(body));
  });
}
const problemOf = ({ text }: Reply) => (JSON.parse(text) as { problem: string }).problem;
const begins = { persona_id: "playful", topic: "tea", partner: "quiet" };
const turn = (writer: string, draft: string) => ({
  ...{ writer, draft, at: 0, begins, content: "One point for tea!", alternatives: ["Tea."] },
});

describe("the writing room's server", () => {
  test("gives the page to whoever asks on loopback, with a strict policy, and no token in it", async () => {
    for (const [path, type, holds] of [
      ["/", /text\/html/, /<h1>The persona writing room/],
      ["/page.js", /javascript/, /api\/say/],
      ["/page.css", /css/, /focus-visible/],
    ] as const) {
      const { status, headers, text } = await ask(path, undefined, { authorization: "" });
      assert.equal(status, 200);
      assert.match(String(headers["content-type"]), type);
      assert.match(text, holds);
      assert.ok(!text.includes(room.token));
      const policy = String(headers["content-security-policy"]);
      assert.match(policy, /default-src 'none'; script-src 'self'; .*frame-ancestors 'none'/);
      assert.doesNotMatch(policy, /unsafe|http|\*/);
    }
    assert.ok(new URL(room.url).hash.includes(room.token), "the token is in the fragment");
    assert.equal(new URL(room.url).search, "");
  });

  test("keeps a turn, tells the answer piece by piece, and both are saved", async () => {
    const draft = randomUUID();
    const said = JSON.parse((await ask("/api/say", turn("ann", draft))).text) as WriterState;
    assert.equal(said.drafts[0]!.turns.length, 1);
    const { headers, text } = await ask("/api/answer", { writer: "ann", draft, at: 1 });
    assert.match(String(headers["content-type"]), /ndjson/);
    const events = text
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as object);
    assert.deepEqual(events[0], { piece: "Hello. So, tea. What about it?" });
    const { state } = events.at(-1) as { state: WriterState };
    assert.deepEqual(JSON.parse((await ask("/api/open", { writer: "ann" })).text), state);
    assert.equal(state.drafts[0]!.turns.length, 2);
  });

  test("a page that goes away while the partner answers leaves the turn saved, and the answer away", async () => {
    const draft = randomUUID();
    await ask("/api/say", { ...turn("bob", draft), begins: { ...begins, partner: "slow" } });
    const gone = new AbortController();
    const begun = new Promise<void>((resolve) => (answering = resolve));
    const waiting = fetch(new URL("/api/answer", room.url), {
      method: "POST",
      headers: { authorization: `Bearer ${room.token}` },
      body: JSON.stringify({ writer: "bob", draft, at: 1 }),
      signal: gone.signal,
    }).then((response) => response.text());
    await begun;
    gone.abort();
    await assert.rejects(waiting);
    await new Promise((resolve) => setTimeout(resolve, 50));
    const { drafts } = JSON.parse((await ask("/api/open", { writer: "bob" })).text) as WriterState;
    assert.equal(drafts[0]!.turns.length, 1);
  });
});

describe("what is not taken is said, and nothing is written:", () => {
  const files = () => readdirSync(directory, { recursive: true }).map(String).sort();

  test("requests without the token, for another host, from another page", async () => {
    const before = files();
    const body = turn("eve", randomUUID());
    for (const authorization of ["", "Bearer", "Bearer wrong", room.token]) {
      for (const path of ["/api/say", "/api/open", "/api/none"]) {
        const reply = await ask(path, body, { authorization });
        assert.equal(reply.status, 401);
        assert.match(problemOf(reply), /send Authorization: Bearer TOKEN, as npm run write shows it/);
      }
      assert.equal((await ask("/api/room", undefined, { authorization })).status, 401);
    }
    for (const path of ["/", "/api/say"]) {
      const post = path === "/" ? undefined : body;
      const elsewhere = await ask(path, post, { host: "evil.example:80" });
      assert.equal(elsewhere.status, 403);
      assert.match(problemOf(elsewhere), /answers to 127\.0\.0\.1 and localhost only/);
      const { port } = new URL(room.url);
      for (const origin of [
        "https://evil.example",
        "null",
        "http://127.0.0.1:1",
        `https://127.0.0.1:${port}`,
      ])
        assert.equal((await ask(path, post, { origin })).status, 403, origin);
    }
    assert.deepEqual(files(), before);
    const { origin } = new URL(room.url);
    assert.equal((await ask("/api/open", { writer: "ann" }, { origin })).status, 200);
  });

  test("other methods, paths, bodies", async () => {
    const before = files();
    const draft = randomUUID();
    assert.equal((await ask("/api/say", undefined, {}, "GET")).status, 405);
    assert.equal((await ask("/", "", {}, "POST")).status, 405);
    assert.equal((await ask("/../etc/passwd")).status, 404);
    assert.equal((await ask("/api/say", "x".repeat(70_000))).status, 413);
    for (const [body, message] of [
      ["{", /the body is no JSON/],
      [{ ...turn("ann", draft), alternatives: ["a", "b", "c", "d"] }, /three alternatives at most/],
      [{ ...turn("ann", "../../x") }, /at draft/],
      [{ ...turn("ann", draft), more: 1 }, /"more": there is no such name/],
      [{ ...turn("../ann", draft) }, /is no writer's name/],
    ] as const) {
      const reply = await ask("/api/say", body);
      assert.equal(reply.status, 400);
      assert.match(problemOf(reply), message);
    }
    assert.deepEqual(files(), before);
  });
});
