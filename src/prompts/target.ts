import { type Dialogue, formatTurns } from "../corpus";
import { clean } from "./prompt";

/**
 * What the model learns to write: the dialogue's turns, each as `User 1: …` or `User 2: …` on a line of its own, as
 * in the corpus. All prompt variants have this target, so that they differ in the input alone.
 */
export function buildTarget({ turns }: Pick<Dialogue, "turns">): string {
  return formatTurns(turns.map(({ speaker, text }) => ({ speaker, text: clean(text) })));
}
