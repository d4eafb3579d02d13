import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { writeTinyChat } from "../chat/tiny-chat";
import { FrontEnd } from "./front-end";

const folder = mkdtempSync(join(tmpdir(), "chat-cell-"));
const model = writeTinyChat(join(folder, "model"));
let front: FrontEnd;
before(async () => {
  front = await FrontEnd.start();
});
after(async () => {
  await front.close();
  rmSync(folder, { recursive: true });
});

const cell = (options: object) =>
  `import { chat } from "./src/index";\nawait chat(${JSON.stringify({ model, temperature: 0, ...options })});`;

test("a cell asks for turns and prints the answers, until /quit", async () => {
  const ended = await front.run(cell({ persona: "train-1/2", maxNewTokens: 8 }));
  assert.equal(await front.answer("Hello"), "You: ");
  assert.equal(await front.answer("And you?"), "You: ");
  await front.answer("/quit");
  const { reply, stdout, error } = await ended();
  assert.equal(reply["status"], "ok", JSON.stringify(error));
  assert.match(stdout, /a Llama .*\nThe model is train-1\/2 .*\n {2}I label everything in the freezer\.\n/s);
  assert.equal(stdout.match(/\(Cut after 8 tokens\.\)/g)?.length, 2);
});

test("an interrupt stops the answer and ends the talk; the kernel goes on, and so does the next talk", async () => {
  const ended = await front.run(cell({ maxNewTokens: 2000 }));
  await front.answer("Hello");
  // The answer has begun where something is printed behind the introduction.
  await front.hear(
    ({ header, content }) => header.msg_type === "stream" && !String(content["text"]).includes("/quit"),
  );
  await front.send("control", "interrupt_request", {});
  const { reply, stdout } = await ended();
  assert.deepEqual([reply["status"], reply["ename"]], ["error", "Interrupted"]); // as every cell that ■ ends
  assert.match(stdout, /\(Stopped\.\)\n$/);
  assert.ok(front.asksNothing);

  const next = await front.run(cell({ maxNewTokens: 4 }));
  await front.answer("Hello again");
  await front.answer("/quit");
  assert.equal((await next()).reply["status"], "ok");
});

test("an interrupt while a turn is asked for ends the talk; a late line is nobody's", async () => {
  const ended = await front.run(cell({ maxNewTokens: 4 }));
  const question = await front.asked();
  await front.send("control", "interrupt_request", {});
  assert.equal((await ended()).reply["ename"], "Interrupted");
  await front.send("stdin", "input_reply", { value: "late" }, question);
  const next = await front.run('console.log(prompt("Now?"));');
  assert.equal(await front.answer("new"), "Now?");
  assert.equal((await next()).stdout, "new\n");
});

test("what is missing fails the cell in a sentence", async () => {
  const ended = await front.run(cell({ model: "nowhere" }));
  const { error } = await ended();
  assert.match(String(error?.["evalue"]), /^nowhere: no folder, file or run of this name; name a folder/);
});

test("a front end without input gets an error that says so", async () => {
  const ended = await front.run(cell({ maxNewTokens: 4 }), { allow_stdin: false });
  const { error } = await ended();
  assert.match(String(error?.["evalue"]), /^this front end takes no input /);
});
