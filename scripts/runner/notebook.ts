/** Notebook files: reading (validated), the parameters cell, and nbformat 4.5 on disk. */
import { randomUUID } from "node:crypto";
import { z } from "zod";
import { readJson, writeFileWhole } from "../../src/io";
import { wellFormedJson } from "../../src/text";

const text = z.union([z.string(), z.array(z.string())]).transform((value) => [value].flat().join(""));
const record = z.record(z.string(), z.unknown());

/** An output as nbformat 4 has it; other properties are dropped. */
export const outputSchema = z.discriminatedUnion("output_type", [
  z.object({ output_type: z.literal("stream"), name: z.enum(["stdout", "stderr"]), text }),
  z.object({ output_type: z.literal("display_data"), data: record, metadata: record }),
  z.object({
    output_type: z.literal("execute_result"),
    data: record,
    metadata: record,
    execution_count: z.number().nullable(),
  }),
  z.object({
    output_type: z.literal("error"),
    ename: z.string(),
    evalue: z.string(),
    traceback: z.array(z.string()),
  }),
]);

const shared = {
  id: z.string().default(() => randomUUID().slice(0, 8)),
  metadata: record.default({}),
  source: text,
};
const cell = z.discriminatedUnion("cell_type", [
  z.object({
    cell_type: z.literal("code"),
    ...shared,
    execution_count: z.number().nullable().default(null),
    outputs: z.array(outputSchema).default([]),
  }),
  z.object({ cell_type: z.literal("markdown"), ...shared, attachments: record.optional() }),
  z.object({ cell_type: z.literal("raw"), ...shared, attachments: record.optional() }),
]);

const notebook = z.object({
  nbformat: z.literal(4),
  nbformat_minor: z.number(),
  metadata: record.default({}),
  cells: z.array(cell),
});

export type Output = z.infer<typeof outputSchema>;
export type Cell = z.infer<typeof cell>;
export type CodeCell = Extract<Cell, { cell_type: "code" }>;
export type Notebook = z.infer<typeof notebook>;

/** @throws {Error} that names the file and what in it is not as nbformat 4 has it */
export function readNotebook(path: string): Notebook {
  const parsed = notebook.safeParse(readJson(path));
  if (!parsed.success)
    throw new Error(`${path}: not a notebook of nbformat 4:\n${z.prettifyError(parsed.error)}`);
  return parsed.data;
}

/** Writes the notebook as nbformat 4.5, whole or not at all. */
export function writeNotebook(path: string, notebook: Notebook): void {
  writeFileWhole(path, textOf(notebook));
}

/** The file that Jupyter would save: keys in order, texts as lists of lines. Saving it again changes nothing. */
export function textOf({ metadata, cells }: Notebook): string {
  const value = {
    cells: cells.map((one) => ({
      ...one,
      source: linesOf(one.source),
      ...(one.cell_type === "code" && { outputs: one.outputs.map(outputOnDisk) }),
    })),
    metadata,
    nbformat: 4,
    nbformat_minor: 5,
  };
  return `${wellFormedJson(inOrder(value), 1)}\n`;
}

function inOrder(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(inOrder);
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([key, one]) => [key, inOrder(one)]));
}

function outputOnDisk(one: Output): unknown {
  if (one.output_type === "stream") return { ...one, text: linesOf(one.text) };
  if (one.output_type === "error") return one;
  const data = Object.entries(one.data).map(([mime, value]) => [
    mime,
    typeof value === "string" && mime.startsWith("text/") ? linesOf(value) : value,
  ]);
  return { ...one, data: Object.fromEntries(data) as Record<string, unknown> };
}

/** Lines with their line ends. */
function linesOf(content: string): string[] {
  return content === "" ? [] : content.split(/(?<=\n)/);
}

/** Whether a cell carries a tag. */
export function hasTag(one: Cell, tag: string): boolean {
  const { tags } = one.metadata as { tags?: unknown };
  return Array.isArray(tags) && tags.includes(tag);
}
