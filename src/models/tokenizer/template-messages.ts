import type { ChatMessage, Tokenizer } from "./tokenizer";

/**
 * Messages as a tokenizer's chat template takes them: where it has no system message (some refuse it, some leave it out), that
 * stands before the first other one.
 *
 * @throws {Error} if the tokenizer has no template
 */
export function templateMessages(
  tokenizer: Tokenizer,
): (messages: readonly ChatMessage[]) => readonly ChatMessage[] {
  const hasSystem = takesSystem(tokenizer);
  return (messages) => {
    const [system, first, ...others] = messages;
    if (hasSystem || system?.role !== "system" || !first) return messages;
    return [{ role: first.role, content: `${system.content}\n\n${first.content}` }, ...others];
  };
}

/** Whether a template writes a system message. */
function takesSystem(tokenizer: Tokenizer): boolean {
  const user = { role: "user", content: "Hello" };
  tokenizer.chatText([user]);
  try {
    return tokenizer.chatText([{ role: "system", content: "Be kind" }, user]).includes("Be kind");
  } catch {
    return false;
  }
}
