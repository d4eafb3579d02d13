import assert from "node:assert/strict";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, afterEach, before, test } from "node:test";
import Papa from "papaparse";
import { loadCorpus } from "../../../src/corpus/spc/load";
import { corpusColumns } from "../../../src/corpus/spc/read";
import { findCorpus, hubCorpus, sampleDirectory } from "../../../src/corpus/spc/source";
import { splitNames } from "../../../src/corpus/spc/types";
import { FakeHub } from "../../hub/fake-hub";

const folder = mkdtempSync(join(tmpdir(), "source-"));
const hub = new FakeHub();
const variables = ["PERSONA_DATA", "PERSONA_CACHE", "HF_ENDPOINT", "HF_TOKEN", "HF_HUB_OFFLINE"];
const saved = variables.map((name) => process.env[name]);
const local = existsSync(join(__dirname, "../../../data/spc")) ? "data/spc exists here" : false;

before(async () => {
  await hub.start();
  for (const name of variables) delete process.env[name];
});
afterEach(() => {
  for (const name of variables) delete process.env[name];
  hub.files.clear();
  hub.seen.length = 0;
});
after(async () => {
  variables.forEach((name, i) =>
    saved[i] === undefined ? delete process.env[name] : (process.env[name] = saved[i]),
  );
  await hub.stop();
  rmSync(folder, { recursive: true });
});

test("a named folder wins, then PERSONA_DATA, whatever the profile", async () => {
  process.env["PERSONA_DATA"] = "/b";
  for (const profile of ["quick", "full"] as const) {
    assert.equal((await findCorpus({ directory: "/a", profile }, splitNames)).directory, "/a");
    const named = await findCorpus({ profile }, splitNames);
    assert.deepEqual([named.kind, named.directory], ["directory", "/b"]);
    assert.match(named.why, /PERSONA_DATA/);
  }
});

test("quick takes the sample and asks nobody", async () => {
  process.env["HF_ENDPOINT"] = hub.endpoint;
  assert.deepEqual((await findCorpus({}, splitNames)).directory, sampleDirectory);
  assert.equal((await findCorpus({ profile: "quick" }, splitNames)).kind, "sample");
  assert.equal(hub.seen.length, 0);
});

test("full fetches the corpus from the hub, then finds it in the cache", { skip: local }, async () => {
  process.env["HF_ENDPOINT"] = hub.endpoint;
  const csv = Papa.unparse({ fields: [...corpusColumns], data: [["I sail.", "I ski.", "User 1: Hi"]] });
  for (const name of ["train", "valid", "test"]) {
    hub.files.set(`/datasets/${hubCorpus.repo}/resolve/main/data/Synthetic-Persona-Chat_${name}.csv`, {
      content: Buffer.from(csv),
      lfs: name === "train",
    });
  }
  const options = { profile: "full", cacheDirectory: join(folder, "cache") } as const;
  const { source, splits } = await loadCorpus(options);
  assert.equal(source.kind, "hub");
  assert.equal(splits.test[0]!.turns[0]!.text, "Hi");
  process.env["HF_HUB_OFFLINE"] = "1";
  assert.equal((await loadCorpus(options)).source.kind, "hub");
  delete process.env["HF_HUB_OFFLINE"];
  hub.files.clear();
  await assert.rejects(loadCorpus(options), /no such file.*404/);
});

test("full without a hub falls back to the sample and says why", { skip: local }, async () => {
  process.env["HF_HUB_OFFLINE"] = "1";
  process.env["PERSONA_CACHE"] = join(folder, "nothing");
  const source = await findCorpus({ profile: "full" }, splitNames);
  assert.equal(source.kind, "sample");
  assert.match(source.why, /not Synthetic-Persona-Chat.*HF_HUB_OFFLINE.*PERSONA_DATA/);
});
