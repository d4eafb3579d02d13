import { readFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { decodeText, readJson, sha256 } from "../io";
import { type PaperDocument, texts } from "./document";
import { type Format, formats } from "./format";
import { followPointer, toPointer } from "./sources";

const tracedSchema = z.object({
  /** The value's anchor in the HTML. */
  id: z.string(),
  printed: z.string(),
  where: z.string(),
  /** Relative to the folder of outputs, with its SHA-256 when the paper was made. */
  file: z.string(),
  sha256: z.string(),
  /** JSON Pointer (RFC 6901). */
  pointer: z.string(),
  value: z.unknown(),
  format: z.enum(Object.keys(formats) as [Format, ...Format[]]),
});
/** A value of a paper and where it comes from; an entry of `numbers.json`. */
export type TracedValue = z.infer<typeof tracedSchema>;

const traceSchema = z.object({
  version: z.literal(1),
  values: z.array(tracedSchema),
  missing: z.array(z.object({ where: z.string(), reason: z.string() })),
});
/** All values of a paper in the order they are printed, and what was missing. */
export type Trace = z.infer<typeof traceSchema>;

/** Collects the values that a document prints. Their ids count them: `n1` is the first. */
export function traceDocument(document: PaperDocument): Trace {
  const trace: Trace = { version: 1, values: [], missing: [] };
  for (const { where, text } of texts(document)) {
    for (const piece of text) {
      if (typeof piece === "string" || piece.type !== "value") continue;
      if ("missing" in piece.value) {
        trace.missing.push({ where, reason: piece.value.missing });
        continue;
      }
      const { printed, source } = piece.value;
      const { file, sha256, path, value, format } = source;
      const id = `n${trace.values.length + 1}`;
      trace.values.push({ id, printed, where, file, sha256, pointer: toPointer(path), value, format });
    }
  }
  return trace;
}

/**
 * Reads every value of a `numbers.json` again from its file.
 *
 * @param pathOf where a file lies, while it is not yet below the outputs
 * @returns what does not agree, a line each
 */
export function checkTrace(
  tracePath: string,
  outputs: string,
  pathOf = (file: string) => join(outputs, file),
): string[] {
  const { values } = readTrace(tracePath);
  const files = new Map<string, { sha256: string; json: unknown } | string>();
  const open = (file: string) => {
    try {
      const bytes = readFileSync(pathOf(file));
      return { sha256: sha256(bytes), json: JSON.parse(decodeText(bytes, file)) as unknown };
    } catch (error) {
      return (error as Error).message;
    }
  };
  return values.flatMap(({ id, printed, file, pointer, format, ...then }) => {
    const at = `${id} (${printed}), ${file}${pointer}: `;
    if (!files.has(file)) files.set(file, open(file));
    const now = files.get(file)!;
    if (typeof now === "string") return [at + now];
    if (now.sha256 !== then.sha256) return [`${at}the file has changed since`];
    const value = followPointer(now.json, pointer);
    if (value === undefined) return [`${at}there is nothing`];
    const reprinted = formats[format](value);
    return reprinted === printed ? [] : [`${at}the file says ${reprinted}`];
  });
}

export function readTrace(path: string): Trace {
  const result = traceSchema.safeParse(readJson(path));
  if (result.success) return result.data;
  throw new Error(`${path}: not a trace of a paper\n${z.prettifyError(result.error)}`);
}
