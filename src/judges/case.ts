import type { Persona } from "../corpus";
import type { Standing } from "./card";

/** A turn before the answer: by the one who is judged (`self`), or by the other. */
export interface JudgedTurn {
  readonly by: "self" | "other";
  readonly text: string;
}

/** What a judge is shown: an answer in its place. */
export interface JudgeCase {
  /** Who answers. */
  readonly persona?: Persona;
  /** Who is answered, where that is known. */
  readonly other?: Persona;
  /** What was said before, the oldest turn first. */
  readonly history: readonly JudgedTurn[];
  readonly answer: string;
}

/** A score on the rubric's scale, with its reason. */
export interface Scored {
  readonly score: number;
  readonly reason: string;
}

/** That there is no score, and why. It is not a score of 0: what was not judged neither gains nor loses. */
export interface Unscorable {
  readonly unscorable: string;
}

export type Verdict = Scored | Unscorable;

export const isVerdictScored = (verdict: Verdict): verdict is Scored => "score" in verdict;

/** Somebody who scores answers. Judges are swapped in one line: a remote model, a local one, a rule. */
export interface Judge {
  /** Who judges what, for tables. */
  readonly name: string;
  /** The lowest and the highest score. */
  readonly scale: readonly [number, number];
  /** What identifies it, rubric and settings included. */
  readonly fingerprint: unknown;
  /** Of a judge that may decide only if it was measured: see `requireDecides`. */
  readonly standing?: Standing;
  /** @throws {Error} if it cannot judge now, but might later */
  judge(one: JudgeCase, signal?: AbortSignal): Promise<Verdict>;
}
