import assert from "node:assert/strict";
import { test } from "node:test";
import { liveDisplay } from "../../src/display/display";
import { formatDuration, startProgress } from "../../src/display/progress";
import { capture } from "./capture";

/** Runs 100 units of one second each. */
function work(stream: { write(text: string): unknown; isTTY?: boolean }, notes = false) {
  let time = 0;
  const progress = startProgress("Reading", 100, { unit: "rows", stream, now: () => time });
  for (let i = 0; i < 100; i++) {
    time += 1000;
    progress.advance(1, notes ? `loss ${i}` : undefined);
  }
  progress.finish();
}

test("a log gets few lines, each with the time left", () => {
  let text = "";
  work({ write: (part) => (text += part) });
  assert.deepEqual(text.trimEnd().split("\n"), [
    "Reading: 2 of 100 rows (2 %), 1.00 rows/s, 1 min 38 s left",
    "Reading: 32 of 100 rows (32 %), 1.00 rows/s, 1 min 8 s left",
    "Reading: 62 of 100 rows (62 %), 1.00 rows/s, 38 s left",
    "Reading: 92 of 100 rows (92 %), 1.00 rows/s, 8.0 s left",
    "Reading: 100 rows in 1 min 40 s",
  ]);
});

test("a terminal gets one line that is written over", () => {
  let text = "";
  work({ isTTY: true, write: (part) => (text += part) }, true);
  assert.equal(text.split("\n").length, 2);
  assert.match(text, /\r\u001b\[KReading: 50 of 100 rows \(50 %\), 1\.00 rows\/s, 50 s left, loss 49\r/);
});

test("a notebook gets one output, replaced in place", () => {
  const shown = capture(() => work({ write: () => assert.fail("not to the stream") }));
  assert.equal(new Set(shown.map((output) => output.transient.display_id)).size, 1);
  assert.deepEqual(
    shown.map((output) => output.update),
    [false, ...Array<boolean>(shown.length - 1).fill(true)],
  );
  assert.equal(shown.at(-1)!.data["text/plain"], "Reading: 100 rows in 1 min 40 s");
});

test("where nobody knows how much there is, no share and no time left is said", () => {
  let text = "";
  let time = 0;
  const progress = startProgress("Downloading", null, {
    unit: "MB",
    stream: { write: (part) => (text += part) },
    now: () => time,
  });
  time = 4000;
  progress.advance(8);
  progress.finish();
  assert.equal(text, "Downloading: 8 MB, 2.00 MB/s\nDownloading: 8 MB in 4.0 s\n");
});

test("short work says nothing", () => {
  const progress = startProgress("x", 2, { stream: { write: () => assert.fail() }, now: () => 0 });
  progress.advance(2);
  progress.finish();
});

test("a bundle goes out whole, bytes as base64, and its handle replaces it", () => {
  const shown = capture(() => {
    const handle = liveDisplay({ "image/png": Uint8Array.of(255, 0), "application/json": { a: 1 } });
    handle.update({ "text/plain": "é" });
  });
  assert.deepEqual(shown[0]!.data, { "image/png": "/wA=", "application/json": { a: 1 } });
  assert.deepEqual([shown[1]!.data, shown[1]!.update], [{ "text/plain": "é" }, true]);
  assert.equal(shown[1]!.transient.display_id, shown[0]!.transient.display_id);
});

test("what needed no work is done, but in neither the rate nor the time left", () => {
  let time = 0;
  let text = "";
  const stream = { write: (part: string) => (text += part) };
  const progress = startProgress("Reading", 100, { unit: "rows", stream, now: () => time });
  progress.skip(50);
  for (time = 1000; time <= 10_000; time += 1000) progress.advance();
  progress.finish();
  assert.equal(text, "Reading: 52 of 100 rows (52 %), 1.00 rows/s, 48 s left\nReading: 10 rows in 11 s\n");
});

test("durations", () => {
  const said = [0.04, 9.94, 9.96, 59.6, 61, 3599.6, 7500].map(formatDuration);
  assert.deepEqual(said, ["0.0 s", "9.9 s", "10 s", "1 min 0 s", "1 min 1 s", "1 h 0 min", "2 h 5 min"]);
});
