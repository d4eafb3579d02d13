import type { Judge, JudgeCase, Verdict } from "../case";
import { inert } from "../../text";

/** What one thing is judged by: a rule, or what a model says. */
export interface Criterion {
  readonly name: string;
  readonly scale: readonly [number, number];
  /** What a case must have to be judged by it. */
  readonly needs: readonly ("persona" | "history")[];
  /** What identifies it, beside its name. */
  readonly fingerprint: unknown;
  /** The verdict on a case whose texts can do nothing: see {@link inert}. */
  readonly judge: (one: JudgeCase) => Verdict | Promise<Verdict>;
}

/** A criterion as a judge: cases are looked at without what could act, and what lacks something is unscorable. */
export function criterion({ name, scale, needs, fingerprint, judge }: Criterion): Judge {
  return {
    name,
    scale,
    fingerprint: { criterion: name, of: fingerprint },
    judge: async (one) => {
      const missing = missingFor({ name, needs }, one);
      return missing === undefined ? judge(inertCase(one)) : { unscorable: missing };
    },
  };
}

/** What a case lacks to be judged by a rubric or criterion. */
export function missingFor(
  { name, needs }: Pick<Criterion, "name" | "needs">,
  { persona, history, answer }: JudgeCase,
): string | undefined {
  if (answer.trim() === "") return "the answer is empty";
  if (needs.includes("persona") && (persona?.facts.length ?? 0) === 0)
    return `${name} is judged by what is known of the person, and nothing is`;
  if (needs.includes("history") && history.length === 0)
    return `${name} is judged by what was said before, and nothing was`;
  return undefined;
}

/** Cases as criteria see them, so that those which look at the same one share what they find out. */
const seen = new WeakMap<JudgeCase, JudgeCase>();

function inertCase(one: JudgeCase): JudgeCase {
  const known = seen.get(one);
  if (known) return known;
  const ofPersona = (persona: JudgeCase["persona"]) =>
    persona && { ...persona, facts: persona.facts.map(inert) };
  const made: JudgeCase = {
    ...(one.persona && { persona: ofPersona(one.persona)! }),
    ...(one.other && { other: ofPersona(one.other)! }),
    history: one.history.map(({ by, text }) => ({ by, text: inert(text) })),
    answer: inert(one.answer),
  };
  seen.set(one, made);
  return made;
}
