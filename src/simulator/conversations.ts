import type { DialogueRecord, PersonaSpec } from "../corpus";
import { personaNamed } from "../corpus";
import type { HistoryTurn } from "../prompts";
import { Random } from "../random";
import type { Players } from "./players";

/** Who a persona talks with: the model without adapter, or somebody who has nothing to say. */
export const partners = ["model", "dull"] as const;
export type Partner = (typeof partners)[number];

/** What a dull partner says, one after another. */
const DULL = ["OK.", "I see.", "Hm.", "Maybe.", "If you say so.", "Fine."];

/** Where a conversation begins: a persona's first turn and its partner's answer, as they were written. */
export interface Opening {
  readonly dialogue: string;
  readonly persona: PersonaSpec;
  readonly topic: string;
  readonly partner: Partner;
  readonly history: readonly HistoryTurn[];
}

/**
 * Openings of so many conversations of each persona, drawn from its records; every second one is with a dull partner. The same seed
 * draws the same; where there are fewer records, they are taken again.
 *
 * @throws {Error} if a record's persona has no specification
 */
export function drawOpenings(
  records: readonly DialogueRecord[],
  personas: readonly PersonaSpec[],
  { perPersona, seed }: { readonly perPersona: number; readonly seed: number },
): Opening[] {
  const ids = [...new Set(records.map(({ persona_id }) => persona_id))].sort();
  const random = new Random(seed);
  return ids.flatMap((id, number) => {
    const persona = personaNamed(id, personas);
    const own = random.fork(number).shuffle(records.filter(({ persona_id }) => persona_id === id));
    return Array.from({ length: perPersona }, (_, i): Opening => {
      const { topic, turns } = own[i % own.length]!;
      const answered = turns.findIndex(({ role }) => role === "assistant");
      return {
        dialogue: `${id} ${i + 1}`,
        persona,
        topic,
        partner: partners[i % partners.length]!,
        history: turns
          .slice(0, answered < 0 ? 1 : answered + 1)
          .map(({ role, content }) => ({ role, content })),
      };
    });
  });
}

/** A conversation that a player held as a persona. */
export interface HeldConversation extends Opening {
  readonly player: string;
  /** What both said after the opening, the persona first. */
  readonly turns: readonly HistoryTurn[];
}

/**
 * Lets a player go on with conversations for so many turns of its persona, all side by side. What is drawn depends on the seed, the
 * turn and the conversation's place, so that two players meet equal chances.
 */
export async function holdConversations(
  players: Pick<Players, "say" | "answer">,
  player: string,
  openings: readonly Opening[],
  { turns, seed }: { readonly turns: number; readonly seed: number },
): Promise<HeldConversation[]> {
  const held = openings.map((opening) => ({ ...opening, player, turns: [] as HistoryTurn[] }));
  const before = ({ history, turns }: (typeof held)[number]) => [...history, ...turns];
  const random = new Random(seed);
  for (let turn = 0; turn < turns; turn++) {
    const [own, theirs] = [random.uint32(), random.uint32()];
    const said = await players.say(
      player,
      held.map((one) => ({ persona: one.persona, history: before(one) })),
      own,
    );
    held.forEach((one, i) => one.turns.push({ role: "user", content: said[i]! }));
    if (turn === turns - 1) break;
    const talkers = held.filter(({ partner }) => partner === "model");
    const answers = await players.answer(talkers.map(before), theirs);
    talkers.forEach((one, i) => one.turns.push({ role: "assistant", content: answers[i]! }));
    for (const one of held)
      if (one.partner === "dull") one.turns.push({ role: "assistant", content: DULL[turn % DULL.length]! });
  }
  return held;
}
