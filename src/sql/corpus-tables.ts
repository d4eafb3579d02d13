import type { SpcRow } from "../corpus";

/** The corpus as three tables, joined by `conversation`. */
export type CorpusTables = {
  conversations: {
    conversation: string;
    split: string;
    part: string;
    row: number;
    turns: number;
    asides: number;
    placeholders: number;
    oddities: string;
    text: string;
  }[];
  turns: {
    conversation: string;
    split: string;
    turn: number;
    speaker: number;
    text: string;
    placeholders: number;
  }[];
  facts: { conversation: string; split: string; speaker: number; fact: string }[];
};

/**
 * Tables for {@link query}: `conversations`, `turns` (numbered from 1 in each conversation) and `facts` (one persona
 * sentence a row). `oddities` names those that occur, separated by commas.
 */
export function corpusTables(rows: readonly SpcRow[]): CorpusTables {
  return {
    conversations: rows.map(({ id, split, part, row, turns, asides, oddities, text }) => ({
      conversation: id,
      split,
      part,
      row,
      turns: turns.length,
      asides: asides.length,
      placeholders: oddities.placeholder ?? 0,
      oddities: Object.keys(oddities).join(","),
      text,
    })),
    turns: rows.flatMap(({ id, split, turns }) =>
      turns.map(({ speaker, text, placeholders }, index) => ({
        conversation: id,
        split,
        turn: index + 1,
        speaker,
        text,
        placeholders: placeholders.length,
      })),
    ),
    facts: rows.flatMap(({ id, split, personas }) =>
      personas.flatMap(({ facts }, index) =>
        facts.map((fact) => ({ conversation: id, split, speaker: index + 1, fact })),
      ),
    ),
  };
}
