import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Papa from "papaparse";
import { corpusColumns, parseCsv, readPart } from "../../src/corpus";
import { repeat, round, type Bench } from "./bench";

const bench: Bench = {
  description: "loading the corpus: reading, checksum, CSV, turns; and the CSV part alone",
  async run(report) {
    const folder = mkdtempSync(join(tmpdir(), "bench-corpus-"));
    try {
      const rows = [];
      for (const size of [1000, 5000, 21871]) {
        const path = join(folder, `${size}.csv`);
        const bytes = Buffer.from(table(size));
        writeFileSync(path, bytes);
        report(`${size} conversations`);
        const load = await repeat(5, () => readPart(path, "train"));
        const csv = await repeat(5, () => parseCsv(bytes, path));
        rows.push({
          conversations: size,
          megabytes: round(bytes.length / 1e6),
          loadMs: load.median,
          csvMs: csv.median,
        });
      }
      const real = join(__dirname, "../../../shared/data/spc");
      if (!existsSync(real)) return { rows, real: "Synthetic-Persona-Chat is not at ../shared/data/spc" };
      report("Synthetic-Persona-Chat, all four files");
      const parts = ["train", "valid", "test", "new-persona"] as const;
      const load = () => parts.map((part) => readPart(join(real, `${part}.csv`), part).report);
      const cold = await repeat(1, load, { warmUp: false });
      const files = load();
      return {
        rows,
        real: {
          conversations: files.reduce((sum, { conversations }) => sum + conversations, 0),
          turns: files.reduce((sum, { turns }) => sum + turns, 0),
          megabytes: round(files.reduce((sum, { bytes }) => sum + bytes, 0) / 1e6),
          firstLoadMs: cold.median,
          loadMs: await repeat(5, load),
        },
      };
    } finally {
      rmSync(folder, { recursive: true });
    }
  },
};
export default bench;

/** A table of the real corpus' shape: 5 facts a persona, 29 turns of about 9 words. */
function table(conversations: number): string {
  const facts = Array.from({ length: 5 }, (_, i) => `I have read ${i} books, "cover to cover".`).join("\n");
  const turns = Array.from(
    { length: 29 },
    (_, i) => `User ${1 + (i % 2)}: and then we went down to the sea, ${i}.`,
  );
  const row = [facts, facts, turns.join("\n")];
  return Papa.unparse({ fields: [...corpusColumns], data: Array.from({ length: conversations }, () => row) });
}
