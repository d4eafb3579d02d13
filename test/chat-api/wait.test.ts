import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { askedWait, Gate, waitAfter } from "../../src/chat-api/wait";

const asked = (headers: Record<string, string>) =>
  askedWait(new Headers(headers), Date.parse("2030-01-01T00:00:00Z"));

describe("how long to wait", () => {
  test("doubles, up to eight seconds, and leaves a quarter to chance", () => {
    for (const [failures, full] of [
      [1, 500],
      [2, 1000],
      [4, 4000],
      [5, 8000],
      [30, 8000],
    ] as const)
      for (let i = 0; i < 50; i++) {
        const wait = waitAfter(failures, 500);
        assert.ok(wait <= full && wait >= 0.75 * full, `${wait} after ${failures}`);
      }
  });

  test("is the server's wish where it has one", () => {
    assert.equal(asked({ "retry-after": "7" }), 7000);
    assert.equal(asked({ "retry-after": "0.5" }), 500);
    assert.equal(asked({ "retry-after-ms": "12", "retry-after": "7" }), 12);
    assert.equal(asked({ "retry-after": "Tue, 01 Jan 2030 00:00:09 GMT" }), 9000);
    assert.equal(asked({ "retry-after": "Mon, 31 Dec 2029 00:00:00 GMT" }), 0);
  });

  test("is nobody's wish where what is said makes no sense", () => {
    for (const headers of [
      {},
      { "retry-after": "soon" },
      { "retry-after": "-3" },
      { "retry-after-ms": "NaN" },
    ])
      assert.equal(asked(headers as Record<string, string>), undefined);
  });

  test("a gate lets all through when its longest wait is over", async () => {
    const gate = new Gate();
    await gate.pass();
    gate.close(60);
    gate.close(10);
    const started = performance.now();
    await Promise.all([gate.pass(), gate.pass()]);
    assert.ok(performance.now() - started >= 55);
  });

  test("nobody waits at a gate longer than wished", async () => {
    const gate = new Gate();
    gate.close(60_000);
    await assert.rejects(gate.pass(AbortSignal.timeout(10)), /nobody waits/);
  });
});
