import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";

/** Values of the reference implementations on persona conversations, where they lie beside the project. */
const path = join(__dirname, "../../../shared/fixtures/metrics.json");
export const fixture = { path, skip: existsSync(path) ? false : `${path} is not there` };

export interface MetricsFixture {
  pairs: { persona: string; hypothesis: string; reference: string }[];
  corpus_bleu: Record<
    string,
    { score: number; precisions: number[]; bp: number; sys_len: number; ref_len: number; signature: string }
  >;
  sentence_bleu: number[];
  rougeL_fmeasure: number[];
}

/** Equal to 1e-9 relative. */
export function assertClose(actual: number, expected: number, what: string): void {
  const error = Math.abs(actual - expected);
  assert.ok(error <= 1e-9 * Math.abs(expected), `${what}: ${actual}, expected ${expected}`);
}
