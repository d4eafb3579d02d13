import { existsSync } from "node:fs";
import { z } from "zod";
import { type Interval } from "../metrics";
import { readJson, sha256, shownPath } from "../io";
import { describeIssues } from "../text";
import type { Judge } from "./case";

const interval = z.strictObject({ value: z.number(), low: z.number(), high: z.number() });

/** How well one kind of wrong answers is told from right ones. */
const toldApart = z.strictObject({
  /** Wrong answers of this kind; there are as many right ones. */
  places: z.int().positive(),
  /** Area under the ROC curve of right against wrong answers. */
  auc: interval,
  /** The share of places where the right answer scores higher than the wrong one, a tie as a half: agreement with the labels. */
  agreement: interval,
});

const cardSchema = z.strictObject({
  judge: z.string(),
  /** SHA-256 of the judge's fingerprint: what it was measured as. */
  fingerprint: z.string().regex(/^[0-9a-f]{64}$/),
  /** Who says what is right and what is wrong. */
  labels: z.string(),
  /** Where the answers are from, and how many dialogues: intervals are over these. */
  data: z.string(),
  dialogues: z.int().positive(),
  /** Answers that it could not score. Each counts against it. */
  unscorable: z.int().nonnegative(),
  contradicted: toldApart,
  swapped: toldApart,
  /** The same for each of its parts alone. */
  parts: z.record(z.string(), z.strictObject({ contradicted: interval, swapped: interval })),
  /** What measures it again. */
  command: z.string(),
});

/** What is known of how well a judge judges: made by `npm run judge`. */
export type JudgeCard = z.infer<typeof cardSchema>;

/** Of a judge that may decide only if it was measured: its card, or why it has none. */
export type Standing = { readonly card: JudgeCard } | { readonly missing: string };

/** A judge decides only if its AUC has a lower limit above this, for each kind of wrong answers. */
export const LEAST_AUC = 0.7;

/** What a card identifies a judge by. */
export const judgeKey = ({ fingerprint }: Pick<Judge, "fingerprint">): string =>
  sha256(JSON.stringify(fingerprint));

/** @throws {Error} naming the file, and what in it cannot be */
export function readCard(path: string): JudgeCard {
  const value = readJson(path);
  const parsed = cardSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  const issues = describeIssues(parsed.error, value, Object.keys(cardSchema.shape));
  throw new Error(`${shownPath(path)} is no card of a judge: ${issues.join("; ")}`);
}

/**
 * The standing that a file gives a judge. A card of another judge (other weights, other lists, other parts) is none.
 *
 * @throws {Error} if the file is there and is no card
 */
export function standingOf(judge: Pick<Judge, "fingerprint">, path: string): Standing {
  if (!existsSync(path)) return { missing: `there is no ${shownPath(path)}` };
  const card = readCard(path);
  if (card.fingerprint === judgeKey(judge)) return { card };
  return {
    missing: `${shownPath(path)} is the card of another one: its model, its lists or its parts have changed since it was measured`,
  };
}

/** Why a standing does not let a judge decide; undefined if it does. */
export function whyNotDecides(standing: Standing): string | undefined {
  if ("missing" in standing) return `nobody has measured it (${standing.missing})`;
  const { card } = standing;
  const blind = (["contradicted", "swapped"] as const).filter((kind) => !(card[kind].auc.low > LEAST_AUC));
  if (blind.length === 0) return undefined;
  const found = blind.map((kind) => `${kindWords[kind]} an AUC of ${shownInterval(card[kind].auc)}`);
  return `on held-out answers it has for ${found.join(" and for ")}: the lower limit must be above ${LEAST_AUC}`;
}

const kindWords = { contradicted: "contradictions", swapped: "swapped personas" } as const;

/**
 * Refuses a judge that must be measured and was not, or was found too blind: for whoever rewards, selects or decides by it.
 *
 * @throws {Error} with its AUC, and what to do
 */
export function requireDecides({ name, standing }: Pick<Judge, "name" | "standing">): void {
  const why = standing && whyNotDecides(standing);
  if (why === undefined) return;
  const remedy =
    "missing" in standing!
      ? "measure it with npm run judge"
      : "take a model that was tuned on dialogues with personas, add a contradiction scorer, or ask a strong model as judge (askedJudge); " +
        "then measure again with npm run judge";
  throw new Error(
    `the judge ${name} may not reward or decide: ${why}. Tables may show what it says, with this beside it. To have it decide, ${remedy}.`,
  );
}

/** What stands beside every table that a judge fills: how well it judges, and who says so. */
export function describeStanding({ name, standing }: Pick<Judge, "name" | "standing">): string {
  if (standing === undefined) return `Judged by ${name}, which was not measured on labelled answers.`;
  if ("missing" in standing)
    return `Judged by ${name}, which nobody has measured (${standing.missing}): npm run judge.`;
  const { card } = standing;
  const kind = (which: "contradicted" | "swapped") => {
    const { auc, agreement, places } = card[which];
    return `${kindWords[which]} AUC ${shownInterval(auc)}, agreement with the labels ${shownInterval(agreement)} (${places} pairs)`;
  };
  return `Judged by ${name}. On held-out answers of ${card.dialogues} dialogues, with 95 % intervals: ${kind("contradicted")}; ${kind("swapped")}. Labels: ${card.labels}.`;
}

const shownInterval = ({ value, low, high }: Interval): string =>
  `${value.toFixed(2)} [${low.toFixed(2)}, ${high.toFixed(2)}]`;
