import assert from "node:assert/strict";
import { appendFileSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import Papa from "papaparse";
import * as protobuf from "protobufjs";
import { tfRecord } from "../../src/io/tf-records";
import { readTrainingLog, type StepLog, TrainingLog } from "../../src/training/log";

const root = mkdtempSync(join(tmpdir(), "log-"));
after(() => rmSync(root, { recursive: true }));

/** The part of TensorFlow's event.proto and summary.proto that is read here. */
const { root: types } = protobuf.parse(`syntax = "proto3";
  message Value { string tag = 1; float simple_value = 2; }
  message Summary { repeated Value value = 1; }
  message SessionLog { int32 status = 1; }
  message Event {
    double wall_time = 1; int64 step = 2;
    oneof what { string file_version = 3; Summary summary = 5; SessionLog session_log = 7; }
  }`);
interface Event {
  wallTime: number;
  step?: number;
  fileVersion?: string;
  sessionLog?: { status: number };
  summary?: { value: { tag: string; simpleValue: number }[] };
}

function readEvents(path: string): Event[] {
  const Event = types.lookupType("Event");
  const bytes = readFileSync(path);
  const events: Event[] = [];
  for (let at = 0; at < bytes.length;) {
    const length = Number(bytes.readBigUInt64LE(at));
    const data = bytes.subarray(at + 12, at + 12 + length);
    assert.deepEqual(bytes.subarray(at, at + 16 + length), tfRecord(data));
    events.push(Event.toObject(Event.decode(data), { longs: Number }) as Event);
    at += 16 + length;
  }
  return events;
}

/** The steps of a folder's event files with their scalars, as 32-bit floats. */
function scalarsIn(folder: string): [number, Record<string, number>][] {
  return readdirSync(folder).flatMap((name) =>
    readEvents(join(folder, name)).flatMap(({ step = 0, summary }) =>
      summary
        ? [
            [
              step,
              Object.fromEntries(summary.value.map(({ tag, simpleValue }) => [tag, simpleValue])),
            ] as const,
          ]
        : [],
    ),
  ) as [number, Record<string, number>][];
}

const row = (step: number, more: Partial<StepLog> = {}): StepLog => ({
  ...{ step, epoch: step / 4, loss: 3 - step / 8, learningRate: 0.5 },
  ...{ gradNorm: step, tokensPerSecond: 100, seconds: 0.25, ...more },
});

test("a log is JSONL, CSV and TensorBoard's events at once", () => {
  const path = join(root, "forms/training_log.jsonl");
  const log = new TrainingLog(path, 0);
  log.append(row(1, { metrics: { "a, b": 0.5 } }));
  log.append(row(2, { evalLoss: 1.5, evalMetrics: { accuracy: 0.75 }, metrics: { "a, b": NaN } }));
  log.append(row(3, { gradNorm: Infinity }));
  assert.deepEqual(
    readTrainingLog(path).map(({ step }) => step),
    [1, 2, 3],
  );

  const csv = readFileSync(join(root, "forms/training_log.csv"), "utf8");
  assert.equal(
    csv,
    'step,epoch,loss,learningRate,gradNorm,tokensPerSecond,seconds,"metrics.a, b",evalLoss,evalMetrics.accuracy\n' +
      "1,0.25,2.875,0.5,1,100,0.25,0.5,,\n" +
      "2,0.5,2.75,0.5,2,100,0.25,,1.5,0.75\n" +
      "3,0.75,2.625,0.5,,100,0.25,,,\n",
  );
  assert.equal(Papa.parse(csv, { header: true, skipEmptyLines: true }).data.length, 3);

  const train = (step: number) => ({
    ...{ "train/epoch": step / 4, "train/loss": 3 - step / 8, "train/learning_rate": 0.5 },
    ...{ "train/grad_norm": step, "train/tokens_per_second": 100, "train/seconds": 0.25 },
  });
  const { "train/grad_norm": _, ...third } = train(3);
  assert.deepEqual(scalarsIn(join(root, "forms/tensorboard")), [
    [1, { ...train(1), "train/a, b": 0.5 }],
    [2, { ...train(2), "eval/loss": 1.5, "eval/accuracy": 0.75 }],
    [3, third],
  ]);
});

test("an event file begins with the format's version and a start, and time goes forward", () => {
  const log = new TrainingLog(join(root, "begin/training_log.jsonl"), 0);
  log.append(row(1));
  const folder = join(root, "begin/tensorboard");
  const [name] = readdirSync(folder);
  assert.match(name!, /^events\.out\.tfevents\.\d{10}\./);
  const [version, start, first] = readEvents(join(folder, name!));
  assert.equal(version!.fileVersion, "brain.Event:2");
  assert.deepEqual(start!.sessionLog, { status: 1 });
  assert.ok(first!.wallTime >= start!.wallTime && Math.abs(first!.wallTime - Date.now() / 1000) < 60);
});

test("a run that goes on has each step once in every form, in a later event file", () => {
  const path = join(root, "resumed/training_log.jsonl");
  const folder = join(root, "resumed/tensorboard");
  const killed = new TrainingLog(path, 0);
  for (let step = 1; step <= 5; step++) killed.append(row(step, { metrics: { run: 1 } }));
  appendFileSync(path, '{"step":6,"lo'); // a killed process
  appendFileSync(path.replace("jsonl", "csv"), "6,1.");
  const before = readdirSync(folder);
  appendFileSync(join(folder, before[0]!), "\u0001\u0002");
  writeFileSync(join(folder, "notes.txt"), "");

  const resumed = new TrainingLog(path, 3);
  for (let step = 4; step <= 6; step++) resumed.append(row(step, { metrics: { run: 2 } }));
  const expected = [1, 2, 3, 4, 5, 6].map((step) => [step, step <= 3 ? 1 : 2]);
  assert.deepEqual(
    readTrainingLog(path).map(({ step, metrics }) => [step, metrics!["run"]]),
    expected,
  );
  const csv = Papa.parse<Record<string, string>>(readFileSync(path.replace("jsonl", "csv"), "utf8"), {
    header: true,
    skipEmptyLines: true,
  });
  assert.deepEqual(csv.errors, []);
  assert.deepEqual(
    csv.data.map((line) => [Number(line["step"]), Number(line["metrics.run"])]),
    expected,
  );
  rmSync(join(folder, "notes.txt")); // what is not its own, it leaves there
  assert.deepEqual(
    scalarsIn(folder).map(([step, scalars]) => [step, scalars["train/run"]]),
    expected,
  );
  const after = readdirSync(folder);
  assert.equal(after.length, 1);
  assert.ok(after[0]! > before[0]!);
  const times = readEvents(join(folder, after[0]!))
    .slice(2)
    .map(({ wallTime }) => wallTime);
  assert.deepEqual(
    times,
    [...times].sort((a, b) => a - b),
  );
});
