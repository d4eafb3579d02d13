import assert from "node:assert/strict";
import { mkdtempSync, mkdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { llamaOperations, llamaWeights, t5Operations } from "../../scripts/benches/shapes/operations";
import { exponent, growths } from "../../scripts/time-map/growth";
import { type BenchFile, mapRows } from "../../scripts/time-map/jobs";
import { decodingRate } from "../../scripts/time-map/limits";
import { notebookRows } from "../../scripts/time-map/notebooks";
import { mapOf, performancePage } from "../../scripts/time-map/page";
import { shareOfLimit, timesThePeer } from "../../scripts/time-map/row";
import { found, plan, readRun, reasonIn, runAll, type Start, startBench } from "../../scripts/time-map/run";
import { readJson, writeJson } from "../../src/io/files";
import { parseLlamaConfig } from "../../src/models/llama/config";
import { parseT5Config } from "../../src/models/t5/config";

const folder = mkdtempSync(join(tmpdir(), "time-map-"));
after(() => rmSync(folder, { recursive: true }));
const emptyFolder = (name: string) => {
  const path = join(folder, name);
  mkdirSync(path);
  return path;
};

const roofline: BenchFile = {
  rows: [
    { what: "product", best: 200 },
    { what: "memory", best: 40 },
  ],
};
const t5Row = { config: "lora", lengths: "real", trained: 1, gflop: 100, peakRssMiB: 900 };
const benches: Record<string, BenchFile> = {
  roofline,
  "lora-training": {
    rows: [
      { ...t5Row, frozenWeights: "float32", stepSeconds: 2, peerStepSeconds: 3, peerPeakRssMiB: 1500 },
      { ...t5Row, frozenWeights: "int8", stepSeconds: 1 },
    ],
    peer: "no peer here",
  },
  "llama-decode": {
    rows: [{ weights: "int8", batch: 1, length: 64, decodeTokensPerSecond: 120 }],
    llamaCpp: { q8_0: [{ batch: 1, length: 64, decode: 100 }] },
    transformers: [{ batch: 1, length: 64, decode: 20 }],
  },
};
const left = (name: string) => benches[name] ?? `${name} broke`;

test("a row says what is ours, the best peer's and the limit; how far they are apart follows", () => {
  const rows = mapRows(left);
  const step = rows.find(({ group, job }) => group === "T5" && job === "LoRA step")!;
  assert.equal(step.ours, 2);
  assert.deepEqual(step.peer, { name: "PyTorch, float32", value: 3 });
  assert.deepEqual(step.limit, { of: "products", value: 0.5 });
  assert.deepEqual(step.memory, { ours: 900, peer: 1500 });
  assert.equal(timesThePeer(step), 1.5);
  assert.equal(shareOfLimit(step), 0.25);

  const decoding = rows.find(({ group, job }) => group === "causal" && job === "decoding in 8 bits")!;
  assert.deepEqual(decoding.peer, { name: "llama.cpp, Q8_0", value: 100 }); // transformers is slower
  assert.equal(timesThePeer(decoding), 1.2);
});

test("a bench that is missing its peer, its figures or itself says so in its row", () => {
  const rows = mapRows(left);
  const missing = (group: string, job: string) =>
    rows.find((row) => row.group === group && row.job === job)!.missing;
  assert.equal(missing("T5", "LoRA step, base in 8 bits"), "peer: no peer here");
  assert.match(missing("causal", "decoding in 4 bits")!, /^llama-decode: no decodeTokensPerSecond of .*int4/);
  assert.equal(missing("causal", "DPO step"), "dpo-step: dpo-step broke");
  const blind = mapRows((name) => (name === "roofline" ? "killed" : left(name)));
  assert.ok(blind.every(({ limit }) => limit === undefined));
  assert.equal(blind.find(({ job }) => job === "LoRA step")!.ours, 2);
});

test("operations are those of the matrix products, each multiplication and addition one", () => {
  const llama = parseLlamaConfig("llama", {
    ...{ vocab_size: 10, hidden_size: 4, intermediate_size: 6, num_hidden_layers: 2 },
    ...{ num_attention_heads: 2, num_key_value_heads: 1 },
  });
  // q 4×4, k and v 4×2, o 4×4, gate and up 4×6, down 6×4
  const layer = 16 + 8 + 8 + 16 + 24 + 24 + 24;
  assert.deepEqual(llamaWeights(llama), { layers: 2 * layer, head: 40 });
  const rows = { tokens: 6, labelled: 2, length: 3 };
  const attention = 2 * (6 * 3 * 4); // scores and values, of half of a row on average
  assert.equal(llamaOperations(llama, rows, "all", false), 2 * (6 * 2 * layer + 2 * 40 + attention));
  const adapters = 6 * 2 * (8 + 6 + 6 + 8 + 10 + 10 + 10);
  assert.equal(
    llamaOperations(llama, rows, { rank: 1 }),
    2 * (2 * (6 * 2 * layer + 2 * 40) + 3 * adapters + 3 * attention),
  );

  const t5 = parseT5Config({
    ...{ vocab_size: 10, d_model: 4, d_kv: 2, d_ff: 6, num_layers: 1, num_heads: 2 },
    ...{ feed_forward_proj: "gated-gelu", tie_word_embeddings: false },
  });
  const [own, cross, feedForward] = [4 * 16, 2 * 16, 3 * 24];
  const read = 3 * (own + feedForward + cross);
  const said = 2 * (own + feedForward + cross);
  const looked = 2 * 4 * (3 * 3 + 2 * 2 + 2 * 3);
  assert.equal(
    t5Operations(t5, { batch: 1, encoder: 3, decoder: 2 }, "all"),
    2 * 3 * (read + said + 2 * 40 + looked),
  );
});

test("decoding is limited by memory, which fewer bits and larger batches spare, and in 32 bits by products", () => {
  const slowMemory = { gflopPerSecond: 1e6, gigabytesPerSecond: 40 };
  const alone = decodingRate("smollm2-135m", "float32", 1, slowMemory);
  assert.ok(Math.abs(alone - 40e9 / (4 * 134_479_872)) < 0.5, String(alone)); // its parameters without the norms, each read once
  assert.equal(decodingRate("smollm2-135m", "float32", 4, slowMemory), 4 * alone);
  assert.ok(decodingRate("smollm2-135m", "int8", 1, slowMemory) > 3.5 * alone);
  const slowProducts = { gflopPerSecond: 10, gigabytesPerSecond: 1e6 };
  assert.ok(
    Math.abs(decodingRate("smollm2-135m", "float32", 4, slowProducts) - 10e9 / (2 * 134_479_872)) < 0.1,
  );
});

test("a run that was killed goes on; what failed is run again; other settings begin anew", async () => {
  const path = emptyFolder("run");
  const asked: string[] = [];
  const start =
    (failing: string, killedAt = ""): Start =>
    (name) => {
      asked.push(name);
      if (name === killedAt) throw new Error("killed");
      if (name === failing) return Promise.resolve("no memory left");
      writeJson(join(path, `${name}.json`), { results: { rows: [{ name }] } });
      return Promise.resolve(undefined);
    };
  const names = plan.map(({ name }) => name);
  const [first = "", second = "", third = ""] = names;
  await assert.rejects(
    runAll(path, { quick: true }, start(second, third), () => {}),
    /killed/,
  );
  assert.deepEqual(asked.splice(0), [first, second, third]);
  const cut = readRun(path)!;
  assert.equal(cut.finished, undefined);
  assert.equal(found(path, cut, second), "no memory left");
  assert.equal(found(path, cut, third), "not run yet");

  const run = await runAll(path, { quick: true }, start(""), () => {});
  assert.deepEqual(asked.splice(0), names.slice(1));
  assert.equal(run.started, cut.started);
  assert.ok(run.finished);
  assert.deepEqual(found(path, run, second), { rows: [{ name: second }] });

  await runAll(path, { quick: true }, start(""), () => {}); // a finished run is not one to go on with
  assert.deepEqual(asked.splice(0), names);
  await assert.rejects(
    runAll(path, { quick: true }, start("", third), () => {}),
    /killed/,
  );
  asked.splice(0);
  await runAll(path, { quick: false }, start(""), () => {});
  assert.deepEqual(asked, names);
});

test("a bench that fails leaves its error's message", async () => {
  const { PERSONA_CHAT_MODEL: _, ...environment } = process.env;
  const failure = await startBench(emptyFolder("failed"), 5)("llama-perplexity", environment);
  assert.equal(failure, "set PERSONA_CHAT_MODEL to a causal model");
  assert.equal(
    await startBench(emptyFolder("late"), 0.001)("corpus", environment),
    "took longer than 0.001 minutes",
  );
});

test("the reason of a failure is its last error, short and without the folders of this machine", () => {
  const said =
    "Error: first\n  at x\nError: Command failed: /home/me/bin/python /home/me/peers/dpo_steps.py {}\n    at y";
  assert.equal(reasonIn(said), "Command failed: python dpo_steps.py {}");
  assert.equal(reasonIn(`TypeError: ${"long ".repeat(100)}`)!.length, 160);
  assert.equal(reasonIn("nothing but progress"), undefined);
});

test("growth is of the rows that differ in one size alone", () => {
  const row = (length: number, more: object) => ({ shape: "chat-model", batch: 8, length, ...more });
  const own = (length: number, stepSeconds: number) => row(length, { frozenWeights: "float32", stepSeconds });
  const theirs = (length: number, stepSeconds: number) => row(length, { peer: "fp32", stepSeconds });
  const rows = [own(256, 4), theirs(256, 8), own(64, 1), theirs(64, 4), { ...own(128, 9), batch: 2 }];
  const [growth, ...others] = growths((name) => (name === "llama-step" ? { rows } : "none"));
  assert.deepEqual(others, []);
  assert.deepEqual(growth!.points, [
    { size: 64, ours: 1, peer: 4 },
    { size: 256, ours: 4, peer: 8 },
  ]);
  assert.equal(exponent(growth!.points.map(({ size, ours }) => ({ size, value: ours }))), 1);
});

test("the page has the figures of the run, what is missing with its reason, and how busy the machine was", () => {
  const [path, outputs, notebooks] = ["page", "outputs", "notebooks"].map(emptyFolder) as [
    string,
    string,
    string,
  ];
  for (const [name, results] of Object.entries(benches)) writeJson(join(path, `${name}.json`), { results });
  for (const name of ["01-one", "02-two"]) writeJson(join(notebooks, `${name}.ipynb`), {});
  writeJson(join(outputs, "01-one", "manifest.json"), {
    ...{ profile: "quick", seconds: 61.2, started: "2026-01-02T03:04:05.000Z" },
  });
  assert.deepEqual(
    notebookRows(notebooks, outputs).map(({ job, ours }) => [job, ours]),
    [
      ["01-one", 61],
      ["02-two", undefined],
    ],
  );
  const ended = Object.fromEntries(
    Object.keys(benches).map((name) => [name, { seconds: 9, otherProcessors: 1.5 }]),
  );
  const run = {
    started: "2026-01-02T00:00:00.000Z",
    settings: {},
    ended,
    finished: "2026-01-02T01:00:00.000Z",
  };
  const map = mapOf(path, run, { notebooks, outputs });
  writeJson(join(path, "all.json"), map);
  const page = performancePage(readJson(join(path, "all.json")) as typeof map);
  assert.match(
    page,
    /^\| LoRA step \| [^|]+ \| 2 s \| 3 s \(PyTorch, float32\) \| 1\.50× \| at least 0\.5 s \(products\) \| 25 % \|/m,
  );
  assert.match(page, /^\| DPO step \| [^|]+ \| dpo-step: not run yet \|/m);
  assert.match(page, /^\| 01-one \| profile quick, run on 2026-01-02 \| 61 s \|$/m);
  assert.match(page, /The machine was busy/);
  assert.match(page, /^- 4\.0× FLAN-T5: LoRA step/m);
  assert.doesNotMatch(page, /undefined|NaN|\[object/);
});
