import type { StepLog } from "../training";

/** What is compared of a run of reinforcement: names of its log, by what tables call them. */
const watched = {
  reward: "reward",
  "KL, nats a completion": "objective/kl",
  "tokens a completion": "completions/mean_length",
  entropy: "entropy",
} as const;

/** The means of a run's first and last fifth. */
export function learnedRow(run: string, log: readonly StepLog[]): Record<string, string | number> {
  const row: Record<string, string | number> = { run };
  for (const [name, metric] of Object.entries(watched)) {
    const values = log.flatMap(({ metrics }) => metrics?.[metric] ?? []);
    const fifth = Math.max(1, Math.floor(values.length / 5));
    const mean = (some: readonly number[]) => some.reduce((sum, value) => sum + value, 0) / some.length;
    row[`${name}, first`] = values.length === 0 ? "" : mean(values.slice(0, fifth));
    row[`${name}, last`] = values.length === 0 ? "" : mean(values.slice(-fifth));
  }
  return row;
}
