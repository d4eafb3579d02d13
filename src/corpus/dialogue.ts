import type { JsonValue } from "../io";
import type { Persona } from "./persona";

/** Speaker 1 has a dialogue's first persona, speaker 2 its second. */
export type Speaker = 1 | 2;

/** What one speaker says before the other one speaks, or goes on. */
export interface Turn {
  readonly speaker: Speaker;
  /** What was said, without the speaker's label. */
  readonly text: string;
}

/** Where a dialogue comes from and what is thought of it: these fields, and any others that JSON can hold. */
export interface DialogueMeta {
  /** The corpus, file or study that it was taken from. */
  readonly source?: string;
  /** The model or program that wrote it. */
  readonly generator?: string;
  /** What critics gave it, by critic. */
  readonly scores?: Readonly<Record<string, number>>;
  readonly [other: string]: JsonValue | undefined;
}

/** What two speakers say to each other, and who they are. */
export interface Dialogue {
  /** Names the dialogue: no two of a corpus have the same. */
  readonly id: string;
  readonly personas: readonly [Persona, Persona];
  readonly turns: readonly Turn[];
  readonly meta?: DialogueMeta;
}
