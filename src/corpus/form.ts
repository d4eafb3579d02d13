import { z } from "zod";
import { json, type JsonValue } from "../io";
import { didYouMean, shorten, wellFormedJson } from "../text";
import type { Dialogue } from "./dialogue";
import { traitNames, type TraitValue } from "./persona";

/**
 * What is wrong with the form of a value that should be a dialogue: which field, what it must be, and what it is. Nothing
 * where the value is a dialogue and has no other fields.
 */
export const formProblem = (value: unknown): string | undefined => problemWith(form, value);

/** What is wrong with the form of a value: which field, what it must be, and what it is. Nothing where it has the form. */
export function problemWith(form: z.ZodType, value: unknown): string | undefined {
  const issue = firstIssue(form, value);
  if (!issue) return undefined;
  const named = (path: readonly PropertyKey[]) => (path.length === 0 ? "" : `${z.core.toDotPath(path)}: `);
  if (issue.code === "unrecognized_keys") {
    return `${named([...issue.path, issue.keys[0]!])}there is no such field; ${issue.message}`;
  }
  const found = issue.path.reduce<unknown>(
    (inner, key) => (inner as Record<PropertyKey, unknown>)[key],
    value,
  );
  const [what, ...remedy] = issue.message.split("; ");
  const not = issue.code === "custom" && typeof found === "object" ? "" : `, not ${shown(found)}`;
  const must = found === undefined ? `is missing; it must be ${what}` : `must be ${what}${not}`;
  return named(issue.path) + [must, ...remedy].join("; ");
}

/** A value in an error: text and numbers as they are, but not at any length. */
export function shown(value: unknown): string {
  if (Array.isArray(value)) return `a list of ${value.length}`;
  if (typeof value === "string") return JSON.stringify(shorten(value, 40));
  return typeof value === "object" && value !== null ? "an object" : String(value);
}

/** A name that is unknown tells more than the field that is missing in its place. */
function firstIssue(form: z.ZodType, value: unknown): z.core.$ZodIssue | undefined {
  try {
    const issues = form.safeParse(value).error?.issues ?? [];
    return issues.find(({ code }) => code === "unrecognized_keys") ?? issues[0];
  } catch (error) {
    // Only the values of meta lie inside one another to any depth, and the stack ends somewhere.
    if (!(error instanceof RangeError)) throw error;
    return {
      code: "custom",
      path: ["meta"],
      message: "an object of fewer lists and objects inside one another",
    };
  }
}

// Messages complete "… must be …"; a remedy follows after a semicolon.
const halves = 'made of whole characters; half of one, such as "\\ud83d" without its other half, is in it';
const moreSpeakers = "dialogues of more than two speakers are not supported, leave them out";

/** Text, of whole characters. */
export const text = (what: string) => z.string(what).refine((found) => !/\p{Surrogate}/u.test(found), halves);

/** An object with these fields and no others. */
export function fields<Shape extends z.ZodRawShape>(shape: Shape, what: string) {
  const names = Object.keys(shape);
  return z.strictObject(shape, {
    error: (issue) =>
      issue.code === "unrecognized_keys"
        ? `the fields here are ${names.join(", ")}.${didYouMean((issue["keys"] as string[])[0]!, names)}`
        : what,
  });
}

const isTrait = (value: unknown) =>
  value === "low" || value === "high" || (typeof value === "number" && value >= 0 && value <= 1);
const trait = z.custom<TraitValue>(
  isTrait,
  '"low", "high" or a number from 0 to 1; of a score write (score - lowest) / (highest - lowest)',
);

/** The fields of a persona. */
export const personaShape = {
  id: text("a name; leave it out where there is none")
    .regex(/^(?=.*\S)[^[\]\r\n]*$/, "a name on one line without [ and ]; leave it out where there is none")
    .optional(),
  facts: z.array(
    text("a fact, a sentence").regex(/\S/, "a fact, a sentence; leave empty ones out"),
    "a list of facts; write [] for a speaker of whom nothing is known",
  ),
  traits: fields(
    Object.fromEntries(traitNames.map((name) => [name, trait.optional()])),
    'an object such as {"openness": "high"}; leave it out where nothing is known',
  ).optional(),
};
/** A persona, in any file. */
export const persona = fields(personaShape, 'a persona such as {"facts": ["I sail."]}');

const turn = fields(
  {
    speaker: z.union([z.literal(1), z.literal(2)], {
      error: `1 (who has the first persona) or 2 (who has the second); ${moreSpeakers}`,
    }),
    text: text("what the speaker says"),
  },
  'a turn such as {"speaker": 1, "text": "Hi!"}',
);

const meta = z
  .object(
    {
      source: text("where the dialogue is from; leave it out where nobody knows").optional(),
      generator: text("what wrote the dialogue; leave it out where nobody knows").optional(),
      scores: z
        .record(z.string(), z.number("a finite number; leave out a score that was not given"), {
          error: 'numbers by critic such as {"faithfulness": 0.9}; leave it out where there are none',
        })
        .optional(),
    },
    "an object; leave it out where there is nothing to say",
  )
  .catchall(
    z.custom<JsonValue | undefined>((value) => value === undefined || json.safeParse(value).success, {
      error: "text, a finite number, true, false, null, or lists and objects of these",
    }),
  )
  .refine((found) => wellFormedJson(found) === JSON.stringify(found), halves);

const form: z.ZodType<Dialogue> = fields(
  {
    id: text("a name; give each dialogue its own").regex(/\S/, "a name; give each dialogue its own"),
    personas: z.tuple([persona, persona], {
      error: (issue) =>
        issue.code === "too_big"
          ? `a list of two personas; ${moreSpeakers}`
          : 'a list of two personas; write {"facts": []} for a speaker of whom nothing is known',
    }),
    turns: z.array(turn, 'a list of turns such as {"speaker": 1, "text": "Hi!"}'),
    meta: meta.optional(),
  },
  "a dialogue, an object with id, personas and turns",
);
