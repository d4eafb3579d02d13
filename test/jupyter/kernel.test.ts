import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { languageInfo } from "../../jupyter/kernel/language";
import { KernelClient, KernelDied } from "../../scripts/runner/client";
import type { Content, Message } from "../../jupyter/kernel/wire";

let kernel: KernelClient;
before(async () => {
  kernel = await KernelClient.start();
});
after(() => kernel.shutdown());

interface Ran {
  reply: Content;
  /** Message types and contents, in order. */
  messages: { type: string; content: Content }[];
  stdout: string;
  stderr: string;
  result: unknown;
  error: { ename: string; evalue: string; traceback: string[] } | undefined;
}

async function run(code: string, options: Content = {}, heard = () => {}): Promise<Ran> {
  const messages: { type: string; content: Content }[] = [];
  const listener = ({ header, content }: Message) => {
    messages.push({ type: header.msg_type, content });
    if (header.msg_type === "stream") heard();
  };
  const reply = await kernel.execute(code, listener, options);
  const contents = (type: string) => messages.filter((one) => one.type === type).map((one) => one.content);
  const text = (name: string) =>
    contents("stream")
      .filter((content) => content["name"] === name)
      .map((content) => content["text"])
      .join("");
  return {
    reply,
    messages,
    stdout: text("stdout"),
    stderr: text("stderr"),
    result: (contents("execute_result")[0]?.["data"] as Content | undefined)?.["text/plain"],
    error: contents("error")[0] as Ran["error"],
  };
}

/** Starts a cell that prints. */
function begin(code: string): { printed: Promise<void>; ended: Promise<Ran> } {
  let heard = () => {};
  const printed = new Promise<void>((resolve) => (heard = resolve));
  return { printed, ended: run(code, {}, () => heard()) };
}

/** The text of the value of a cell that must succeed. */
async function valueOf(code: string): Promise<unknown> {
  const { reply, error, result, messages } = await run(code);
  assert.equal(reply["status"], "ok", error?.traceback.join("\n") ?? JSON.stringify(reply));
  assert.ok(result !== undefined, JSON.stringify(messages));
  return result;
}

test("a cell prints, has a result, is broadcast and counted", async () => {
  const first = await run('console.log("printed"); console.error("warned"); 6 * 7');
  assert.equal(first.reply["status"], "ok");
  assert.equal(first.stdout, "printed\n");
  assert.equal(first.stderr, "warned\n");
  assert.equal(first.result, "42");
  assert.equal(first.messages[0]!.type, "execute_input");
  const second = await run("undefined");
  assert.equal(second.reply["execution_count"], (first.reply["execution_count"] as number) + 1);
  assert.deepEqual(
    second.messages.map(({ type }) => type),
    ["execute_input"],
  );
  const silent = await run("43", { silent: true, store_history: false });
  assert.equal(silent.reply["execution_count"], second.reply["execution_count"]);
  assert.deepEqual(silent.messages, []);
});

