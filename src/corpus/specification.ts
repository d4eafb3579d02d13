import { existsSync, readdirSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import { z } from "zod";
import { makeFolder, readJson, shownPath, writeJson } from "../io";
import { didYouMean } from "../text";
import { fields, personaShape, problemWith, text } from "./form";
import type { Persona } from "./persona";

/** What a persona does in a case at the edge of what it is made for. */
export interface Boundary {
  /** The case: "asked for a number". */
  readonly when: string;
  /** What it does then: "answers with a season". */
  readonly then: string;
}

/** How a persona speaks. */
export interface SpeakingStyle {
  /** The fewest and the most words of its turns. */
  readonly words: readonly [number, number];
  /** What marks its manner, a few words each. */
  readonly manner: readonly string[];
}

/**
 * A persona specified so closely that a model can play it and a judge can tell whether it does. Its texts go on from its name, as in
 * "jokes and teases"; its constraints from "never".
 */
export interface PersonaSpec extends Persona {
  /** Names the persona and its file: small letters, digits and `_`. */
  readonly id: string;
  /** The persona in a few sentences: what a model is told that has learned to play it. */
  readonly definition: string;
  /** What it does. */
  readonly behaviours: readonly string[];
  /** What it never does. */
  readonly constraints: readonly string[];
  /** When it changes its manner, or ends the conversation. */
  readonly stopRules: readonly string[];
  readonly boundaries: readonly Boundary[];
  readonly style: SpeakingStyle;
}

const line = (what: string) =>
  text(what).regex(/^\S(?:[^\r\n]*\S)?$/, `${what} on one line, without space around it`);
const lines = (what: string, example: string) =>
  z
    .array(line(what), `a list such as ["${example}"]`)
    .min(1, `a list of one at least, such as ["${example}"]`);

const count = z.int("a whole number of words").min(1, "a whole number of words from 1");

const form = fields(
  {
    ...personaShape,
    id: text("a name").regex(/^[a-z][a-z0-9_]{0,40}$/, "a name of small letters, digits and _"),
    facts: personaShape.facts.min(
      1,
      'a list of one fact at least, such as ["I sail."]; judges ask for what is known',
    ),
    definition: line("the persona in a few sentences"),
    behaviours: lines("what the persona does", "asks for reasons"),
    constraints: lines("what the persona never does", "shouts"),
    stopRules: lines("when the persona ends or changes", "ends when it is answered"),
    boundaries: z
      .array(
        fields(
          { when: line("a case"), then: line("what the persona does then") },
          'an object such as {"when": "asked to hurry", "then": "slows down"}',
        ),
        'a list such as [{"when": "asked to hurry", "then": "slows down"}]',
      )
      .min(1, 'a list of one at least, such as [{"when": "asked to hurry", "then": "slows down"}]'),
    style: fields(
      {
        words: z
          .tuple([count, count], "the fewest and the most words of a turn, such as [2, 30]")
          .refine(
            ([fewest, most]) => fewest <= most,
            "the fewest and the most words of a turn; the fewest stand first",
          ),
        manner: lines("a mark of how the persona speaks", "short sentences"),
      },
      'an object such as {"words": [2, 30], "manner": ["short sentences"]}',
    ),
  },
  "a persona specification, an object with id, definition, facts, …",
);

/** The specifications that come with the project. */
export const personaDirectory = resolve(__dirname, "../../data/personas");

/**
 * Reads a persona specification from a JSON file.
 *
 * @throws {Error} naming file, field and remedy
 */
export function readPersonaSpec(path: string): PersonaSpec {
  const value = readJson(path);
  const problem = problemWith(form, value);
  if (problem !== undefined) throw new Error(`${shownPath(path)}: ${problem}`);
  const spec = value as PersonaSpec;
  const name = basename(path, ".json");
  if (spec.id !== name)
    throw new Error(
      `${shownPath(path)}: id: must be "${name}", as the file is named, not "${spec.id}"; rename one of them`,
    );
  return spec;
}

/**
 * All specifications of a folder, in order of their names.
 *
 * @throws {Error} as {@link readPersonaSpec}, or if there is none
 */
export function readPersonaSpecs(directory = personaDirectory): PersonaSpec[] {
  const files = readdirSync(directory)
    .filter((file) => file.endsWith(".json"))
    .sort();
  if (files.length === 0)
    throw new Error(`${shownPath(directory)}: no persona specification (NAME.json) in it`);
  return files.map((file) => readPersonaSpec(join(directory, file)));
}

/** Where the personas lie, in a model's or an adapter's folder, that it has learned to play. */
const PLAYED = "personas";

/**
 * The personas that a model, or an adapter, has learned to play: specifications in the folder `personas` of its own; none where
 * there is no such folder.
 *
 * @throws {Error} as {@link readPersonaSpecs}
 */
export function playedPersonas(directory: string): PersonaSpec[] {
  const folder = join(directory, PLAYED);
  return existsSync(folder) ? readPersonaSpecs(folder) : [];
}

/** Puts beside a model's or an adapter's files the personas that it plays: see {@link playedPersonas}. */
export function writePlayedPersonas(directory: string, specs: readonly PersonaSpec[]): void {
  const folder = join(directory, PLAYED);
  makeFolder(folder);
  for (const spec of specs) writeJson(join(folder, `${spec.id}.json`), spec);
}

/**
 * The one of this name.
 *
 * @throws {Error} if there is none, saying which there are
 */
export function personaNamed<Spec extends PersonaSpec>(id: string, specs: readonly Spec[]): Spec {
  const found = specs.find((spec) => spec.id === id);
  if (found) return found;
  const ids = specs.map((spec) => spec.id);
  throw new Error(`there is no persona "${id}": there are ${ids.join(", ")}.${didYouMean(id, ids)}`);
}

/** Whether a persona is specified closely, so that {@link specificationLines} has something to say of it. */
export const isSpecified = (persona: Persona): persona is PersonaSpec => "definition" in persona;

/** All that a specification says beside facts and traits, a line each. */
export function specificationLines(spec: PersonaSpec): string[] {
  const { definition, behaviours, constraints, stopRules, boundaries, style } = spec;
  return [
    definition,
    ...behaviours.map((does) => `what it does: ${does}`),
    ...constraints.map((never) => `what it never does: ${never}`),
    ...stopRules.map((rule) => `when it stops: ${rule}`),
    ...boundaries.map(({ when, then }) => `when ${when}: ${then}`),
    ...style.manner.map((mark) => `how it speaks: ${mark}`),
    `words of a turn: ${style.words[0]} to ${style.words[1]}`,
  ];
}
