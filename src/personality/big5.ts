import { z } from "zod";
import type { Persona } from "../corpus";
import { readJson } from "../io";
import { traitNames } from "../corpus";
import { describeIssues } from "../text";
import type { TraitLevel } from "./traits";

/** A persona that somebody described at length, with all five traits given. */
export interface DescribedPersona {
  readonly id: string;
  readonly traits: Required<NonNullable<Persona["traits"]>> & Readonly<Record<string, TraitLevel>>;
  /** The description, without what names a trait and without the persona's name. */
  readonly text: string;
}

const profile = z.looseObject({ name: z.string() });
const file = z.array(z.looseObject({ uid: z.string(), "big-5": z.string(), profile }));

/** Fields of a profile that describe nobody's character. */
const aside: readonly string[] = ["name", "gender", "age", "region"];

/** Words that name a trait or one of its ends. A scorer that has read them has read the label. */
const naming =
  /\b(openness|open-minded(ness)?|conscientious(ness|ly)?|extra?vers?ion|extra?verte?d?s?|introver(t|ts|ted|sion)|agreeab(le|ly|leness)|disagreeab(le|leness)|neurotic(ism)?)\b/gi;

/**
 * Reads the personas of big5-persona.json (cordelia0325/humanized-conversation-with-big5-personality, MIT licence): 320 of them, ten for
 * each of the 32 combinations of high and low. `big-5` is `{openness, conscientiousness, extraversion, agreeableness, neuroticism}`.
 *
 * @throws {Error} naming the file, the persona and what is wrong with it
 */
export function readDescribedPersonas(path: string): DescribedPersona[] {
  const value = readJson(path);
  const parsed = file.safeParse(value);
  if (!parsed.success)
    throw new Error(
      `${path}: not the personas of big5-persona: ${describeIssues(parsed.error, value, [])[0]}`,
    );
  return parsed.data.map(({ uid, "big-5": given, profile }) => {
    const levels = given.replace(/[{}\s]/g, "").split(",");
    if (levels.length !== traitNames.length || levels.some((level) => level !== "high" && level !== "low"))
      throw new Error(
        `${path}: ${uid}: big-5 must be five times high or low in braces, not ${JSON.stringify(given)}`,
      );
    const names = profile.name.split(/\s+/).filter((name) => name.length > 1);
    const described = Object.entries(profile)
      .filter(([field]) => !aside.includes(field))
      .flatMap(([, text]) => textsIn(text));
    return {
      id: uid,
      traits: Object.fromEntries(
        traitNames.map((trait, i) => [trait, levels[i]]),
      ) as DescribedPersona["traits"],
      text: names.reduce((text, name) => text.replaceAll(name, ""), described.join(" ")).replace(naming, ""),
    };
  });
}

/** All text in a value, however it is nested. */
function textsIn(value: unknown): string[] {
  if (typeof value === "string") return [value];
  return typeof value === "object" && value !== null ? Object.values(value).flatMap(textsIn) : [];
}
