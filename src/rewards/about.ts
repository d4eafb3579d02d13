import { type Message, PERSONAS_EXAMPLE, type RowMeta, rowPersonas, type RowPersonas } from "../corpus";
import type { RewardCase } from "./reward";
import type { ShownToJudge } from "./judge";

type About = RewardCase["about"];

/** Who speaks in a case, as its row says; see `rowPersonas`. */
export const personasOf = (about: About): RowPersonas | undefined =>
  rowPersonas(about?.["meta"] as RowMeta | undefined);

/** What a row lacks for a reward that looks at who answers. */
export function lacksPersona(about: About): string | undefined {
  if ((personasOf(about)?.assistant.facts.length ?? 0) > 0) return undefined;
  return `nothing is known of who answers; write it into the row: ${PERSONAS_EXAMPLE}`;
}

/** A case as a judge is shown it: who answers, what was said before, the answer. */
export const asConversation: ShownToJudge = {
  name: "conversation",
  of({ prompt, completion, about }) {
    const messages = (about?.["messages"] as readonly Message[] | undefined) ?? [
      { role: "user", content: prompt },
    ];
    const personas = personasOf(about);
    return {
      ...(personas && { persona: personas.assistant, other: personas.user }),
      history: messages
        .filter(({ role }) => role !== "system")
        .map(({ role, content }) => ({ by: role === "assistant" ? "self" : "other", text: content })),
      answer: completion,
    };
  },
};
