import { z } from "zod";
import { personaNamed, type PersonaSpec } from "../corpus";
import type { Judge, JudgeCase } from "../judges";
import type { HistoryTurn } from "../prompts";
import { judgeReward, type Reward, type ShownToJudge } from "../rewards";

const metaForm = z.object({
  persona_id: z.string(),
  history: z.array(z.object({ role: z.enum(["user", "assistant"]), content: z.string() })),
});

/** A turn of a persona as a judge is shown it: the persona is itself, its partner the other. */
export function turnCase(persona: PersonaSpec, history: readonly HistoryTurn[], answer: string): JudgeCase {
  return {
    persona,
    history: history.map(({ role, content }) => ({ by: role === "user" ? "self" : "other", text: content })),
    answer,
  };
}

/**
 * What a simulator says, as a judge is shown it: with all of the persona's specification, and the conversation as it was held, not as
 * the prompt writes it on one line.
 *
 * @param personas the specifications of those who speak
 */
export function shownTurn(personas: readonly PersonaSpec[]): ShownToJudge {
  return {
    name: "turn of a simulator",
    of({ completion, about }) {
      const parsed = metaForm.safeParse(about?.["meta"]);
      if (!parsed.success)
        throw new Error(
          "the prompt's row does not say who speaks after what: make it of records by unrollRecords, whose meta says so",
        );
      const { persona_id, history } = parsed.data;
      return turnCase(personaNamed(persona_id, personas), history, completion);
    },
  };
}

/** A judge's scores of a simulator's turns as a reward, −1…1; see `judgeReward`. */
export const turnReward = (judge: Judge, personas: readonly PersonaSpec[]): Reward =>
  judgeReward(judge, shownTurn(personas));
