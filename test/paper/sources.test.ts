import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import fc from "fast-check";
import { followPointer, Sources, toPointer } from "../../src/paper/sources";

test("a JSON Pointer leads back to the value, whatever the keys are", () => {
  fc.assert(
    fc.property(
      fc.array(fc.oneof(fc.string(), fc.constantFrom("/", "~", "~1", "__proto__")), { maxLength: 5 }),
      (keys) => {
        const json = keys.reduceRight<unknown>((value, key) => Object.fromEntries([[key, value]]), 42);
        assert.equal(followPointer(json, toPointer(keys)), 42);
        assert.equal(followPointer(json, `${toPointer(keys)}/x`), undefined);
      },
    ),
  );
  // The examples of RFC 6901, section 5.
  const example = { foo: ["bar", "baz"], "": 0, "a/b": 1, "m~n": 8 };
  assert.deepEqual(
    ["/foo/0", "/", "/a~1b", "/m~0n", "/foo/2", "/toString"].map((pointer) =>
      followPointer(example, pointer),
    ),
    ["bar", 0, 1, 8, undefined, undefined],
  );
});

test("a value that is not there is missing, with the reason", (t) => {
  const folder = mkdtempSync(join(tmpdir(), "sources-"));
  t.after(() => rmSync(folder, { recursive: true }));
  writeFileSync(join(folder, "broken.json"), '{"a": 1');
  writeFileSync(join(folder, "good.json"), '{"a": {"b": 0.25}, "none": null}');
  const sources = new Sources(folder);
  const reason = (file: string, ...path: string[]) => {
    const value = sources.value(file, path, "decimal3");
    return "missing" in value ? value.missing : value.printed;
  };
  assert.equal(reason("good.json", "a", "b"), "0.250");
  assert.match(reason("good.json", "a", "c"), /good.json has nothing at \/a\/c/);
  assert.match(reason("good.json", "none"), /nothing at \/none/);
  assert.match(reason("none.json", "a"), /there is no none.json/);
  assert.match(reason("broken.json", "a"), /broken.json is not valid JSON/);
  assert.equal(sources.locate(folder, "good.json"), "good.json");
  assert.equal(sources.locate(folder, "..", "elsewhere.json"), undefined);
});
