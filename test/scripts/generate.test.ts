import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { apiServer } from "../chat-api/server";
import { teaches } from "../simulator/teacher-server";

const folder = mkdtempSync(join(tmpdir(), "generate-script-"));
after(() => rmSync(folder, { recursive: true }));
const cwd = join(__dirname, "../..");
const parts = (...words: string[]) => ["--require", "tsx/cjs", "scripts/generate.ts", ...words];
const answered = (out: string) => {
  const path = join(out, "answers.jsonl");
  return existsSync(path) ? readFileSync(path, "utf8").split("\n").length - 1 : 0;
};

test(
  "killed, then stopped with Ctrl-C, the same command ends with the files of one that ran through",
  { timeout: 240_000 },
  async (t) => {
    const server = await apiServer(t, teaches(60));
    const env = { ...process.env, OPENAI_BASE_URL: server.url, OPENAI_API_KEY: "sk-test" };
    const run = async (out: string, signal?: NodeJS.Signals, from = 0) => {
      const child = spawn(
        process.execPath,
        parts("--teacher", "m", "--count", "60", "--prices", "1,2", "--out", out),
        { cwd, env },
      );
      let said = "";
      for (const stream of [child.stdout, child.stderr]) stream.on("data", (data) => (said += data));
      const ended = new Promise<number | null>((resolve) => child.once("exit", (code) => resolve(code)));
      if (signal) {
        while (answered(out) < from && child.exitCode === null)
          await new Promise((resolve) => setTimeout(resolve, 5));
        child.kill(signal);
      }
      return { code: await ended, said };
    };
    const straight = join(folder, "straight");
    const whole = await run(straight);
    assert.equal(whole.code, 0, whole.said);
    assert.match(
      whole.said,
      /measured on 50 dialogues: [\s\S]*the 10 dialogues left will take about .*cost 0\.01/,
    );
    assert.match(whole.said, /kept, playful +10\n/);
    assert.match(whole.said, /this run: 60 requests, 30,000 tokens asked and 18,000 answered, cost 0\.0660/);

    const cut = join(folder, "cut");
    const before = server.received.length;
    assert.equal((await run(cut, "SIGKILL", 12)).code, null);
    const stopped = await run(cut, "SIGINT", 30);
    assert.equal(stopped.code, 130, stopped.said);
    assert.match(
      stopped.said,
      /Stopping after the requests that are on their way[\s\S]*stopped: interrupted\nthe same command goes on from here/,
    );
    const last = await run(cut);
    assert.equal(last.code, 0, last.said);
    assert.match(last.said, /goes on in .*cut: \d+ of 60 are answered/);
    for (const name of ["dialogues.jsonl", "rejected.jsonl"])
      assert.equal(readFileSync(join(cut, name), "utf8"), readFileSync(join(straight, name), "utf8"), name);
    const requests = server.received.length - before;
    assert.ok(
      requests >= 60 && requests <= 64,
      `${requests} requests for 60 dialogues, with 4 on their way at the kill`,
    );
    for (const name of ["answers.jsonl", "generation.json", "dialogues.jsonl"])
      assert.doesNotMatch(readFileSync(join(cut, name), "utf8"), /sk-test/);
  },
);

test("what is wrong is said in a line, and the help says how to begin", { timeout: 120_000 }, () => {
  const { OPENAI_BASE_URL: _, ...env } = process.env;
  const generate = (...words: string[]) =>
    spawnSync(process.execPath, parts(...words, "--out", join(folder, "none")), {
      cwd,
      env,
      encoding: "utf8",
    });
  for (const [says, ...words] of [
    [/name a teacher: --teacher MODEL behind a chat API, or --local MODEL/],
    [/OPENAI_BASE_URL is not set: give it the address of a chat API/, "--teacher", "m"],
    [/there is no persona "playfull": .*Did you mean playful\?/, "--teacher", "m", "--persona", "playfull"],
    [/"1" is not two prices such as 0\.15,0\.60/, "--prices", "1"],
  ] as const) {
    const { status, stderr } = generate(...words);
    assert.equal(status, 1);
    assert.match(stderr, says);
    assert.doesNotMatch(stderr, /\n {4}at /);
  }
  assert.match(
    generate("--help").stdout,
    /--prices <prompt,completion>[\s\S]*begin with --count 50 to see it for 10,000/,
  );
});
