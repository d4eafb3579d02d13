import { isSpecified, specificationLines } from "../corpus";
import { sha256 } from "../io";
import { inert } from "../text";
import type { JudgeCase } from "./case";

/**
 * A mark that none of the texts between such marks can hold, as it is made from them: whoever writes one would have to know a hash of
 * what he is about to write. The same texts have the same mark, so that answers can be kept.
 */
export function markFor(texts: readonly string[]): string {
  return sha256(JSON.stringify(["mark", ...texts])).slice(0, 20);
}

/** Parts of a case between marks, each under its name. */
export function between(mark: string, parts: readonly (readonly [name: string, text: string])[]): string {
  return parts
    .map(([name, text]) => `<<${name} ${mark}>>\n${inert(text)}\n<<end of ${name} ${mark}>>`)
    .join("\n\n");
}

/** The parts of a case that are shown before its answers: the persona, and what was said. */
export function placeOf({
  persona,
  history,
}: Pick<JudgeCase, "persona" | "history">): [name: string, text: string][] {
  const parts: [string, string][] = [];
  if (persona) {
    const traits = Object.entries(persona.traits ?? {}).map(([trait, value]) => `${trait}: ${value}`);
    const specified = isSpecified(persona) ? specificationLines(persona) : [];
    parts.push([
      "person",
      [...persona.facts, ...traits, ...specified].map((line) => `- ${oneLine(line)}`).join("\n"),
    ]);
  }
  if (history.length > 0)
    parts.push([
      "conversation",
      history
        .map(({ by, text }) => `${by === "self" ? "the person" : "the other"}: ${oneLine(text)}`)
        .join("\n"),
    ]);
  return parts;
}

const oneLine = (text: string) => text.replace(/\s+/g, " ").trim();
