import { join } from "node:path";
import { writeJson } from "../io";
import {
  composedJudge,
  criteria,
  embeddedComposition,
  type HeldOut,
  type Judge,
  type JudgeCard,
  measureJudge,
  openLikelihood,
  standingOf,
  whyNotDecides,
} from "../judges";
import { embeddedScorers, inferenceScorer, type LabelScorer, openLabelScorer } from "../scorers";
import type { NamedJudges } from "./scored";
import { namingJudge, voiceJudge } from "./voices";

/** Who judges in the study, by what tables call them. */
export interface SimulatorJudges {
  /** The voice that rewards. It looks at nothing but words. */
  readonly rewarding: Judge;
  /** The embedded judge: facts, and how likely the persona makes an answer. */
  readonly embedded: Judge;
  /**
   * Those that take no time: `named` and `adherence` by voices of other topics than the rewarding one's, `consistency` with facts
   * and own turns, `safety`.
   */
  readonly quick: NamedJudges;
  /** Those that ask a model how likely texts are: `quality` (fluent and not repeating), `embedded`. */
  readonly slow: NamedJudges;
}

/**
 * Opens the judges of the study.
 *
 * @param voices scorers of voices that share no topic: one rewards, the other evaluates
 */
export async function openJudges(voices: {
  readonly rewarding: LabelScorer;
  readonly evaluating: LabelScorer;
}): Promise<SimulatorJudges> {
  const composition = embeddedComposition({ likelihood: await openLikelihood() });
  const embedded = composedJudge(composition);
  const fluency = composition.parts.map(({ judge }) => judge).find(({ name }) => name === "fluency")!;
  const inference = inferenceScorer(await openLabelScorer(join(embeddedScorers, "nli")));
  return {
    rewarding: voiceJudge(voices.rewarding),
    embedded,
    quick: {
      named: namingJudge(voices.evaluating),
      adherence: voiceJudge(voices.evaluating),
      consistency: criteria.contradiction(inference),
      safety: criteria.safety(),
    },
    slow: {
      quality: composedJudge({
        name: "quality",
        parts: [{ judge: fluency, weight: 1 }],
        limits: [criteria.repetition],
      }),
      embedded,
    },
  };
}

/** A judge with the card that says how well it tells these answers apart; it may decide only as far as that goes. */
export async function measuredHere(
  judge: Judge,
  heldOut: HeldOut,
  { path, data }: { readonly path: string; readonly data: string },
): Promise<{ readonly judge: Judge; readonly card: JudgeCard }> {
  const card = await measureJudge(judge, heldOut, { data, command: "notebook 08" });
  writeJson(path, card);
  return { judge: { ...judge, standing: standingOf(judge, path) }, card };
}

/** Cards as rows of a table: how well each judge tells right from wrong, and whether it may reward. */
export function cardRows(cards: readonly JudgeCard[]): Record<string, string | number>[] {
  const shown = ({ value, low, high }: JudgeCard["swapped"]["auc"]) =>
    `${value.toFixed(2)} [${low.toFixed(2)}, ${high.toFixed(2)}]`;
  return cards.map((card) => ({
    judge: card.judge,
    places: card.swapped.places,
    "AUC, the same under another persona": shown(card.swapped.auc),
    "AUC, a weaker or another's answer": shown(card.contradicted.auc),
    "may reward": whyNotDecides({ card }) === undefined ? "yes" : "no",
  }));
}
