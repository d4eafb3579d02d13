import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import fs, {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import Papa from "papaparse";
import fc from "fast-check";
import {
  copyFileWhole,
  makeFolder,
  readJson,
  replaceFolder,
  sha256,
  sha256File,
  writeChunksWhole,
  writeCsv,
  writeFileWhole,
  writeJson,
  writeJsonLines,
} from "../../src/io/files";
import { FileProblem } from "../../src/io/problems";

const folder = mkdtempSync(join(tmpdir(), "files-"));
test.after(() => rmSync(folder, { recursive: true }));

test("a file is written whole, into folders that are made, with nothing left beside it", () => {
  const path = join(folder, "a/b/c.bin");
  writeFileWhole(path, Uint8Array.of(1, 2, 3).subarray(1));
  assert.deepEqual([...readFileSync(path)], [2, 3]);
  assert.deepEqual(readdirSync(join(folder, "a/b")), ["c.bin"]);
});

test("a write that fails leaves the old file", () => {
  const path = join(folder, "kept.json");
  writeFileWhole(path, "old");
  const circular: Record<string, unknown> = {};
  circular["self"] = circular;
  assert.throws(() => writeJsonLines(path, [circular]));
  assert.equal(readFileSync(path, "utf8"), "old");
});

test("CSV comes back as it was written, whatever the fields hold", () => {
  const path = join(folder, "table.csv");
  fc.assert(
    fc.property(
      fc.array(fc.record({ a: fc.string(), "b c": fc.string() }, { noNullPrototype: true }), {
        minLength: 1,
      }),
      (rows) => {
        writeCsv(path, rows);
        const read = Papa.parse(readFileSync(path, "utf8").slice(0, -1), { header: true, newline: "\n" });
        assert.deepEqual(read.data, rows);
      },
    ),
    { numRuns: 50, examples: [[[{ a: 'say "hi",\nthen\r\n', "b c": " 007 " }]]] },
  );
});

test("sha256 of the empty string and of 'abc' are the published ones", async () => {
  assert.equal(sha256(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  const path = join(folder, "abc");
  writeFileSync(path, "abc");
  assert.equal(await sha256File(path), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
});

test("a missing or malformed JSON file is named", () => {
  const path = join(folder, "bad.json");
  writeFileSync(path, "{");
  assert.throws(() => readJson(path), /bad\.json: not valid JSON/);
  assert.throws(() => readJson(join(folder, "none.json")), /none\.json: no such file/);
  assert.throws(() => readJson(folder), { message: `${folder}: a folder, where a JSON file is needed` });
});

test("a file from pieces is written whole, and a failing piece leaves the old file and nothing beside it", () => {
  const path = join(folder, "pieces/p.bin");
  writeChunksWhole(path, [Uint8Array.of(1), new Uint8Array(0), Uint8Array.of(2, 3)]);
  assert.deepEqual([...readFileSync(path)], [1, 2, 3]);
  const failing = function* () {
    yield Uint8Array.of(9);
    throw new Error("no more");
  };
  assert.throws(() => writeChunksWhole(path, failing()), /no more/);
  assert.deepEqual([...readFileSync(path)], [1, 2, 3]);
  assert.deepEqual(readdirSync(join(folder, "pieces")), ["p.bin"]);
});

const systemError = (code: string, syscall: string) =>
  Object.assign(new Error(`${code}: ${syscall}`), { code, syscall });

test("a disk that takes only a part at a time gets all of it", (t) => {
  const path = join(folder, "short.bin");
  const write = fs.writeSync as (...args: unknown[]) => number;
  t.mock.method(fs, "writeSync", (descriptor: number, data: Uint8Array, at: number, length: number) =>
    write(descriptor, data, at, Math.min(length, 3)),
  );
  writeFileWhole(path, "elephants");
  writeChunksWhole(join(folder, "shorter.bin"), [Buffer.from("eleph"), Buffer.from("ants")]);
  assert.equal(readFileSync(path, "utf8"), "elephants");
  assert.equal(readFileSync(join(folder, "shorter.bin"), "utf8"), "elephants");
});

test("a disk that is full in the middle of a write leaves the old file, nothing beside it, and says the path", (t) => {
  const path = join(folder, "full/kept.json");
  writeJson(path, "old");
  const write = fs.writeSync as (...args: unknown[]) => number;
  const full = (taken: number) => {
    let room = taken;
    return (descriptor: number, data: Uint8Array, at: number, length: number) => {
      const part = Math.min(room, length);
      if (part === 0) throw systemError("ENOSPC", "write");
      room -= part;
      return write(descriptor, data, at, part);
    };
  };
  const faults: [name: "writeSync" | "fsyncSync" | "closeSync", body: (...args: never[]) => unknown][] = [
    ["writeSync", full(4)],
    ["writeSync", () => 0],
    [
      "fsyncSync",
      () => {
        throw systemError("EDQUOT", "fsync");
      },
    ],
    [
      "closeSync",
      () => {
        throw systemError("ENOSPC", "close");
      },
    ],
  ];
  for (const [name, body] of faults) {
    const mocked = t.mock.method(fs, name, body as never);
    for (const attempt of [
      () => writeJson(path, "much longer than the old one"),
      () => writeChunksWhole(path, [Buffer.from("much"), Buffer.from("longer")]),
    ]) {
      assert.throws(attempt, (error: Error) => {
        assert.ok(error instanceof FileProblem, String(error.stack));
        assert.match(
          error.message,
          /^[^\n]*kept\.json: not written, [^\n]*(ENOSPC|EDQUOT)[^\n]*make room[^\n]*$/,
        );
        return true;
      });
    }
    mocked.mock.restore();
    assert.equal(readJson(path), "old");
    assert.deepEqual(readdirSync(join(folder, "full")), ["kept.json"]);
  }
});

/** Puts a small disk at a folder, where this machine lets us. */
function mountSmall(place: string, ...more: string[]): boolean {
  mkdirSync(place, { recursive: true });
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", ["size=256k", ...more].join(","), "tmpfs", place], {
      stdio: "ignore",
    });
    return true;
  } catch {
    return false;
  }
}

test("on a small disk a file that does not fit leaves the one that was there", (t) => {
  const place = join(folder, "small");
  if (!mountSmall(place)) return t.skip("no small disk can be mounted here");
  try {
    const path = join(place, "file.bin");
    writeFileWhole(path, "old");
    for (const size of [300_000, 3_000_000]) {
      assert.throws(
        () => writeFileWhole(path, Buffer.alloc(size)),
        /file\.bin: not written, no space is left/,
      );
      writeFileSync(join(folder, "source.bin"), Buffer.alloc(size));
      assert.throws(
        () => copyFileWhole(join(folder, "source.bin"), path),
        /file\.bin: not written, no space/,
      );
    }
    assert.equal(readFileSync(path, "utf8"), "old");
    assert.deepEqual(readdirSync(place), ["file.bin"]);
    writeFileWhole(path, Buffer.alloc(100_000, 7));
    assert.equal(statSync(path).size, 100_000);
    execFileSync("mount", ["-o", "remount,ro", place]);
    assert.throws(() => writeFileWhole(path, "x"), /file\.bin: not written, its disk is read-only \(EROFS\)/);
    assert.throws(() => makeFolder(join(place, "new/er")), /new: not written, its disk is read-only/);
  } finally {
    execFileSync("umount", [place]);
  }
});

test("a file in the way of a folder, and a folder in the way of a file, are named", () => {
  writeFileSync(join(folder, "a-file"), "x");
  for (const path of ["a-file/b.json", "a-file/b/c.json"])
    assert.throws(
      () => writeJson(join(folder, path), 1),
      /a-file[^\n]*: not written, a file is where a folder must be/,
    );
  mkdirSync(join(folder, "a-folder/in-it"), { recursive: true });
  assert.throws(
    () => writeJson(join(folder, "a-folder"), 1),
    /a-folder: not written, a folder is where a file must be/,
  );
  assert.deepEqual(
    readdirSync(folder).filter((name) => name.endsWith(".tmp")),
    [],
  );
});

test("a file that is replaced keeps its mode, and a symbolic link goes on pointing to it", () => {
  const target = join(folder, "linked/target.txt");
  writeFileWhole(target, "old");
  chmodSync(target, 0o640);
  symlinkSync("target.txt", join(folder, "linked/link.txt"));
  writeFileWhole(join(folder, "linked/link.txt"), "new");
  assert.equal(readlinkSync(join(folder, "linked/link.txt")), "target.txt");
  assert.equal(readFileSync(target, "utf8"), "new");
  assert.equal(statSync(target).mode & 0o777, 0o640);
  const longest = join(folder, "n".repeat(255));
  writeFileWhole(longest, "as long as a name may be");
  assert.equal(readFileSync(longest, "utf8"), "as long as a name may be");
});

test("a folder takes the place of another one, or of nothing, or leaves all as it was", () => {
  const [place, draft] = [join(folder, "swap/report"), join(folder, "swap/.draft.tmp")];
  const make = (path: string, text: string) => writeFileWhole(join(path, `${text}.txt`), text);
  for (const text of ["first", "second"]) {
    make(draft, text);
    replaceFolder(place, draft);
    assert.deepEqual(readdirSync(place), [`${text}.txt`]);
    assert.deepEqual(readdirSync(join(folder, "swap")), ["report"]);
  }
  assert.throws(() => replaceFolder(place, join(folder, "swap/none")), /swap\/report: not written/);
  assert.deepEqual(readdirSync(place), ["second.txt"]);
  assert.deepEqual(readdirSync(join(folder, "swap")), ["report"]);
});

test("a copy is whole, of any size", () => {
  const bytes = Buffer.from(Array.from({ length: 5_000_000 }, (_, i) => (i * 7) % 251));
  writeFileSync(join(folder, "from.bin"), bytes);
  copyFileWhole(join(folder, "from.bin"), join(folder, "copies/to.bin"));
  assert.ok(readFileSync(join(folder, "copies/to.bin")).equals(bytes));
});

test("JSON with a byte order mark is read, JSON in UTF-16 is refused by name", () => {
  const path = join(folder, "marked.json");
  writeFileSync(path, '\ufeff{"a": "\ufeffä"}');
  assert.deepEqual(readJson(path), { a: "\ufeffä" });
  for (const mark of [
    [0xff, 0xfe],
    [0xfe, 0xff],
  ]) {
    writeFileSync(path, Buffer.from([...mark, 0x7b, 0]));
    assert.throws(() => readJson(path), /marked\.json: its text is in UTF-16; save it as UTF-8/);
  }
});
