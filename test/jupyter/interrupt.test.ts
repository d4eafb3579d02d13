import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import type { Content, Message } from "../../jupyter/kernel/wire";
import { KernelClient } from "../../scripts/runner/client";
import { writeModelDirectory } from "../../src/models/pretrained/write";
import { embeddedTokenizer } from "../../src/models/tokenizer/find";
import { Random } from "../../src/random/random";
import { randomT5, TINY } from "../models/tiny";

/** How often a training is stopped; more than the default for a closer look. */
const STOPS = Number(process.env["STOPS"] ?? 2);

const directory = mkdtempSync(join(tmpdir(), "interrupt-"));
let kernel: KernelClient;
before(async () => {
  kernel = await startKernel();
  await kernel.execute("const kept = 5;");
});
after(async () => {
  await kernel.shutdown();
  rmSync(directory, { recursive: true });
});

function startKernel(): Promise<KernelClient> {
  const model = join(directory, "model");
  if (!existsSync(model)) {
    const config = { ...TINY, dModel: 32, dFf: 128, vocabSize: 8000 };
    writeModelDirectory(model, randomT5(config, 5), { tokenizerFrom: embeddedTokenizer });
  }
  return KernelClient.start({ ...process.env, PERSONA_MODEL: model });
}

const wait = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));

interface Ended {
  reply: Content;
  printed: string;
  evalue: string;
}

/** Starts a cell. */
function start(code: string, on = kernel) {
  let printed = "";
  const heard: (() => void)[] = [];
  const ended = on
    .execute(code, ({ header, content }: Message) => {
      if (header.msg_type === "stream") printed += String(content["text"]);
      heard.forEach((listener) => listener());
    })
    .then((reply): Ended => ({ reply, printed, evalue: String(reply["evalue"]) }));
  return {
    ended,
    /** Once the cell has printed this, or has ended. */
    said: (text: string) =>
      Promise.race([
        ended,
        new Promise<void>((resolve) => heard.push(() => printed.includes(text) && resolve())),
      ]),
  };
}

/** Starts a cell that prints "on", and interrupts it then. */
async function interrupted(code: string, later = 0): Promise<Ended> {
  const cell = start(`console.log("on");\n${code}`);
  await cell.said("on\n");
  await wait(later);
  await kernel.interrupt();
  return cell.ended;
}

/** The text of the value of a cell that must succeed. */
async function valueOf(code: string): Promise<unknown> {
  let value: unknown;
  const reply = await kernel.execute(code, ({ header, content }: Message) => {
    if (header.msg_type === "execute_result") value = (content["data"] as Content)["text/plain"];
  });
  assert.equal(reply["status"], "ok", JSON.stringify(reply));
  return value;
}

/** The kernel remembers, and its timers, immediates, promises and ticks run. */
async function assertWorks(): Promise<void> {
  const turns =
    "await new Promise((resolve) => setTimeout(resolve, 1)); await new Promise((resolve) => setImmediate(resolve)); await new Promise((resolve) => process.nextTick(resolve)); await null;";
  assert.equal(await valueOf(`${turns}\nkept`), "5");
}

for (const [where, code] of [
  ["before an await", "while (true) {}"],
  ["after an await", "await null;\nwhile (true) {}"],
  ["of awaits", "for (;;) await null;"],
  ["in a promise's callback", "await Promise.resolve().then(() => { while (true) {} });"],
  ["in a timer's callback", "await new Promise(() => setTimeout(() => { while (true) {} }, 1));"],
  ["in an immediate's callback", "await new Promise(() => setImmediate(() => { while (true) {} }));"],
  ["in a tick's callback", "await new Promise(() => process.nextTick(() => { while (true) {} }));"],
  [
    "in a listener",
    'import { EventEmitter } from "node:events";\nconst emitter = new EventEmitter().on("x", () => { while (true) {} });\nawait new Promise(() => setTimeout(() => emitter.emit("x"), 1));',
  ],
  [
    "in another context",
    'import { AsyncLocalStorage } from "node:async_hooks";\nawait new AsyncLocalStorage().run(1, async () => { await null; while (true) {} });',
  ],
  ["in a function that a built-in one calls", "[3, 2, 1].sort(() => { while (true) {} });"],
  ["of a regular expression", '/(a+)+b/.test("a".repeat(60));'],
  ["that is a lock", "Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);"],
  ["that catches everything", "for (;;) { try { while (true) {} } catch {} finally { continue; } }"],
] as const) {
  test(`an endless loop ${where} is interrupted, and the kernel works on`, async () => {
    const { reply, evalue, printed } = await interrupted(code, 100);
    assert.deepEqual([reply["ename"], evalue], ["Interrupted", "the cell was interrupted"]);
    assert.match(printed, /^on\n/);
    await assertWorks();
  });
}

