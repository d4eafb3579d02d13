/** What the page and its server tell each other. */
import type { PersonaSpec, RecordTurn, ScenarioType } from "../../corpus";

/** What there is to choose from. */
export interface RoomContents {
  readonly personas: readonly PersonaSpec[];
  readonly topics: readonly string[];
  readonly scenarios: readonly ScenarioType[];
  /** Partners by name: what a reader should know of each, and how it is where that is sure. */
  readonly partners: Readonly<
    Record<string, { readonly about: string; readonly scenario: ScenarioType | null }>
  >;
  /** Those who have written here before. */
  readonly writers: readonly string[];
  /** The fewest and the most turns of a conversation that is kept. */
  readonly turns: readonly [number, number];
}

/** A conversation that is not finished. */
export interface Draft {
  readonly id: string;
  readonly persona_id: string;
  readonly topic: string;
  readonly partner: string;
  readonly turns: readonly RecordTurn[];
}

/** A draft, and what still speaks against finishing it. */
export interface ShownDraft extends Draft {
  readonly notYet: string | null;
}

/** What a writer has written. */
export interface WriterState {
  readonly writer: string;
  readonly drafts: readonly ShownDraft[];
  readonly finished: number;
}

/** Where in which draft something happens: after so many turns. */
export interface Place {
  readonly writer: string;
  readonly draft: string;
  readonly at: number;
}

/** A turn of the persona; of a new conversation with what it begins. */
export interface Said extends Place {
  readonly begins?: Pick<Draft, "persona_id" | "topic" | "partner">;
  readonly content: string;
  readonly alternatives: readonly string[];
}

/** A line of what is told while a partner answers. */
export type AnswerEvent =
  | { readonly piece: string }
  /** What came so far does not count: another answer follows. */
  | { readonly again: true }
  | { readonly state: WriterState }
  | { readonly problem: string };
