import { fields, persona, problemWith } from "./form";
import type { Persona } from "./persona";

/** What else a row says, which training does not read. */
export type RowMeta = Readonly<Record<string, unknown>>;

/** Who speaks in a row of prompts, answers or messages. */
export interface RowPersonas {
  /** Who answers, in the assistant's turns. */
  readonly assistant: Persona;
  /** With whom. */
  readonly user: Persona;
}

/** How the personas of a row are written. */
export const PERSONAS_EXAMPLE = '"meta": {"personas": {"assistant": {"facts": ["I sail."]}}}';

const personas = fields(
  { assistant: persona.optional(), user: persona.optional() },
  `an object with the personas of assistant and user; write ${PERSONAS_EXAMPLE}`,
);
const form = fields({ personas }, "an object");

/**
 * The personas of a row, from its `meta.personas`; one that is not there is somebody of whom nothing is known.
 *
 * @returns undefined where the row does not say who speaks
 * @throws {Error} naming the field and the remedy where it says so in another form
 */
export function rowPersonas(meta: RowMeta | undefined): RowPersonas | undefined {
  const said = meta?.["personas"];
  if (said === undefined) return undefined;
  const problem = problemWith(form, { personas: said });
  if (problem !== undefined) throw new Error(`meta.${problem}`);
  const nobody: Persona = { facts: [] };
  return { assistant: nobody, user: nobody, ...(said as Partial<RowPersonas>) };
}
