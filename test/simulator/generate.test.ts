import assert from "node:assert/strict";
import { appendFileSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, type TestContext, test } from "node:test";
import { ChatClient } from "../../src/chat-api/client";
import { readRecords } from "../../src/corpus/records";
import { readPersonaSpecs } from "../../src/corpus/specification";
import {
  generateRecords,
  type GenerateOptions,
  generationPaths,
  keptUsage,
} from "../../src/simulator/generate";
import { answers, apiServer, type Behaviour, refuses } from "../chat-api/server";
import { teaches } from "./teacher-server";

const folder = mkdtempSync(join(tmpdir(), "generate-"));
after(() => rmSync(folder, { recursive: true }));
const personas = readPersonaSpecs();
const topics = ["tea", "rain", "wool", "the moon", "a boat"];
const quiet = { advance() {}, skip() {}, finish() {} };

async function run(
  t: TestContext,
  name: string,
  behave: Behaviour,
  changes: Partial<GenerateOptions & { tokens: number }> = {},
) {
  const server = await apiServer(t, behave);
  const said: string[] = [];
  const { tokens, ...given } = changes;
  const client = new ChatClient({
    model: "m",
    endpoint: server.endpoint,
    concurrency: 4,
    retry: { attempts: 2, firstWaitMs: 1 },
    ...(tokens !== undefined && { budget: { tokens } }),
  });
  const options: GenerateOptions = {
    ...{
      personas,
      topics,
      seed: 1,
      teacher: "m",
      count: 20,
      concurrency: 4,
      maxTokens: 600,
      temperature: 0.9,
    },
    directory: join(folder, name),
    say: (line) => said.push(line),
    progress: () => quiet,
    ...given,
  };
  // The address of each server is another one; the source is the same to the folder.
  const source = { name: "m", ask: client.ask.bind(client) };
  const generated = await generateRecords(source, options);
  return { ...generated, said, server, paths: generationPaths(options.directory) };
}
const read = (path: string) => readFileSync(path, "utf8");

test("what is kept and what is rejected lie in files, each rejected one with its reason", async (t) => {
  const bad: Behaviour = (response, request, number) =>
    number % 4 === 0
      ? answers("Certainly!")(response, request, number)
      : teaches()(response, request, number);
  const { records, rejected, open, paths } = await run(t, "some", bad);
  assert.deepEqual([records.length, rejected.length, open], [15, 5, 0]);
  assert.deepEqual(
    readRecords(paths.records).map(({ line: _, ...one }) => one),
    records,
  );
  const lines = read(paths.rejected)
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  assert.equal(lines.length, 5);
  for (const { reason, text, persona_id } of lines) {
    assert.equal(reason, 'a line is no speaker\'s: "Certainly!"');
    assert.equal(text, "Certainly!");
    assert.ok(personas.some(({ id }) => id === persona_id));
  }
});

test("rate, time and cost of the whole are told after the first fifty, before the others are asked for", async (t) => {
  let askedWhenTold: number | undefined;
  let asked = 0;
  const counted: Behaviour = (response, request, number) => {
    asked = number;
    return teaches()(response, request, number);
  };
  const said: string[] = [];
  const prices = { prompt: 1, completion: 2 };
  await run(t, "rate", counted, {
    count: 120,
    prices,
    say: (line) => {
      said.push(line);
      if (line.includes("left will take")) askedWhenTold = asked;
    },
  });
  assert.equal(askedWhenTold, 50);
  assert.match(
    said[0]!,
    /^measured on 50 dialogues: [\d.]+ a second, 25,000 tokens asked, 15,000 answered, cost 0\.06; 100 % of those/,
  );
  assert.match(
    said[1]!,
    /^the 70 dialogues left will take about [\d.]+ s, 35,000 tokens asked, 21,000 answered, cost 0\.08$/,
  );
});

test("of fifty or fewer it is told what ten thousand would take", async (t) => {
  const { said } = await run(t, "fifty", teaches());
  assert.match(
    said[1]!,
    /^10,000 dialogues would take about .*, 5,000,000 tokens asked, 3,000,000 answered$/,
  );
});

