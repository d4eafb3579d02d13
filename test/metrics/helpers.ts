import assert from "node:assert/strict";
import { join } from "node:path";
import { fixtures, lacking } from "../reference";

/** Values of the reference implementations on pairs of conversations. */
const path = join(fixtures, "metrics.json");
export const fixture = { path, skip: lacking(fixtures, "metrics.json") };

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
