import assert from "node:assert/strict";
import { isAbsolute, relative, resolve } from "node:path";
import { test } from "node:test";
import fc from "fast-check";
import { HubError } from "../../src/hub/errors";
import { cachePath, checkHubFile, hubAccess, resolveUrl } from "../../src/hub/location";

test("addresses are the hub's", () => {
  const file = { repo: "google/Synthetic-Persona-Chat", file: "data/a b#.csv" };
  assert.equal(
    resolveUrl({ ...file, type: "dataset", revision: "refs/pr/3" }, "https://huggingface.co/").href,
    "https://huggingface.co/datasets/google/Synthetic-Persona-Chat/resolve/refs%2Fpr%2F3/data/a%20b%23.csv",
  );
  assert.equal(
    resolveUrl({ repo: "t5-small", file: "config.json" }, "https://mirror.example/hf").href,
    "https://mirror.example/hf/t5-small/resolve/main/config.json",
  );
});

test("the environment names endpoint, token and offline mode", () => {
  assert.deepEqual(hubAccess({}), { endpoint: "https://huggingface.co", token: undefined, offline: false });
  assert.deepEqual(
    hubAccess({ HF_ENDPOINT: "http://localhost:80", HF_TOKEN: " hf_x\n", HF_HUB_OFFLINE: "1" }),
    { endpoint: "http://localhost:80", token: "hf_x", offline: true },
  );
  assert.equal(hubAccess({ HF_HUB_OFFLINE: "0" }).offline, false);
});

test("an endpoint that is no web address, and a token over plain http, are refused without showing the token", () => {
  assert.throws(() => hubAccess({ HF_ENDPOINT: "file:///x" }), /HF_ENDPOINT is no http/);
  assert.throws(() => hubAccess({ HF_ENDPOINT: "huggingface.co" }), /HF_ENDPOINT is no http/);
  assert.throws(
    () => hubAccess({ HF_ENDPOINT: "http://mirror.example", HF_TOKEN: "hf_secret" }),
    (error: unknown) =>
      error instanceof HubError &&
      /not sent unencrypted/.test(error.message) &&
      !error.message.includes("hf_secret"),
  );
});

test("whatever the names, a file stays inside the cache or is refused", () => {
  const name = fc.oneof(
    fc.string({ unit: fc.constantFrom("a", ".", "/", "\\", ":", "%2e", "\0", " ") }),
    fc.string({ unit: "grapheme" }),
  );
  fc.assert(
    fc.property(name, name, name, (repo, revision, file) => {
      const hubFile = { repo, revision, file };
      try {
        checkHubFile(hubFile);
      } catch (error) {
        assert.ok(error instanceof HubError);
        return;
      }
      const inside = relative(resolve("cache"), resolve(cachePath(hubFile, "cache")));
      assert.ok(inside !== "" && !inside.startsWith("..") && !isAbsolute(inside), inside);
    }),
    { numRuns: 2000, examples: [["a/b", "main", "%2e%2e/x"], ["a", "..", "x"]] }, // prettier-ignore
  );
});
