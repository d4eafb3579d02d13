import { resolve } from "node:path";
import { z } from "zod";
import { readJson, shownPath } from "../io";
import type { ChatMessage } from "../models";
import { describeIssues } from "../text";
import { type Likelihood, perToken, type SaidAfter } from "./likelihood";

const lines = z.array(z.string().trim().min(1)).min(1);
const followUpsSchema = z.strictObject({
  qualities: z
    .array(
      z.strictObject({ name: z.string().regex(/^[a-z][a-z_]{0,40}$/), after_good: lines, after_bad: lines }),
    )
    .min(1),
});

/** What somebody might say next if an answer had a quality, and what if it lacked it. */
export interface FollowUps {
  readonly name: string;
  readonly afterGood: readonly string[];
  readonly afterBad: readonly string[];
}

/** The follow-ups that come with the project, for a person to edit. */
export const followUpsFile = resolve(__dirname, "../../data/judges/follow-ups.json");

/** @throws {Error} naming the file, and what in it cannot be */
export function readFollowUps(path: string = followUpsFile): FollowUps[] {
  const value = readJson(path);
  const parsed = followUpsSchema.safeParse(value);
  if (parsed.success)
    return parsed.data.qualities.map(({ name, after_good, after_bad }) => ({
      name,
      afterGood: after_good,
      afterBad: after_bad,
    }));
  const issues = describeIssues(parsed.error, value, Object.keys(followUpsSchema.shape));
  throw new Error(`${shownPath(path)} holds no follow-ups: ${issues.join("; ")}`);
}

/**
 * Scores in the manner of FED (Mehri and Eskenazi 2020, "Unsupervised evaluation of interactive dialog with DialoGPT"): an answer
 * has a quality as far as the model expects the other to say next what one says after a good answer, and not what one says
 * after a bad one. For each quality, in nats a token,
 *
 *     score = mean over g of ℓ(g) − mean over b of ℓ(b),   ℓ(u) = 1/|u| Σ log p(u_t | dialogue, answer, u_<t)
 *
 * with g after good answers and b after bad ones. The model takes the part of the other one here, so that it is not told a persona.
 *
 * Its weakness: with a model a hundred times the size of the embedded one, the best of FED's scores agreed with people's ratings of
 * turns by a Spearman correlation of 0.21 and of whole dialogues by 0.44; that of consistency by 0.12. A score depends on how the few
 * follow-ups are worded and on whether the model has met such talk about talk at all: compare means over many answers, by one
 * model and one list, and decide nothing by it.
 *
 * @throws {NoLikelihood} as {@link Likelihood.logprobs}
 */
export async function followUpScores(
  likelihood: Likelihood,
  { before, answer }: SaidAfter,
  followUps: readonly FollowUps[],
): Promise<Record<string, number>> {
  const turned = asTheOther(before, answer);
  const said = (texts: readonly string[]): SaidAfter[] =>
    texts.map((text) => ({ before: turned, answer: text }));
  const scores: [string, number][] = [];
  for (const { name, afterGood, afterBad } of followUps) {
    const all = await likelihood.logprobs([...said(afterGood), ...said(afterBad)]);
    scores.push([
      name,
      perToken(all.slice(0, afterGood.length).map(perToken)) -
        perToken(all.slice(afterGood.length).map(perToken)),
    ]);
  }
  return Object.fromEntries(scores);
}

/** A dialogue as the other one has it: who answered is the user. What it said itself before the first of that is left out. */
function asTheOther(before: readonly ChatMessage[], answer: string): ChatMessage[] {
  const turned = before
    .filter(({ role }) => role !== "system")
    .map(({ role, content }) => ({ role: role === "user" ? "assistant" : "user", content }));
  const first = turned.findIndex(({ role }) => role === "user");
  return [...(first < 0 ? [] : turned.slice(first)), { role: "user", content: answer }];
}
