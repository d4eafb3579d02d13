import type { Dialogue } from "../corpus";
import { says, tellingTurn } from "../metrics";
import type { SearchResult } from "../retrieval";

/** A fact and the turn of its owner that says it. */
export interface FactOfTurn {
  readonly turn: string;
  readonly fact: string;
  /** The dialogue's place in its list. */
  readonly dialogue: number;
}

/**
 * The facts that dialogues say, each with the turn that says most of it, if that says it at all. The rule is one of words (`says`):
 * it finds no turn that says a fact in wholly other words, so that pairs of people's judgement are needed beside it to measure by.
 */
export function factsOfTurns(dialogues: readonly Pick<Dialogue, "personas" | "turns">[]): FactOfTurn[] {
  return dialogues.flatMap(({ personas, turns }, dialogue) =>
    personas.flatMap(({ facts }, i) => {
      const own = turns.filter(({ speaker }) => speaker === i + 1);
      return facts.flatMap((fact) => {
        const turn = tellingTurn(own, fact)?.text;
        return turn !== undefined && says([{ text: turn }], fact) ? [{ turn, fact, dialogue }] : [];
      });
    }),
  );
}

/** A retriever of any kind over facts. */
export interface FactIndex {
  search(query: string, k: number): SearchResult[] | Promise<SearchResult[]>;
}

/** For each pair the rank, from 1, that its fact has among those of all pairs when its turn is searched for in their index. */
export async function ranksOfFacts(
  pairs: readonly Pick<FactOfTurn, "turn">[],
  index: FactIndex,
): Promise<number[]> {
  const ranks: number[] = [];
  for (const [i, { turn }] of pairs.entries()) {
    const found = await index.search(turn, pairs.length);
    ranks.push(found.findIndex((one) => one.index === i) + 1);
  }
  return ranks;
}
