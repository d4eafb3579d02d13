import { resolve } from "node:path";
import type { Likelihood } from "../likelihood";
import type { InferenceScorer } from "./inference";
import { standingOf } from "./card";
import type { Judge } from "./case";
import { composedJudge, type Composition } from "./composed";
import {
  contradiction,
  coverage,
  likely,
  ownership,
  ownWords,
  readSafetyLists,
  repetition,
  safety,
  type SafetyList,
} from "./criteria";

/** Where the embedded judge's card lies, unless one is named. */
export const embeddedCard = resolve(__dirname, "../../data/judges/embedded.json");

export interface EmbeddedJudgeOptions {
  /** A causal model that was tuned on dialogues. */
  readonly likelihood: Likelihood;
  /** Tells contradictions; without it nothing does. */
  readonly inference?: InferenceScorer;
  /** @default those that come with the project */
  readonly lists?: readonly SafetyList[];
  /**
   * Its card, as `npm run judge` leaves it.
   * @default {@link embeddedCard}
   */
  readonly card?: string;
}

/** What the embedded judge judges by. */
export function embeddedComposition({
  likelihood,
  inference,
  lists = readSafetyLists(),
}: Omit<EmbeddedJudgeOptions, "card">): Composition {
  const { fit, fluency } = likely(likelihood);
  return {
    name: `embedded (${[likelihood.name, ...(inference ? [inference.name] : [])].join(", ")})`,
    parts: [
      { judge: fit, weight: 4 },
      { judge: ownership, weight: 2 },
      { judge: coverage, weight: 1 },
      { judge: fluency, weight: 1 },
    ],
    limits: [...(inference ? [contradiction(inference)] : []), ownWords, repetition, safety(lists)],
  };
}

/**
 * A judge that runs here, always says the same of the same, and obeys nothing that it reads: half of it is how likely the persona
 * makes the answer, the other half whose facts the answer tells, whether it tells one, and its fluency; contradictions, recited facts,
 * repetition and what safety lists find are limits. It may reward or decide only as far as its card says: see `requireDecides`.
 */
export function embeddedJudge({ card = embeddedCard, ...options }: EmbeddedJudgeOptions): Judge {
  const judge = composedJudge(embeddedComposition(options));
  return { ...judge, standing: standingOf(judge, card) };
}
