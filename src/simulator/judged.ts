import { z } from "zod";
import { personaNamed, type PersonaSpec } from "../corpus";
import type { ShownToJudge } from "../rewards";

const metaForm = z.object({
  persona_id: z.string(),
  history: z.array(z.object({ role: z.enum(["user", "assistant"]), content: z.string() })),
});

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
      return {
        persona: personaNamed(persona_id, personas),
        history: history.map(({ role, content }) => ({
          by: role === "user" ? "self" : "other",
          text: content,
        })),
        answer: completion,
      };
    },
  };
}
