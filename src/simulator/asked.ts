import type { PersonaSpec } from "../corpus";
import { Random } from "../random";
import type { Players } from "./players";

/** One question, put to every persona of some players: a row a persona, a column a player. */
export async function askAll(
  players: Pick<Players, "say">,
  names: readonly string[],
  personas: readonly PersonaSpec[],
  question: string,
  seed: number,
): Promise<Record<string, string>[]> {
  const situations = personas.map((persona) => ({
    persona,
    history: [{ role: "assistant" as const, content: question }],
  }));
  const own = new Random(seed).uint32();
  const rows: Record<string, string>[] = personas.map(({ id }) => ({ persona: id }));
  for (const name of names) {
    const said = await players.say(name, situations, own);
    rows.forEach((row, i) => (row[name] = said[i]!));
  }
  return rows;
}
