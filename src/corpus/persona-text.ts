import type { Conversation } from "./types";

/** The facts of both personas, one a line: what baselines are given, and what retrieval searches with. */

export function personaText({ personas }: Pick<Conversation, "personas">): string {
  return personas.flat().join("\n");
}
