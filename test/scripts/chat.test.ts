import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { tinyAdapter, writeTinyChat } from "../chat/tiny-chat";

const folder = mkdtempSync(join(tmpdir(), "chat-script-"));
after(() => rmSync(folder, { recursive: true }));
const model = writeTinyChat(join(folder, "model"));
const outputs = join(folder, "outputs");
const run = {
  cwd: join(__dirname, "../.."),
  env: { ...process.env, PERSONA_OUTPUTS: outputs, HF_HUB_OFFLINE: "1" },
};
const parts = (...options: string[]) => ["--require", "tsx/cjs", "scripts/chat.ts", ...options];

function chat(input: string, ...options: string[]) {
  return spawnSync(process.execPath, parts(...options), { ...run, input, encoding: "utf8" });
}

test("each line of a pipe is answered on stdout; who talks and how stands on stderr", () => {
  const given = [model, "--persona", "train-1/2", "--seed", "3", "--max-new-tokens", "6"];
  const { status, stdout, stderr } = chat("Hello\n\nAnd you?\n", ...given);
  assert.equal(status, 0, stderr);
  assert.equal(stdout.split("\n").length, 3, JSON.stringify(stdout));
  assert.match(
    stderr,
    /a Llama .*its chat template, 2048 tokens.*\nThe model is train-1\/2 .*\n {2}I label everything/,
  );
  assert.match(stderr, /drawn at temperature 0\.7, top-p 0\.9, seed 3, at most 6 tokens/);
  assert.equal(chat("Hello\n\nAnd you?\n", ...given).stdout, stdout);
});

test("without a model the embedded one talks; with /quit or at the end of the input it leaves", () => {
  const { status, stdout, stderr } = chat(
    "Hello!\n/quit\nnever\n",
    "--temperature",
    "0",
    "--max-new-tokens",
    "12",
  );
  assert.equal(status, 0, stderr);
  assert.match(
    stderr,
    /data\/chat-model, a Llama .*its chat template, 1024 tokens.*the most likely token each time/s,
  );
  assert.match(stdout, /^[^\n]*[a-z][^\n]*\n$/);
  assert.doesNotMatch(stdout, /User [12]:/);
});

test("the README's first screen is what its command prints", () => {
  const [, shown] = /^```text\n\$ npm run chat -- (.*?)^```$/ms.exec(
    readFileSync(join(run.cwd, "README.md"), "utf8"),
  )!;
  const [command, ...lines] = shown!.trimEnd().split("\n");
  const asked = lines.filter((line) => line.startsWith("> ")).map((line) => line.slice(2));
  const first = lines.findIndex((line) => line.startsWith("> "));
  const answers = lines.slice(first).filter((line) => !line.startsWith("> "));
  const { status, stdout, stderr } = chat(`${asked.join("\n")}\n`, ...command!.split(" "));
  assert.equal(status, 0, stderr);
  assert.deepEqual(stdout.trimEnd().split("\n"), answers);
  assert.equal(stderr.trimEnd(), lines.slice(0, first).join("\n"));
});

test("a turn that cannot be answered is told, the others are answered, and the script fails", () => {
  const { status, stdout, stderr } = chat(`${"x".repeat(5000)}\nHi\n`, model, "--max-new-tokens", "4");
  assert.equal(status, 1);
  assert.match(stderr, /the turn is too long: it takes 50\d\d tokens, and the model's context has 2048/);
  assert.equal(stdout.split("\n").length, 2);
});

test("an adapter is merged, by its folder or as a run by its name, with the base that it names", () => {
  const one = ["--temperature", "0", "--max-new-tokens", "24"];
  const plain = chat("Hello\n", model, ...one);
  const adapted = chat("Hello\n", model, "--adapter", tinyAdapter, ...one);
  assert.equal(adapted.status, 0, adapted.stderr);
  assert.notEqual(adapted.stdout, plain.stdout);
  const own = join(outputs, "grid", "runs", "first", "adapter");
  cpSync(tinyAdapter, own, { recursive: true });
  const file = join(own, "adapter_config.json");
  const config = JSON.parse(readFileSync(file, "utf8")) as object;
  writeFileSync(file, JSON.stringify({ ...config, base_model_name_or_path: model }));
  const named = chat("Hello\n", "first", ...one);
  assert.equal(named.status, 0, named.stderr);
  assert.equal(named.stdout, adapted.stdout);
});

test("what is missing fails in a sentence, without an answer", () => {
  const { status, stdout, stderr } = chat("Hi\n", "nowhere");
  assert.equal(status, 1);
  assert.match(stderr, /^nowhere: no folder, file or run of this name; name a folder .*\n$/);
  assert.equal(stdout, "");
  assert.match(chat("", "--top-p", "0").stderr, /0 leaves no token to draw/);
});

test("Ctrl-C stops an answer, and leaves at the prompt", async () => {
  const child = spawn(process.execPath, parts(model, "--temperature", "0", "--max-new-tokens", "2000"), {
    ...run,
    stdio: ["pipe", "pipe", "pipe"],
  });
  let [stdout, stderr] = ["", ""];
  child.stderr.on("data", (text: Buffer) => (stderr += text.toString()));
  const begun = new Promise<void>((resolve) =>
    child.stdout.on("data", (text: Buffer) => {
      stdout += text.toString();
      resolve();
    }),
  );
  const until = async (pattern: RegExp) => {
    while (!pattern.test(stderr)) await new Promise((done) => setTimeout(done, 20));
  };
  child.stdin.write("Hello\n");
  await begun;
  child.kill("SIGINT");
  await until(/\(Stopped\.\)/);
  assert.ok(stdout.length < 1000, `${stdout.length} characters of the answer came`);
  const left = new Promise<number | null>((resolve) => child.on("exit", resolve));
  child.kill("SIGINT");
  assert.equal(await left, 0, stderr);
});
