import { formatTurns, type Turn } from "../corpus";
import { clean } from "./prompt";

/**
 * What the model learns to write: the conversation's turns, each as `User 1: …` or `User 2: …` on a line of its own, as
 * in the corpus. All prompt variants have this target, so that they differ in the input alone.
 */
export function buildTarget(conversation: { turns: readonly Pick<Turn, "speaker" | "text">[] }): string {
  return formatTurns(conversation.turns.map(({ speaker, text }) => ({ speaker, text: clean(text) })));
}
