import { showTable } from "../display";
import { Random } from "../random";
import { describeStanding } from "./card";
import { isVerdictScored, type Judge, type JudgeCase } from "./case";
import { inert } from "../text";

export interface VerdictsOptions {
  /**
   * How many cases are drawn.
   * @default 20
   */
  readonly count?: number;
  /** @default 13 */
  readonly seed?: number;
}

/** A verdict beside what it is of. */
export type VerdictRow = Readonly<
  Record<"facts" | "before" | "answer" | "reason", string> & { score: number | undefined }
>;

/** A judge's verdicts on cases drawn at random, in the order of the cases; the same seed draws the same. */
export async function verdictRows(
  judge: Judge,
  cases: readonly JudgeCase[],
  { count = 20, seed = 13 }: VerdictsOptions = {},
): Promise<VerdictRow[]> {
  const drawn = new Random(seed)
    .shuffle(cases.map((_, i) => i))
    .slice(0, count)
    .sort((a, b) => a - b);
  const rows: VerdictRow[] = [];
  for (const i of drawn) {
    const one = cases[i]!;
    const verdict = await judge.judge(one);
    const scored = isVerdictScored(verdict);
    rows.push({
      facts: inert((one.persona?.facts ?? []).join(" ")),
      before: inert(one.history.at(-1)?.text ?? ""),
      answer: inert(one.answer),
      score: scored ? verdict.score : undefined,
      reason: inert(scored ? verdict.reason : `unscorable: ${verdict.unscorable}`),
    });
  }
  return rows;
}

/** Shows twenty of a judge's verdicts to read, under what is known of how well it judges. */
export async function showVerdicts(
  judge: Judge,
  cases: readonly JudgeCase[],
  options?: VerdictsOptions,
): Promise<void> {
  showTable(await verdictRows(judge, cases, options), {
    columns: ["facts", "before", "answer", "score", "reason"],
    caption: describeStanding(judge),
    digits: 2,
  });
}
