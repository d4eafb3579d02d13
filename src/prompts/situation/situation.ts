import type { RecordTurn } from "../../corpus";
import { inert } from "../../text";

/** What was said, as a simulator is asked: without alternatives. */
export type HistoryTurn = Pick<RecordTurn, "role" | "content">;

/**
 * The persona's tag and what was said until now, on one line:
 *
 *     [PERSONA: playful] [HISTORY] <empty>
 *     [PERSONA: playful] [HISTORY] user: hi | assistant: hello
 *
 * What somebody says cannot pose as a tag or as another turn: white space becomes single blanks, `|` becomes `/`, square brackets
 * become round ones, control tokens of chat templates and unseen characters go.
 */
export function simulatorSituation(id: string, history: readonly HistoryTurn[]): string {
  const said = history.map(({ role, content }) => `${role}: ${flat(content)}`).join(" | ");
  return `[PERSONA: ${id}] [HISTORY] ${said === "" ? "<empty>" : said}`;
}

function flat(content: string): string {
  return inert(content)
    .replaceAll("|", "/")
    .replaceAll("[", "(")
    .replaceAll("]", ")")
    .replace(/\s+/g, " ")
    .trim();
}
