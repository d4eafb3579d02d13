import { closeSync, fstatSync, openSync, readSync, statSync } from "node:fs";

/** How much of a file's beginning tells what it is. */
const HEAD_BYTES = 1024;

/**
 * What a file really is where it is not what its name promises: a Git LFS pointer, a web page, a workbook, an archive, a
 * pickle, … The answer completes the sentence "<path> …" and says how to get the file that was meant; `undefined` where
 * the beginning looks like none of these, or where there is no such file. Reads the first bytes only.
 */
export function disguise(path: string): string | undefined {
  if (!statSync(path, { throwIfNoEntry: false })?.isFile()) return undefined;
  const descriptor = openSync(path, "r");
  try {
    const head = new Uint8Array(HEAD_BYTES);
    const length = readSync(descriptor, head, 0, HEAD_BYTES, 0);
    return disguiseOf(head.subarray(0, length), fstatSync(descriptor).size);
  } finally {
    closeSync(descriptor);
  }
}

/** {@link disguise} of a file of `size` bytes that begins with `head`. */
export function disguiseOf(head: Uint8Array, size = head.length): string | undefined {
  if (size === 0) return "is empty; copy or download it again";
  if (beginsLikeSafetensors(head)) return undefined;
  return binaryDisguise(head) ?? textDisguise(beginningAsText(head), size);
}

/**
 * Safetensors begin with the length of their header, any 8 bytes up to the format's limit, and `{`. No other kind of
 * file here begins so, but a length can look like the first bytes of one: 640 is that of a pickle.
 */
const beginsLikeSafetensors = (head: Uint8Array) =>
  head[8] === 0x7b && head.subarray(4, 8).every((byte) => byte === 0);

const PICKLE =
  "is a PyTorch or Python pickle, which can run code when read, and is not read here; in Python convert it to " +
  "safetensors (save_pretrained with safe_serialization=True)";
const WORKBOOK = "is a spreadsheet, not a text file; save it as CSV (UTF-8)";
const packed = (kind: string) => `is a ${kind} archive; unpack it first`;

function binaryDisguise(head: Uint8Array): string | undefined {
  const bytes = Buffer.from(head.buffer, head.byteOffset, head.byteLength).toString("latin1");
  if (bytes.startsWith("PK\x03\x04")) return zipDisguise(bytes);
  if (bytes.startsWith("PK\x05\x06")) return "is an empty zip archive";
  // The protocol's number and the first operation of a pickle; text cannot begin with byte 128.
  if (/^\x80[\x02-\x05][\x28-\x95]/.test(bytes)) return PICKLE;
  if (/^GGUF[\x01-\x0f]\0\0\0/.test(bytes)) {
    return "is a GGUF model of llama.cpp: name the file itself as the model, with its ending .gguf";
  }
  if (bytes.startsWith("\x89HDF\r\n\x1a\n")) {
    return "is an HDF5 file of Keras, which is not read here; take the model's safetensors files";
  }
  if (bytes.startsWith("\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1")) return WORKBOOK;
  if (/^(\xef\xbb\xbf)?\s*%PDF-/.test(bytes)) return "is a PDF document; get the file that it stands for";
  if (bytes.startsWith("PAR1\x15"))
    return "is a Parquet file, which is not read here; save its table as CSV (UTF-8)";
  if (bytes.startsWith("\x1f\x8b")) return packed("gzip");
  if (/^BZh[1-9]1AY&SY/.test(bytes)) return packed("bzip2");
  if (bytes.startsWith("\xfd7zXZ\0")) return packed("xz");
  if (bytes.startsWith("\x28\xb5\x2f\xfd")) return packed("Zstandard");
  if (bytes.startsWith("7z\xbc\xaf\x27\x1c")) return packed("7z");
  if (bytes.startsWith("Rar!\x1a\x07")) return packed("RAR");
  return undefined;
}

/** A zip by the name of its first entry. */
function zipDisguise(bytes: string): string {
  const length = bytes.charCodeAt(26) | (bytes.charCodeAt(27) << 8);
  const first = bytes.slice(30, 30 + length);
  if (/^(\[Content_Types\]\.xml|_rels\/|docProps\/|xl\/|mimetype$)/.test(first)) return WORKBOOK;
  if (/(^|\/)(data\.pkl|\.format_version|byteorder)$/.test(first)) return PICKLE;
  if (first.endsWith(".npy")) return "is a NumPy .npz archive, which is not read here";
  return packed("zip");
}

/** The beginning as text without a byte-order mark or white space before it. */
function beginningAsText(head: Uint8Array): string {
  const encoding = head[0] === 0xff && head[1] === 0xfe ? "utf-16le" : "utf-8";
  return new TextDecoder(encoding).decode(head).trimStart();
}

function textDisguise(text: string, size: number): string | undefined {
  const pointer = /^version https?:\/\/(git-lfs\.github|hawser\.github|git-media)\.\S+\s/.test(text);
  if (pointer) {
    const bytes = /^size (\d+)\s*$/m.exec(text)?.[1];
    const instead = bytes === undefined ? "" : ` that stands for ${bytes} bytes`;
    return `is a Git LFS pointer${instead}, not the file itself; run "git lfs pull" in its repository, or download the file`;
  }
  if (/^\/annex\/objects\/\S+\s*$/.test(text)) {
    return 'is a git-annex pointer, not the file itself; run "git annex get" in its repository';
  }
  const markup = text.replace(/^(<\?xml[^>]*>|<!--[\s\S]*?-->|\s+)*/i, "");
  if (/^<(!doctype\s+html|html|head|body|title|meta|script|style|center|h1)[\s>]/i.test(markup)) {
    return "is an HTML page, not the file itself; a login, a proxy or a wrong address gives such a page: download the file again";
  }
  if (text.startsWith("<?xml")) {
    return "is an XML document, not the file itself; servers answer so where they refuse a file: download it again";
  }
  const refusal = /^(404: Not Found|(Entry|Repository) not found|Invalid (username|credentials)|Access to (model|dataset) ).*/i; // prettier-ignore
  const said = size <= HEAD_BYTES ? refusal.exec(text)?.[0] : undefined;
  if (said !== undefined) return `is a server's refusal (${JSON.stringify(said)}), not the file itself`;
  return undefined;
}
