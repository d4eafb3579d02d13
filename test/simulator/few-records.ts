import { type DialogueRecord, type PlacedRecord } from "../../src/corpus/records";
import { type PersonaSpec, readPersonaSpecs } from "../../src/corpus/specification";

/** Two personas of the project, of whom these records are. */
export const twoPersonas: readonly PersonaSpec[] = readPersonaSpecs().filter(({ id }) =>
  ["playful", "terse_engineer"].includes(id),
);

const said = {
  playful: ["hey, whee", "ooh, boo", "ha, yay"],
  terse_engineer: ["units.", "cause?", "ok. done."],
} as const;

/** A dialogue of three turns of its persona and two of a partner. */
export function fewTurns(persona_id: keyof typeof said, topic: string, line = 1): PlacedRecord {
  const [first, second, third] = said[persona_id].map((text) => `${text} ${topic}`);
  const turns: DialogueRecord["turns"] = [
    { role: "user", content: first! },
    { role: "assistant", content: "hello" },
    { role: "user", content: second!, alternatives: ["I have no opinion."] },
    { role: "assistant", content: "…" },
    { role: "user", content: third! },
  ];
  return {
    ...{ persona_id, topic, turns, line },
    metadata: {
      ...{ quality_score: 0.9, safety_flags: [], scenario_type: "dull", source: "authored" },
      ...{ generation_model: null, num_turns: turns.length },
    },
  };
}

/** A dialogue of each of two personas on each topic. */
export const fewRecords = (topics: readonly string[]): PlacedRecord[] =>
  topics.flatMap((topic, i) => [
    fewTurns("playful", topic, 2 * i + 1),
    fewTurns("terse_engineer", topic, 2 * i + 2),
  ]);
