import assert from "node:assert/strict";
import { test } from "node:test";
import { redisAddress, shownAddress } from "../../../src/grid/queue/address";
import { complaints, loadBullMq, openBullMq } from "../../../src/grid/queue/bullmq";

test("an address is the named one, that of the environment, or this machine's", () => {
  const here = { host: "127.0.0.1", port: 6379, db: 0, tls: false };
  assert.deepEqual(redisAddress(undefined, undefined), here);
  assert.deepEqual(redisAddress(undefined, ""), here);
  assert.deepEqual(redisAddress("redis://other:7000/3", "redis://:secret@10.0.0.1"), {
    ...{ host: "other", port: 7000, db: 3, tls: false },
  });
  assert.deepEqual(redisAddress(undefined, "rediss://me:p%40ss@[::1]:7000"), {
    ...{ host: "::1", port: 7000, db: 0, username: "me", password: "p@ss", tls: true },
  });
  // A named server is entered with the environment's password where it is the same one.
  assert.deepEqual(redisAddress("redis://10.0.0.1/2", "redis://:secret@10.0.0.1:6379"), {
    ...{ host: "10.0.0.1", port: 6379, db: 2, password: "secret", tls: false },
  });
});

test("no password is shown, and none is taken from a command line", () => {
  const url = "redis://me:secret@10.0.0.1:7000/2";
  assert.equal(shownAddress(redisAddress(undefined, url)), "redis://10.0.0.1:7000/2");
  assert.equal(shownAddress(redisAddress(undefined, "rediss://[::1]")), "rediss://[::1]:6379");
  const silent = (body: () => unknown, says: RegExp) =>
    assert.throws(body, (error: Error) => says.test(error.message) && !error.message.includes("secret"));
  silent(
    () => redisAddress(url, undefined),
    /^--redis: a password in a command line can be read .* REDIS_URL/,
  );
  for (const bad of ["http://:secret@host", "secret@host:6379", "redis://:secret@host/name", "redis://"])
    silent(() => redisAddress(undefined, bad), /^REDIS_URL: an address of a Redis is redis:\/\/HOST:PORT/);
  silent(() => redisAddress("grid.json", undefined), /^--redis: an address of a Redis is/);
});

const isMissing = () => {
  try {
    loadBullMq();
    return false;
  } catch {
    return "BullMQ is not installed";
  }
};

test("where nobody listens it is said where, why and what to do", { skip: isMissing() }, async () => {
  await assert.rejects(
    openBullMq(redisAddress("redis://127.0.0.1:1", undefined)),
    /^Error: there is no Redis at redis:\/\/127\.0\.0\.1:1 \(ECONNREFUSED\): start one \(docs\/jobs\.md\)/,
  );
});

test("a server that goes away is told of once", () => {
  const said: string[] = [];
  const told = complaints((line) => said.push(line), "redis://host:1");
  for (const code of ["ECONNREFUSED", "ECONNREFUSED"]) told(Object.assign(new Error("connect"), { code }));
  told(new Error("LOADING"));
  assert.deepEqual(said, [
    "redis://host:1 does not answer (ECONNREFUSED): waits until it does",
    "redis://host:1: LOADING",
  ]);
});

test("without BullMQ it is said how to install it", () => {
  const missing = () => {
    throw Object.assign(new Error("Cannot find module"), { code: "MODULE_NOT_FOUND" });
  };
  assert.throws(
    () => loadBullMq(missing),
    /not installed here \(an optional dependency\): npm ci --include=optional/,
  );
  assert.throws(
    () =>
      loadBullMq(() => {
        throw new Error("broken");
      }),
    /^Error: broken$/,
  );
});