test("a function that a cell has called comes to its end before the cell is interrupted", async () => {
  writeFileSync(
    join(directory, "library.js"),
    "exports.begun = exports.ended = 0;\nexports.busy = () => { exports.begun++; for (const end = Date.now() + 200; Date.now() < end;) Math.sqrt(2); exports.ended++; };\nexports.busyWith = (work) => { exports.begun++; for (const end = Date.now() + 200; Date.now() < end;) work(); exports.ended++; };\n",
  );
  await kernel.execute(`const library = require(${JSON.stringify(join(directory, "library.js"))});`);
  for (const loop of [
    "for (;;) library.busy();",
    "await null;\nfor (;;) library.busy();",
    "for (;;) library.busyWith(() => Math.sqrt(2));",
  ]) {
    assert.equal((await interrupted(loop, 250)).evalue, "the cell was interrupted");
    assert.equal(await valueOf("library.begun - library.ended"), "0");
  }
  assert.notEqual(await valueOf("library.ended"), "0");
});

test("a module that is being loaded when the cell is interrupted is loaded whole", async () => {
  const file = JSON.stringify(join(directory, "module.js"));
  writeFileSync(
    join(directory, "module.js"),
    "exports.first = 1;\nfor (const end = Date.now() + 1500; Date.now() < end;) Math.sqrt(2);\nexports.last = 2;\n",
  );
  const { reply } = await interrupted(`const loaded = require(${file});`, 100);
  assert.equal(reply["ename"], "Interrupted");
  assert.equal(await valueOf(`Object.values(require(${file})).join()`), "1,2");
});

test("a library that does not come to its end is cut off when one insists, which is said", async () => {
  const file = join(directory, "endless.js");
  writeFileSync(file, "exports.run = (work) => { while (true) work(); };\n");
  await kernel.execute(`const { run } = require(${JSON.stringify(file)});`);
  for (const call of ["run(() => {});", "await null;\nrun(() => { while (true) {} });"]) {
    const cell = start(`console.log("on");\n${call}`);
    await cell.said("on\n");
    await kernel.interrupt();
    await cell.said("Stopping: the function that the cell has called ends first. Interrupt again");
    await kernel.interrupt();
    const { evalue } = await cell.ended;
    assert.match(evalue, /^the cell was cut off inside .*endless\.js, which may be left half-way: restart/);
    await assertWorks();
  }
});

test("a library's step of a cell that listens is cut off at the third interrupt only, and is saved at two", async () => {
  const file = join(directory, "steps.js");
  writeFileSync(
    file,
    "exports.saved = 0;\nexports.step = async (seconds) => { await null; for (const end = Date.now() + 1000 * seconds; Date.now() < end;) Math.sqrt(2); exports.saved++; };\n",
  );
  await kernel.execute(
    `const steps = require(${JSON.stringify(file)});\nimport { interruptSignal } from "./src/index";`,
  );
  const steps = (seconds: number) =>
    start(`interruptSignal();\nconsole.log("on");\nawait steps.step(${seconds});`);
  const cell = steps(5);
  await cell.said("on\n");
  await kernel.interrupt();
  await kernel.interrupt();
  await cell.said("Interrupt again (■) to cut it off, if it is JavaScript, and lose it.\n");
  assert.equal((await cell.ended).reply["ename"], "Interrupted");
  assert.equal(await valueOf("steps.saved"), "1");
  const endless = steps(1e6);
  await endless.said("on\n");
  for (let i = 0; i < 3; i++) await kernel.interrupt();
  assert.match((await endless.ended).evalue, /^the cell was cut off inside .*steps\.js/);
  await assertWorks();
});

const matmuls = `
  import * as tf from "@tensorflow/tfjs";
  import { compile } from "./src/engine/index";
  const size = 512;
  const make = (times: number) =>
    compile(
      ({ x }) => {
        let y: tf.Tensor = x;
        for (let i = 0; i < times; i++) y = tf.tanh(tf.matMul(y, y));
        return { y };
      },
      { x: { dtype: "float32", shape: [size, size] } },
    );
  const x = { dtype: "float32" as const, shape: [size, size], data: new Float32Array(size * size).fill(1e-3) };
  const loops = { ended: 0 };
  /** As many multiplications as take more than a second. */
  let times = 32;
  let program = await make(times);
  for (;;) {
    const began = performance.now();
    await program.run({ x });
    const took = performance.now() - began;
    if (took >= 1200) break;
    times = Math.ceil((times * 1500) / took);
    program = await make(times);
  }
`;