test("cells run in the project's root and see the library", async () => {
  const { reply, result, error } = await run('import { io } from "./src/index";\nio.sha256("")');
  assert.equal(reply["status"], "ok", error?.traceback.join("\n"));
  assert.equal(result, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
});

test("an error has its name, message, and the lines of the cells it passed", async () => {
  await run(
    "interface Box {\n  size: number;\n}\n\nfunction open(box: Box) {\n  throw new RangeError(`too ${box.size}`);\n}",
  );
  const { reply, error } = await run("\n// a comment\nconst box = { size: 3 };\nopen(box);");
  const count = reply["execution_count"] as number;
  assert.equal(reply["status"], "error");
  assert.deepEqual([error!.ename, error!.evalue], ["RangeError", "too 3"]);
  assert.deepEqual([reply["ename"], reply["traceback"]], [error!.ename, error!.traceback]);
  const text = error!.traceback.join("\n");
  assert.match(
    text,
    new RegExp(
      `^RangeError: too 3\n.*open \\(In \\[${count - 1}\\], line 6\\)\n.*In \\[${count}\\], line 4\n`,
    ),
  );
  assert.match(text, /> 6 \| {3}throw new RangeError/);
  assert.doesNotMatch(text, /tslab|node:/);
});

test("an error after an await, a cause, several errors and a thrown string are shown too", async () => {
  const late = await run('await null;\nthrow new Error("outer", { cause: new TypeError("inner") });');
  assert.match(
    late.error!.traceback.join("\n"),
    /^Error: outer\n.*line 2[\s\S]*\nCaused by TypeError: inner/,
  );
  const many = await run('throw new AggregateError([new Error("one"), new Error("two")], "both");');
  assert.match(many.error!.traceback.join("\n"), /AggregateError: both[\s\S]*Error: one[\s\S]*Error: two/);
  const text = await run('throw "words";');
  assert.deepEqual([text.error!.ename, text.error!.evalue], ["Thrown", "'words'"]);
});

test("an error that is its own cause, in a longer circle or among its own errors, is shown once each", async () => {
  const itself = await run('const e = new Error("round"); e.cause = e; throw e;');
  assert.equal(itself.error!.evalue, "round");
  assert.deepEqual(
    itself.error!.traceback.filter((line) => line.includes("round") && !line.includes("|")),
    ["Error: round", "Caused by Error: round (the same as above)"],
  );
  const circle = await run(
    'const [a, b] = [new Error("a"), new AggregateError([], "b")]; a.cause = b; b.errors.push(a); b.cause = a; throw a;',
  );
  const text = circle.error!.traceback.join("\n");
  assert.equal(text.match(/\(the same as above\)/g)!.length, 2);
  assert.equal((await run("1 + 1")).result, "2");
});

test("a cell that does not compile names line and column of each problem, also behind a shorthand", async () => {
  await run("const size = 1;");
  const { error, reply } = await run(
    'const ok = 1;\nconst o = { size }, n: number = "a";\nconst m: string = 5;',
  );
  assert.equal(reply["status"], "error");
  assert.equal(error!.ename, "TypeScriptError");
  const lines = error!.traceback.join("\n").split("\n");
  assert.match(lines[0]!, /line 2: Type 'string' is not assignable to type 'number'\. \(TS2322\)/);
  const mark = lines.findIndex((line) => line.trim().endsWith("^"));
  assert.equal(lines[mark]!.indexOf("^"), lines[mark - 1]!.indexOf("n: number"));
  assert.match(error!.traceback.join("\n"), /line 3: Type 'number' is not assignable to type 'string'/);
  const syntax = await run("const = 3;");
  assert.match(syntax.error!.evalue, /Variable declaration expected/);
});

test("an error that nobody catches fails the cell", async () => {
  const rejected = await run('Promise.reject(new Error("floating")); "the value"');
  assert.equal(rejected.error?.evalue, "floating");
  assert.equal(rejected.result, undefined);
  const thrown = await run(
    'setTimeout(() => { throw new Error("timer"); }, 10);\nawait new Promise((resolve) => setTimeout(resolve, 1000));',
  );
  assert.equal(thrown.error?.evalue, "timer");
  await run("const later = 1;");
  await new Promise((resolve) => setTimeout(resolve, 1500)); // the failed cell's wait is over
  assert.equal(await valueOf("later"), "1");
  assert.equal((await run("1")).reply["status"], "ok");
});

test("after an error the cells that wait are aborted, all of them and no later one", async () => {
  const ran: string[] = [];
  const listen = (name: string) => (message: Message) =>
    void (message.header.msg_type === "stream" && ran.push(name));
  const replies = await Promise.all([
    kernel.execute('console.log(1);\nthrow new Error("stop");', listen("first")),
    kernel.execute("console.log(2)", listen("second")),
    kernel.execute("await null; console.log(3)", listen("third")),
    kernel.request("shell", "kernel_info_request"),
  ]);
  assert.deepEqual(
    replies.map((reply) => reply["status"]),
    ["error", "aborted", "aborted", "ok"],
  );
  assert.deepEqual(ran, ["first"]);
  assert.equal(await valueOf('"runs"'), "runs");
  const kept = await Promise.all([
    kernel.execute("throw 1", () => {}, { stop_on_error: false }),
    kernel.execute("2", () => {}),
  ]);
  assert.deepEqual(
    kept.map((reply) => reply["status"]),
    ["error", "ok"],
  );
});

test("a later cell's assignment reaches the functions of earlier cells", async () => {
  await run(
    "let n = 0;\nlet [first, { second }] = [1, { second: 2 }];\nconst read = () => [++n, first, second];\nvar v = 1;\nconst readV = () => v;",
  );
  assert.equal((await run("n = 10; second = 7; v = 2;\n[...read(), readV()].join()")).result, "11,1,7,2");
  assert.equal((await run("const o = { n, first };\nJSON.stringify(o)")).result, '{"n":11,"first":1}');
  assert.equal(await valueOf("({ n } = { n: 5 }); read()[0]"), "6");
});

test("a cell whose only await is a for await runs", async () => {
  const { stdout, error } = await run("for await (const x of [Promise.resolve(1), 2]) console.log(x);");
  assert.equal(error, undefined);
  assert.equal(stdout, "1\n2\n");
});

for (const [what, code] of [
  ["a loop", "while (true) {}"],
  ["a loop after an await", "await null;\nwhile (true) {}"],
  ["a wait", "await new Promise(() => setTimeout(() => {}, 1e6));"],
] as const) {
  test(`${what} can be interrupted, and the kernel remembers what was before`, async () => {
    await run("const kept = 5;");
    const running = begin(`console.log("on");\n${code}`);
    await running.printed;
    await kernel.interrupt();
    const { reply, error, stdout } = await running.ended;
    assert.equal(stdout, "on\n");
    assert.deepEqual([reply["status"], error?.ename], ["error", "Interrupted"]);
    assert.equal(await valueOf("kept"), "5");
  });
}

test("a module in memory is compiled with the cell that imports it, with those that it imports itself", async () => {
  await run('/** @module greeting */ export const hello: string = "hello";');
  await run(
    '/** @module said */ import { hello } from "./greeting"; export const said = (name: string) => `${hello} ${name}`;',
  );
  assert.equal(await valueOf('import { said } from "./said"; said("you")'), "hello you");
  const { error } = await run('import { said } from "./said"; said(3)');
  assert.match(error!.evalue, /'number' is not assignable to parameter of type 'string'/);
});

test("an interrupt aborts the signal that long work listens to", async () => {
  await run(
    'import { interruptSignal } from "./src/index";\nconst seen = { aborted: false, end: () => {} };',
  );
  const running = begin(
    'interruptSignal().addEventListener("abort", () => (seen.aborted = true));\nconsole.log("on");\nawait new Promise<void>((resolve) => (seen.end = resolve));',
  );
  await running.printed;
  await kernel.interrupt();
  await kernel.interrupt(); // the first one left it to the cell when it ends
  await running.ended;
  assert.equal(await valueOf("seen.aborted"), "true");
  await run("seen.end();"); // a kernel that is shut down waits for work that listens
});

test("a bundle, its update, and both kinds of clearing reach the front end", async () => {
  const { messages, error } = await run(
    'import { clearOutput, liveDisplay } from "./src/index";\nconst handle = liveDisplay({ "text/html": "<i>1</i>", "image/png": Uint8Array.of(1, 2) }, { progress: true });\nhandle.update({ "text/plain": "2" });\nclearOutput(true);\nconsole.clear();',
  );
  assert.equal(error, undefined);
  const [, shown, updated, wait, clear] = messages;
  assert.deepEqual(shown!.content["data"], { "text/html": "<i>1</i>", "image/png": "AQI=" });
  assert.deepEqual(shown!.content["metadata"], { progress: true });
  assert.equal(updated!.type, "update_display_data");
  assert.deepEqual(updated!.content["transient"], shown!.content["transient"]);
  assert.deepEqual(
    [wait, clear].map((message) => [message!.type, message!.content]),
    [
      ["clear_output", { wait: true }],
      ["clear_output", { wait: false }],
    ],
  );
});

test("a frame as the last value is a table", async () => {
  const { messages } = await run('({ columns: ["<a>", "b"], values: [[1, "x"]], shape: [1, 2] })');
  const data = messages.at(-1)!.content["data"] as Content;
  assert.match(data["text/html"] as string, /<th[^>]*>&#60;a&#62;<\/th>/);
  assert.equal(data["text/plain"], "<a>  b\n---  -\n  1  x");
});

test("text arrives whole: any language, split characters, megabytes, many small prints", async () => {
  const { stdout } = await run(
    'process.stdout.write("žluťoučký 你好 👩‍🚀\\n");\nfor (const byte of Buffer.from("é👍\\n")) process.stdout.write(Uint8Array.of(byte));',
  );
  assert.equal(stdout, "žluťoučký 你好 👩‍🚀\né👍\n");
  const big = await run('console.log("x".repeat(8_000_000).replace(/x{1000}/g, "$&\\n"));');
  assert.equal(big.stdout.length, 8_008_001);
  const many = await run("for (let i = 0; i < 20_000; i++) console.log(i);");
  assert.equal(many.stdout, Array.from({ length: 20_000 }, (_, i) => `${i}\n`).join(""));
  assert.ok(many.messages.length < 2000, `${many.messages.length} messages`);
});

test("the kernel says which language it runs, in the version that compiles its cells", async () => {
  const { language_info } = await kernel.request("shell", "kernel_info_request");
  assert.deepEqual(language_info, languageInfo);
  assert.match(languageInfo["version"] as string, /^5\.0\./);
});

test("completion and documentation know the cells and the library", async () => {
  await run('import { Random } from "./src/index";\nconst random = new Random(1);');
  const complete = await kernel.request("shell", "complete_request", { code: "random.unif", cursor_pos: 11 });
  assert.deepEqual([complete["cursor_start"], (complete["matches"] as string[])[0]], [7, "uniform"]);
  const inspect = await kernel.request("shell", "inspect_request", {
    code: "random.shuffle",
    cursor_pos: 9,
    detail_level: 0,
  });
  assert.match((inspect["data"] as Content)["text/plain"] as string, /Fisher–Yates/);
  const whole = await kernel.request("shell", "is_complete_request", { code: "function f() {" });
  assert.equal(whole["status"], "incomplete");
});

/** What Shift-Tab shows at the mark ¦, plain and as Markdown. */
async function shownAt(marked: string): Promise<{ plain: string; markdown: string }> {
  const [before = "", after = ""] = marked.split("¦");
  const content = { code: before + after, cursor_pos: [...before].length, detail_level: 0 };
  const { data, status } = await kernel.request("shell", "inspect_request", content);
  assert.equal(status, "ok");
  const shown = data as Content;
  return { plain: shown["text/plain"] as string, markdown: shown["text/markdown"] as string };
}

const documented = `
/**
 * Joins words, unlike {@link other | the rest}: see {@link other}, {@link nowhere} and
 * {@link https://example.org/a the page}. Not <b>bold</b>, but \`a<b\`.
 *
 * @param words what is put together
 * @param options how
 * @returns the text
 * @throws {RangeError} if there are more than {@link Options.max}
 * @example
 * joined(["a"], { by: "-" })
 */
function joined<T>(words: readonly T[], options: Options = {}): string { return words.join(options.by); }
interface Options {
  /**
   * Between two words.
   * @default ", "
   */
  by?: string;
  /** Most words. */
  max?: number;
}
function other(a: number): number;
/**
 * The second.
 *
 * @param b says \`yes\`
 */
function other(a: string, b: boolean, ...more: string[]): string;
function other(a: any): any { return a; }
namespace Deep {
  /** Down there. */
  export function inside(depth: number) { return depth; }
}
class Box {
  /**
   * Opens it.
   * @param angle how far
   */
  open(angle: number) { return angle; }
}
const box = new Box();`;

test("inside a call the callee's signature and text are shown, in words", async () => {
  assert.equal((await run(documented)).error, undefined);
  const { plain, markdown } = await shownAt("joined(¦)");
  assert.equal(
    plain,
    [
      "joined(words: readonly unknown[], options?: Options): string",
      "Joins words, unlike the rest: see other, nowhere and\nthe page (https://example.org/a). Not <b>bold</b>, but `a<b`.",
      "▸ words: readonly unknown[] — what is put together",
      "options?: Options — how",
      "Returns: the text",
      "Throws: RangeError if there are more than Options.max",
      "Example:",
      'joined(["a"], { by: "-" })',
    ].join("\n\n"),
  );
  assert.equal(
    markdown,
    [
      "```ts\njoined(words: readonly unknown[], options?: Options): string\n```",
      "Joins words, unlike the rest: see `other`, `nowhere` and\n[the page](https://example.org/a). Not &lt;b>bold&lt;/b>, but `a<b`.",
      "▸ `words: readonly unknown[]` — what is put together",
      "`options?: Options` — how",
      "**Returns:** the text",
      "**Throws:** RangeError if there are more than `Options.max`",
      "**Example:** ",
      '```ts\njoined(["a"], { by: "-" })\n```',
    ].join("\n\n"),
  );
});

for (const [where, marked, ...expected] of [
  ["an open call", "joined(¦", /^joined\(/, /^▸ words/m],
  ["a string", 'joined(["a¦b"])', /^joined\(/, /^▸ words/m],
  ["a template in the call", "joined([`a ${1} ¦`])", /^joined\(/, /^▸ words/m],
  ["a call in a template", "`${joined([], ¦)}`", /^joined\(/, /^▸ options/m],
  ["a call of several lines", "joined(\n  [],\n  ¦\n)", /^joined\(/, /^▸ options/m],
  ["an inner call", "other(joined(¦))", /^joined\(/],
  ["the call around an inner one", "other(joined([])¦)", /^other\(/],
  ["a call, before a name", "joined(¦box)", /^joined\(/],
  ["a call, behind characters of two units", '"👩‍🚀👍"; joined(¦)', /^joined\(/],
  [
    "an overload",
    'other("x", ¦)',
    /^other\(a: string, b: boolean/,
    /^▸ b: boolean — says `yes`$/m,
    /^Or:\n\nother\(a: number/m,
  ],
  ["a rest", 'other("x", true, "y", "z¦")', /^▸ \.\.\.more: string\[\]$/m],
  ["a namespace's member", "Deep.inside(¦)", /^inside\(depth: number\): number\n\nDown there\./],
  ["a method", "box.open(¦)", /^open\(angle: number\): number\n\nOpens it\./, /^▸ angle: number — how far$/m],
  ["a constructor", "new Box(¦)", /^Box\(\): Box$/],
  ["a long signature", "[1].map(¦)", /^map\(\n {2}callbackfn: .*,\n {2}thisArg\?: any,\n\): /],
] as const) {
  test(`Shift-Tab in ${where}`, async () => {
    const { plain } = await shownAt(marked);
    for (const part of expected) assert.match(plain, part);
  });
}

test("Shift-Tab on a name tells of it, and of the call around it in short", async () => {
  const option = (await shownAt('joined([], { b¦y: "-" })')).plain;
  assert.match(
    option,
    /^\(property\) Options\.by\?: string\n\nBetween two words\.\n\nDefault: ", "\n\njoined\(/,
  );
  assert.doesNotMatch(option, /Joins words/);
  assert.match(
    (await shownAt("box.op¦en(1)")).plain,
    /^\(method\) Box\.open\(angle: number\): number\n\nOpens it\.\n\nangle — how far$/,
  );
  assert.match((await shownAt("join¦ed([])")).plain, /\n\nwords — what is put together\n\n/);
  assert.equal((await shownAt("const größe = 1;\ngröß¦e")).plain, "const größe: 1");
  const nothing = await kernel.request("shell", "inspect_request", { code: "1 + 2", cursor_pos: 4 });
  assert.deepEqual([nothing["found"], nothing["data"]], [false, {}]);
});

test("an imported function is shown without the import, and completion counts characters", async () => {
  await run('import { buildPrompt } from "./src/index";');
  const { plain } = await shownAt("buildPr¦ompt");
  assert.match(plain, /^function buildPrompt\(/);
  assert.doesNotMatch(plain, /import|alias|\{@/);
  assert.match(plain, /^Throws: RangeError if /m);
  const complete = await kernel.request("shell", "complete_request", {
    code: '"👩‍🚀" + box.op',
    cursor_pos: 14,
  });
  assert.deepEqual(
    [complete["cursor_start"], complete["cursor_end"], complete["matches"]],
    [12, 14, ["open"]],
  );
});

test("the kernel's death is an error that says how it died, and the next kernel is a fresh one", async () => {
  const doomed = await KernelClient.start();
  const dying = doomed.execute("await new Promise((resolve) => setTimeout(resolve, 50));\nprocess.exit(3);");
  await assert.rejects(
    dying,
    (error) => error instanceof KernelDied && /exited with code 3/.test(error.message),
  );
  await assert.rejects(doomed.execute("1"), KernelDied);
  await doomed.shutdown();
});

test("a kernel whose starter is gone leaves", async () => {
  const { spawn } = await import("node:child_process");
  const program = `
    const { KernelClient } = require("./scripts/runner/client.ts");
    KernelClient.start().then((kernel) => { console.log(kernel.pid); setTimeout(() => process.kill(process.pid, "SIGKILL"), 100); });`;
  const starter = spawn(process.execPath, ["--require", "tsx/cjs", "-e", program], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const pid = await new Promise<number>((resolve) =>
    starter.stdout.once("data", (data) => resolve(Number(data))),
  );
  const gone = () => {
    try {
      process.kill(pid, 0);
      return false;
    } catch {
      return true;
    }
  };
  for (let i = 0; i < 100 && !gone(); i++) await new Promise((resolve) => setTimeout(resolve, 100));
  assert.ok(gone());
});
