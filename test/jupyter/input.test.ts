import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { createMessage } from "../../jupyter/kernel/wire";
import { KernelClient } from "../../scripts/runner/client";
import { FrontEnd } from "./front-end";

let front: FrontEnd;
before(async () => {
  front = await FrontEnd.start();
});
after(() => front.close());

test("prompt() asks, waits and returns the line, or what stands in for an empty one", async () => {
  const ended = await front.run(
    'const name: string = prompt("Name?");\nconsole.log(`${name}|${prompt("Age?", "7")}|${prompt()}`);',
  );
  const prompts = [await front.answer("Ada 👩‍🚀"), await front.answer(""), await front.answer("")];
  assert.deepEqual(prompts, ["Name?", "Age? [7]", ""]);
  const { reply, stdout } = await ended();
  assert.equal(reply["status"], "ok");
  assert.equal(stdout, "Ada 👩‍🚀|7|\n");
});

for (const [what, open, first, second] of [
  [
    "readline/promises",
    'import { createInterface } from "node:readline/promises";\nimport { stdin, stdout } from "node:process";\nconst rl = createInterface({ input: stdin, output: stdout });',
    'const a = await rl.question("One? ");',
    'const b = await rl.question("Two? ");',
  ],
  [
    "readline with callbacks",
    'import * as readline from "node:readline";\nconst rl = readline.createInterface(process.stdin, process.stdout);\nconst ask = (text: string) => new Promise<string>((resolve) => rl.question(text, resolve));',
    'const a = await ask("One? ");',
    'const b = await ask("Two? ");',
  ],
] as const) {
  test(`a question of ${what} is asked when it is put, not before and not again`, async () => {
    const ended = await front.run(
      `console.log("line");\n${open}\n${first}\n${second}\nawait new Promise((done) => setTimeout(done, 100));\nconsole.log(a + b);`,
    );
    assert.deepEqual([await front.answer("x"), await front.answer("y")], ["One? ", "Two? "]);
    const { reply, stdout, error } = await ended();
    assert.equal(reply["status"], "ok", JSON.stringify(error));
    assert.equal(stdout, "line\nxy\n"); // the questions stand at the fields
    assert.ok(front.asksNothing);

    const nothing = await front.run("await new Promise((done) => setTimeout(done, 100));");
    await nothing();
    assert.ok(front.asksNothing);
    const later = await front.run(`${second.replace("const b", "const c")}\nrl.close();\nconsole.log(c);`);
    assert.equal(await front.answer("z"), "Two? ");
    assert.equal((await later()).stdout, "z\n");
  });
}

test("lines are asked for while somebody listens to them, also without readline", async () => {
  const lines = await front.run(
    'import { createInterface } from "node:readline";\nlet joined = "";\nfor await (const line of createInterface({ input: process.stdin })) {\n  if (line === "") break;\n  joined += line;\n}\nconsole.log(joined);',
  );
  for (const line of ["a", "b", ""]) await front.answer(line);
  assert.equal((await lines()).stdout, "ab\n");
  const data = await front.run(
    'const chunk = await new Promise((resolve) => process.stdin.once("data", resolve).resume());\nprocess.stdin.pause();\nconsole.log(String(chunk));',
  );
  await front.answer("raw");
  assert.equal((await data()).stdout, "raw\n\n");
  const whole = await front.run(
    'process.stdin.setEncoding("utf8");\nfor await (const text of process.stdin) {\n  console.log(text.trim());\n  if (text === "end\\n") break;\n}',
  );
  for (const line of ["č", "end"]) await front.answer(line);
  assert.equal((await whole()).stdout, "č\nend\n");
});

for (const [what, code] of [
  ["prompt()", 'prompt("Well?");'],
  ["a prompt() that is called again and again", 'for (;;) try { prompt("Well?"); } catch {}'],
  [
    "a question of readline",
    'import { createInterface } from "node:readline/promises";\nconst asking = createInterface(process.stdin, process.stdout);\nawait asking.question("Well? ");',
  ],
] as const) {
  test(`an interrupt ends the wait for the answer to ${what}; a late answer is nobody's`, async () => {
    const ended = await front.run(code);
    const question = await front.asked();
    await front.send("control", "interrupt_request", {});
    const { reply } = await ended();
    assert.deepEqual([reply["status"], reply["ename"]], ["error", "Interrupted"]);
    await front.send("stdin", "input_reply", { value: "late" }, question);
    const next = await front.run('console.log(prompt("Now?"));');
    const now = await front.asked();
    assert.equal(now.content["prompt"], "Now?");
    await new Promise((done) => setTimeout(done, 400)); // until the kernel has looked whether the interrupt has ended the cell
    await front.send("stdin", "input_reply", { value: "new" }, now);
    const { stdout, error } = await next();
    assert.equal(stdout, "new\n", JSON.stringify(error));
  });
}

test("a reply that does not say to what is taken, and one that answers something else is not", async () => {
  const ended = await front.run('console.log(prompt("Well?"));');
  const question = await front.asked();
  await front.send("stdin", "input_reply", { value: "wrong" }, createMessage("s", "input_request", {}));
  await front.send("stdin", "input_reply", { value: "right" });
  assert.equal((await ended()).stdout, "right\n");
  assert.equal(question.content["password"], false);
});

test("a front end without input gets an error that says so, and input between cells is refused", async () => {
  const kernel = await KernelClient.start();
  try {
    const failure = async (code: string) => {
      const reply = await kernel.execute(code);
      return `${String(reply["ename"])}: ${String(reply["evalue"])}`;
    };
    const refused = /^Error: this front end takes no input .*: set a parameter or a constant instead$/;
    assert.match(await failure('prompt("Name?")'), refused);
    const open =
      'import { createInterface } from "node:readline/promises";\nconst rl = createInterface(process.stdin, process.stdout);';
    assert.match(await failure(`${open}\nawait rl.question("Name? ");`), refused);
    assert.match(await failure(`${open}\nfor await (const line of rl) console.log(line);`), refused);
    assert.match(
      await failure('await new Promise((resolve) => process.stdin.once("data", resolve).resume());'),
      refused,
    );
    const late: string[] = [];
    await kernel.execute(
      'setTimeout(() => prompt("Late?"), 50);',
      ({ content }) => void late.push(String(content["evalue"])),
    );
    await new Promise((done) => setTimeout(done, 500));
    assert.ok(late.includes("input can be asked for only while a cell runs"), late.join());
  } finally {
    await kernel.shutdown();
  }
});