/** A loop without end. What an interrupted cell awaits goes on behind it, so that the loop would work beside all later tests. */
const leftLoop = "for (const ended = loops.ended; ended === loops.ended;)";
const endLeftLoop = () => kernel.execute("loops.ended++;");

test("native code that works for more than a second when the cell is interrupted ends first", async () => {
  const { reply } = await start(matmuls).ended;
  assert.equal(reply["status"], "ok", JSON.stringify(reply));
  for (const [at, code] of [
    [200, "await program.run({ x });"],
    [500, `${leftLoop} await program.run({ x });`],
    [500, `${leftLoop} { await program.run({ x }); await new Promise((resolve) => setImmediate(resolve)); }`],
  ] as const) {
    const { reply } = await interrupted(code, at);
    assert.equal(reply["ename"], "Interrupted");
    await assertWorks();
    await endLeftLoop();
  }
  assert.equal(await valueOf("(await program.run({ x })).y.data.length"), String(512 * 512));
});

test("a session that is being made when the cell is interrupted is made first", async () => {
  for (const later of [0, 200]) {
    const { reply } = await interrupted(`${leftLoop} await make(200);`, later);
    assert.equal(reply["ename"], "Interrupted", JSON.stringify(reply));
    await assertWorks();
    await endLeftLoop();
  }
  await kernel.execute("const program = await make(1);");
  assert.equal(await valueOf("(await program.run({ x })).y.data.length"), String(512 * 512));
});

test("a child process that the cell waits for ends first", async () => {
  await kernel.execute('import { execSync } from "node:child_process";');
  const command = (seconds: number) =>
    `execSync("${process.execPath} -e 'setTimeout(()=>{},${1000 * seconds})'");`;
  for (const code of [command(0.6), `await null;\nfor (;;) ${command(0.6)}`]) {
    const { reply } = await interrupted(code, 300);
    assert.equal(reply["ename"], "Interrupted", JSON.stringify(reply));
    await assertWorks();
  }
});

test("a cell that listens to its signal ends by itself, and says how", async () => {
  await kernel.execute('import { interruptSignal } from "./src/index";');
  const { reply, evalue } = await interrupted(
    'await new Promise((resolve) => interruptSignal().addEventListener("abort", resolve));\nconst saved = "yes";\nawait new Promise((resolve) => setTimeout(resolve, 500));\nthrow new Error("stopped after step 3");',
  );
  assert.deepEqual([reply["ename"], evalue], ["Error", "stopped after step 3"]);
  const calm = await interrupted(
    'await new Promise((resolve) => interruptSignal().addEventListener("abort", resolve));\nconst ended = "yes";',
  );
  assert.equal(calm.reply["ename"], "Interrupted");
  assert.equal(await valueOf("ended"), "yes");
  await assertWorks();
});

test("a cell that listens and does not end is told so, and ends when it is interrupted again", async () => {
  for (const code of ["await new Promise(() => {});", "while (true) {}", "await null;\nwhile (true) {}"]) {
    const cell = start(`interruptSignal();\nconsole.log("on");\n${code}`);
    await cell.said("on\n");
    await kernel.interrupt();
    await cell.said("Interrupt again (■) to end the cell at once.\n");
    await kernel.interrupt();
    assert.equal((await cell.ended).evalue, "the cell was interrupted");
    await assertWorks();
  }
});

test("an interrupt of an idle kernel does nothing; cells that wait behind the interrupted one do not run", async () => {
  await kernel.interrupt();
  assert.equal(await valueOf("1 + 1"), "2");
  await kernel.interrupt();
  await kernel.interrupt();
  const first = start('console.log("on");\nwhile (true) {}');
  const second = start('console.log("second ran");');
  await first.said("on\n");
  await kernel.interrupt();
  assert.equal((await first.ended).reply["ename"], "Interrupted");
  const { reply, printed } = await second.ended;
  assert.deepEqual([reply["status"], printed], ["aborted", ""]);
  await assertWorks();
});

test("what an interrupted or ended cell has left behind is interrupted as well when nothing else runs", async () => {
  await kernel.execute("setTimeout(() => { while (true) {} }, 50);");
  await wait(200);
  const next = start("1 + 1");
  await wait(500);
  await kernel.interrupt();
  await next.ended;
  await assertWorks();
});

