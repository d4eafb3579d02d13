import { basename } from "node:path";
import {
  holdsDialogues,
  type Message,
  type Placed,
  readRows,
  rowPersonas,
  type Said,
  type TrainingRows,
} from "../../corpus";
import type { Asked } from "../../evaluation";
import { readConversations } from "../../prompts";
import { Random } from "../../random";
import { inLine } from "../../training";

/** A turn of a row to be answered: what was said to it is the reference. User 1 is the user, User 2 the assistant. */
export interface AskedRow extends Asked {
  readonly speaker: 2;
  readonly prompt: Said;
  readonly completion: Said;
}

type AskedRows = TrainingRows<"completion" | "conversation" | "preference">;

/**
 * The first `limit` rows of a file, each as one turn to be answered: the completion of a prompt, the chosen one of a preference, or of
 * a conversation one of the assistant's turns, drawn by `seed` and the row's place, so that cases are independent of each other. Of
 * dialogues each persona is the assistant once. Who speaks is what the row's `meta.personas` says; without it nothing is known.
 *
 * @throws {JsonlError} naming line, field and remedy of a row that cannot be asked
 */
export function askedRows(
  path: string,
  { seed, limit = Infinity }: { readonly seed: number; readonly limit?: number },
): AskedRow[] {
  const { rows }: AskedRows = holdsDialogues(path)
    ? readConversations(path)
    : readRows(path, ["completion", "conversation", "preference"]);
  return rows.slice(0, limit).map((row, i) => {
    const { place, prompt, completion } = inLine(path, row.line, () =>
      askedTurn(row, new Random(seed).fork(i)),
    );
    const { assistant, user } = inLine(path, row.line, () => rowPersonas(row.meta)) ?? nobody;
    return {
      id: `${basename(path)}, row ${i + 1}${place}`,
      split: basename(path),
      personas: [user, assistant],
      text: textOf(completion),
      speaker: 2,
      prompt,
      completion,
    };
  });
}

const nobody = { assistant: { facts: [] }, user: { facts: [] } };

const textOf = (said: Said) =>
  (typeof said === "string" ? said : said.map(({ content }) => content).join("\n")).trim();

interface AskedTurn {
  readonly prompt: Said;
  readonly completion: Said;
  /** Which turn of a conversation it is. */
  readonly place: string;
}

function askedTurn(row: Placed<AskedRows["rows"][number]>, random: Random): AskedTurn {
  if ("completion" in row) return { prompt: row.prompt, completion: row.completion, place: "" };
  if ("chosen" in row) return { prompt: row.prompt, completion: row.chosen, place: "" };
  const { messages } = row;
  const answers = messages.flatMap(({ role }: Message, at) =>
    role === "assistant" && messages[at - 1]?.role === "user" ? [at] : [],
  );
  if (answers.length === 0)
    throw new Error("messages: the assistant answers nothing that a user says; leave such rows out");
  const at = answers[random.integer(answers.length)]!;
  return { prompt: messages.slice(0, at), completion: [messages[at]!], place: `, turn ${at + 1}` };
}
