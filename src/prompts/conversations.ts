import {
  type ConversationRow,
  type Dialogue,
  dialogueLines,
  type Message,
  type RowPersonas,
  type TrainingRows,
} from "../corpus";
import { personaInstruction } from "./instruction";

/**
 * A dialogue as a model has it that speaks as one of its personas: the system message tells who it is, as in a chat; the other one
 * is the user. Turns of one speaker in a row are one. What comes before the other's first turn, and after the persona's last one,
 * is left out, as a chat begins with the user and nothing is learned from what follows.
 *
 * @returns undefined if the persona says nothing after that
 */
export function asConversation({ personas, turns }: Dialogue, speaker: 1 | 2): ConversationRow | undefined {
  const said: { role: "user" | "assistant"; content: string }[] = [];
  for (const turn of turns) {
    const [role, content] = [turn.speaker === speaker ? "assistant" : "user", turn.text.trim()] as const;
    const last = said.at(-1);
    if (content === "" || (!last && role === "assistant")) continue;
    if (last?.role === role) last.content += ` ${content}`;
    else said.push({ role, content });
  }
  if (said.at(-1)?.role === "user") said.pop();
  if (said.length === 0) return undefined;
  const persona = personas[speaker - 1]!;
  const isKnown = persona.facts.length > 0 || Object.keys(persona.traits ?? {}).length > 0;
  const system: Message[] = isKnown ? [{ role: "system", content: personaInstruction(persona) }] : [];
  return { messages: [...system, ...said] };
}

/**
 * The dialogues of a JSONL file as conversations to learn from: each twice, once for each of its personas. Who they are stands in
 * `meta`, as in rows.
 *
 * @throws {JsonlError} as `readDialogues`, or if nobody answers in any of them
 */
export function readConversations(path: string): TrainingRows<"conversation"> {
  const rows = dialogueLines(path).flatMap(({ dialogue, line }) =>
    ([1, 2] as const).flatMap((speaker) => {
      const row = asConversation(dialogue, speaker);
      if (!row) return [];
      const [assistant, user] = [dialogue.personas[speaker - 1]!, dialogue.personas[2 - speaker]!];
      return [{ ...row, meta: { personas: { assistant, user } satisfies RowPersonas }, line }];
    }),
  );
  if (rows.length === 0) throw new Error(`${path}: in none of its dialogues does anybody answer`);
  return { form: "conversation", path, rows };
}