test("a training that is stopped at any moment loses no step, and the same cell goes on", async () => {
  const runs = join(directory, "runs");
  const pid = kernel.pid;
  await kernel.execute(`
    import { defaultExperiment, liveTraining, loadBase, loadCorpus, trainExperiment } from "./src/index";
    const context = {
      base: await loadBase("quick"),
      corpus: await loadCorpus({ profile: "quick" }),
      directory: ${JSON.stringify(runs)},
    };
    const settings = defaultExperiment("quick", { nTrain: 64, nValidation: 0, maxSteps: 100_000, batchSize: 16, gradientAccumulation: 2, maxNewTokens: 64, rank: 2 });
  `);
  const random = new Random(7);
  let steps = 0;
  for (let i = 0; i < STOPS; i++) {
    const cell = start(`
      const hooks = liveTraining({ title: "A run" }).hooks("LoRA");
      console.log("on");
      await trainExperiment(settings, {
        ...context,
        hooks: { ...hooks, onStep: (row, maxSteps) => { hooks.onStep(row, maxSteps); console.log("did " + row.step + "."); } },
      });
    `);
    await cell.said("on\n");
    if (i % 2 === 1) await cell.said("did ");
    await wait(4000 * random.uniform() ** 2);
    await kernel.interrupt();
    const { evalue, printed } = await cell.ended;
    const did = [...printed.matchAll(/did (\d+)\./g)].map(([, step]) => Number(step));
    assert.deepEqual(
      did,
      did.map((_, at) => steps + 1 + at),
      printed,
    );
    assert.ok(did.length > 0, printed);
    steps = did.at(-1)!;
    assert.match(
      evalue,
      new RegExp(`^stopped after step ${steps}, which is saved in .*; run it again to go on$`),
    );
  }
  assert.equal(kernel.pid, pid);
  await assertWorks();
});

test("a training that is stopped goes on in the same cell to its end, and its log and its curves have every step", async () => {
  const runs = join(directory, "short-runs");
  await kernel.execute(`
    import { changeSettings } from "./src/index";
    const short = changeSettings(settings, { nTrain: 8, maxSteps: 120, batchSize: 2, gradientAccumulation: 1, maxNewTokens: 8 });
  `);
  const train = () =>
    start(`
      const live = liveTraining({ title: "A run" });
      const hooks = live.hooks("LoRA");
      const trained = await trainExperiment(short, {
        ...context,
        directory: ${JSON.stringify(runs)},
        hooks: {
          ...hooks,
          onStep(row, maxSteps) {
            hooks.onStep(row, maxSteps);
            if (row.step === 5) console.log("five steps are done");
          },
        },
      });
      await live.finish([{ name: "LoRA", log: trained.log }]);
      console.log(trained.log.length + " steps are logged");
    `);
  const stopped = train();
  await stopped.said("five steps");
  await kernel.interrupt();
  assert.equal((await stopped.ended).reply["status"], "error");
  const { reply, printed } = await train().ended;
  assert.equal(reply["status"], "ok", JSON.stringify(reply));
  assert.match(printed, /LoRA: resumed from .*checkpoint-\d+/);
  assert.match(printed, /120 steps are logged/);
  assert.doesNotMatch(printed, /five steps/);
  const [run] = readdirSync(runs);
  assert.ok(existsSync(join(runs, run!, "adapter", "settings.json")));
});

test("a kernel that is to leave lets work that listens save, also in native code and after it was interrupted twice", async () => {
  const save = (file: string) => `
    import { writeFileSync } from "node:fs";
    import { execSync } from "node:child_process";
    import { interruptSignal } from "./src/display";
    const signal = interruptSignal();
    console.log("on");
    while (!signal.aborted) {
      execSync("${process.execPath} -e 'setTimeout(()=>{},1500)'");
      await new Promise((resolve) => setImmediate(resolve));
    }
    writeFileSync(${JSON.stringify(file)}, "saved");
  `;
  for (const [name, stop] of [
    ["terminated", async (one: KernelClient) => void process.kill(one.pid!, "SIGTERM")],
    [
      "shut down",
      async (one: KernelClient) => {
        await one.interrupt();
        await one.interrupt();
        await one.shutdown();
      },
    ],
  ] as const) {
    const one = await startKernel();
    const file = join(directory, name);
    const cell = start(save(file), one);
    const ended = cell.ended.catch(() => {});
    await cell.said("on\n");
    await stop(one);
    await ended;
    await one.shutdown();
    assert.equal(existsSync(file) && readFileSync(file, "utf8"), "saved", name);
  }
});

test("a kernel that is to leave does not wait for work that does not listen", async () => {
  const one = await startKernel();
  const cell = start('console.log("on");\nwhile (true) {}', one);
  const died = assert.rejects(cell.ended);
  await cell.said("on\n");
  const began = Date.now();
  await one.shutdown();
  await died;
  assert.ok(Date.now() - began < 20_000);
});
