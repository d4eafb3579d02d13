import { Conversation, openChatModel } from "../chat";

/**
 * Says the same to each persona that a kept adapter plays, as `npm run chat` would: a row a persona, a column for each thing that is
 * said.
 *
 * @throws {Error} if the adapter plays none
 */
export async function talkedTo(
  adapter: string,
  said: readonly string[],
  seed: number,
): Promise<Record<string, string>[]> {
  const model = await openChatModel({ model: adapter });
  try {
    const { personas = [] } = model;
    if (personas.length === 0) throw new Error(`${adapter}: plays no personas, as it has no folder personas`);
    const rows: Record<string, string>[] = [];
    for (const persona of personas) {
      const conversation = new Conversation(model, persona, { seed, maxNewTokens: 48 });
      const row: Record<string, string> = { persona: persona.id };
      for (const text of said) row[text] = (await conversation.answer(text)).text;
      rows.push(row);
    }
    return rows;
  } finally {
    await model.dispose();
  }
}
