import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { gzipSync } from "node:zlib";
import fc from "fast-check";
import { disguise, disguiseOf } from "../../src/io/disguised";

const folder = mkdtempSync(join(tmpdir(), "disguised-"));
test.after(() => rmSync(folder, { recursive: true }));

const latin1 = (text: string) => Uint8Array.from(Buffer.from(text, "latin1"));
const of = (text: string) => disguiseOf(new TextEncoder().encode(text));

/** The beginning of a zip whose first entry has this name. */
function zip(name: string): Uint8Array {
  const header = Buffer.alloc(30);
  header.write("PK\x03\x04\x14\0", "latin1");
  header.writeUInt16LE(name.length, 26);
  return Uint8Array.from(Buffer.concat([header, Buffer.from(name)]));
}

const pointer = `version https://git-lfs.github.com/spec/v1\noid sha256:${"0".repeat(64)}\nsize 307867048\n`;

test("a Git LFS pointer is recognised, with its size and what to do", () => {
  const path = join(folder, "model.safetensors");
  writeFileSync(path, pointer);
  assert.match(disguise(path)!, /^is a Git LFS pointer that stands for 307867048 bytes.*git lfs pull/);
  for (const text of [pointer.replaceAll("\n", "\r\n"), `\ufeff${pointer}`])
    assert.match(of(text)!, /Git LFS pointer/);
  assert.match(of("version https://hawser.github.com/spec/v1\noid sha256:0\nsize 1\n")!, /Git LFS pointer/);
  assert.match(of("/annex/objects/SHA256E-s12--00.csv\n")!, /git annex get/);
});

test("a web page is recognised however it begins", () => {
  for (const page of [
    "<!DOCTYPE html>\n<html><title>Sign in</title>",
    "\ufeff\r\n <HTML lang='en'>",
    "<!-- made by a proxy -->\n<html>",
    '<?xml version="1.0"?><!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Strict//EN">',
    '<meta http-equiv="refresh" content="0">',
  ])
    assert.match(of(page)!, /^is an HTML page/, page);
  const utf16 = Uint8Array.from(Buffer.from("\ufeff<!doctype html>", "utf16le"));
  assert.match(disguiseOf(utf16)!, /^is an HTML page/);
  assert.match(of('<?xml version="1.0"?><Error><Code>AccessDenied</Code></Error>')!, /XML document/);
  assert.match(of("404: Not Found")!, /refusal \("404: Not Found"\)/);
});

test("pickles, workbooks, archives and other models are refused by their names", () => {
  const pickles = [
    latin1("\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19."),
    latin1("\x80\x02}q\0"),
    latin1("\x80\x04\x95\x10\0\0\0\0\0\0\0}\x94"),
    zip("archive/data.pkl"),
    zip("pytorch_model/data.pkl"),
  ];
  for (const head of pickles) assert.match(disguiseOf(head)!, /pickle.*convert it to safetensors/);
  for (const head of [
    zip("[Content_Types].xml"),
    zip("_rels/.rels"),
    latin1("\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"),
  ])
    assert.match(disguiseOf(head)!, /spreadsheet.*CSV/);
  assert.match(disguiseOf(zip("data.csv"))!, /zip archive; unpack/);
  assert.match(disguiseOf(gzipSync("a,b\n1,2\n"))!, /gzip archive; unpack/);
  assert.match(of("%PDF-1.7\n")!, /PDF/);
  assert.match(of("PAR1\x15\x04\x15\x1c")!, /Parquet file.*CSV/);
  assert.match(disguiseOf(latin1("GGUF\x03\0\0\0\x7b\0\0\0\0\0\0\0"))!, /GGUF/);
  assert.match(disguiseOf(latin1("\x89HDF\r\n\x1a\n"))!, /HDF5/);
});

test("an empty file is said to be empty; a missing one and a folder are left to who opens them", () => {
  const path = join(folder, "empty.csv");
  writeFileSync(path, "");
  assert.match(disguise(path)!, /^is empty/);
  assert.equal(disguise(join(folder, "none")), undefined);
  assert.equal(disguise(folder), undefined);
});

test("what is what it should be has no disguise", () => {
  for (const text of [
    "Personas,conversation\na,b\n",
    "version,https\n1,2\n",
    "<3 cats,I like them\n",
    '{"model_type": "t5"}',
    "[1]",
    "PKs,penalty kicks\n",
    "BZhang,a student\n",
    "GGUF,a file\n",
    "PAR1,a golfer\n",
    "Access to music,yes\n",
    "404: Not Found,".padEnd(2000, "x"),
    " ",
  ])
    assert.equal(of(text), undefined, text);
  fc.assert(
    fc.property(fc.integer({ min: 2, max: 100_000_000 }), (length) => {
      const head = Buffer.alloc(16, " ");
      head.writeBigUInt64LE(BigInt(length));
      head.write("{", 8);
      assert.equal(disguiseOf(head), undefined);
    }),
    { examples: [[0x0280], [0x0480], [0x088b1f], [0x2f3c]] },
  );
});