test("the same call goes on where it was cut, asks nothing twice, and ends with the same files", async (t) => {
  const straight = await run(t, "straight", teaches());
  const first = await run(t, "cut", teaches(), { count: 8 });
  assert.equal(first.server.received.length, 8);
  appendFileSync(first.paths.answers, '{"task":8,"text":"User: half a li');
  const second = await run(t, "cut", teaches());
  assert.equal(second.server.received.length, 12, "the half line is asked for again, the whole ones are not");
  assert.match(second.said[0]!, /^goes on in .*cut: 8 of 20 are answered$/);
  assert.equal(read(second.paths.records), read(straight.paths.records));
  assert.equal(read(second.paths.rejected), read(straight.paths.rejected));
  assert.deepEqual(keptUsage(join(folder, "cut")), { promptTokens: 20 * 500, completionTokens: 20 * 300 });
  const third = await run(t, "cut", teaches(), { count: 3 });
  assert.equal(third.server.received.length, 0);
  assert.equal(read(third.paths.records), read(straight.paths.records));
});

test("being interrupted waits for the requests on their way and keeps what they bring", async (t) => {
  const stop = new AbortController();
  const stopping: Behaviour = (response, request, number) => {
    if (number === 6) stop.abort();
    return teaches(5)(response, request, number);
  };
  const { server, records, open, stopped } = await run(t, "stopped", stopping, { signal: stop.signal });
  assert.equal(stopped, "interrupted");
  assert.equal(records.length, server.received.length);
  assert.equal(open, 20 - server.received.length);
  assert.ok(open > 0);
});

test("a budget ends the run with what it paid for, and says so", async (t) => {
  const { stopped, records, open } = await run(t, "budget", teaches(), { tokens: 12_000 });
  assert.match(stopped!, /the budget is spent: /);
  assert.ok(records.length > 0 && open > 0 && records.length + open === 20);
});

test("what a model declines is rejected once; what a server refuses stays open; what never works ends the run", async (t) => {
  const behave: Behaviour = (response, request, number) =>
    number === 2
      ? answers("", { finish: "content_filter" })(response, request, number)
      : number === 5
        ? refuses(400)(response, request, number)
        : teaches()(response, request, number);
  const { rejected, open, said, records } = await run(t, "declined", behave);
  assert.equal(records.length, 18);
  assert.match(rejected[0]!.reason, /^declined: .*the model declined to answer/);
  assert.equal(open, 1);
  assert.ok(
    said.some((line) => /^task \d+ stays open: .*answered 400: no$/.test(line)),
    said.join("\n"),
  );
  const again = await run(t, "declined", teaches());
  assert.deepEqual([again.server.received.length, again.open, again.rejected.length], [1, 0, 1]);

  for (const [status, name, most] of [
    [401, "unauthorized", 4],
    [400, "refused", 8],
    [503, "failed", 8],
  ] as const) {
    const never = await run(t, name, refuses(status));
    assert.match(never.stopped!, new RegExp(`answered ${status}`));
    assert.ok(never.server.received.length <= most, `${status}: ${never.server.received.length} requests`);
    assert.equal(never.open, 20);
    assert.ok(!existsSync(never.paths.records));
  }
});

test("a folder of other settings, or in which another process writes, is refused by name", async (t) => {
  await run(t, "mine", teaches(), { count: 4 });
  await assert.rejects(
    run(t, "mine", teaches(), { seed: 2, temperature: 0 }),
    /mine\/generation\.json: dialogues of other settings are in this folder: seed was 1 and is 2; temperature was 0\.9 and is 0; take another folder/,
  );
  const lock = join(folder, "mine", ".writer.lock");
  writeFileSync(lock, String(process.ppid));
  await assert.rejects(
    run(t, "mine", teaches()),
    new RegExp(`mine: process ${process.ppid} writes there; wait for it`),
  );
  writeFileSync(lock, "999999999");
  assert.equal((await run(t, "mine", teaches())).open, 0, "one that is dead does not count");
  assert.ok(!existsSync(lock));
});
