import { isSpecified } from "../corpus";
import { didYouMean, visible } from "../text";
import type { Conversation } from "./conversation";
import { findPersona, type FoundPersona } from "./persona";

/** Where a talk takes place: a terminal, a notebook's cell, a pipe. */
export interface TalkPlace {
  /** The next line of the person; undefined when there is none any more. */
  readonly ask: () => Promise<string | undefined>;
  /** Prints a part of an answer. */
  readonly write: (text: string) => void;
  /** Prints a line that is no answer. */
  readonly say: (line: string) => void;
  /** A signal for the next answer, which stops when it is aborted. */
  readonly listen: () => AbortSignal;
}

const commands: Readonly<Record<string, string>> = {
  "/help": "what can be said here",
  "/persona": "who the model is; /persona FILE or /persona ID: somebody else, from the beginning",
  "/reset": "forgets what was said",
  "/quit": "leaves",
};

/** Lines about the persona, for the person. */
export function describePersona(found: FoundPersona | undefined): string {
  if (!found) return "Nobody in particular: /persona FILE or /persona ID gives it a persona.";
  const traits = Object.entries(found.persona.traits ?? {}).map(([trait, value]) => `${trait}: ${value}`);
  const definition = isSpecified(found.persona) ? [found.persona.definition] : [];
  return [`The model is ${found.why}:`, ...definition, ...found.persona.facts, ...traits].join("\n  ");
}

/**
 * Talks until the person leaves: each line is a turn that is answered, or a command. What cannot be answered is said, and the
 * talk goes on.
 *
 * @returns whether every turn was answered
 */
export async function talk(
  conversation: Conversation,
  place: TalkPlace,
  found?: FoundPersona,
): Promise<boolean> {
  const { ask, write } = place;
  const say = (text: string) => place.say(visible(text));
  let persona = found;
  let allAnswered = true;
  const attempt = async (work: () => Promise<void>) => {
    try {
      await work();
    } catch (error) {
      allAnswered = false;
      say((error as Error).message);
    }
  };
  const command = async (name: string, argument: string): Promise<void> => {
    if (name === "/help")
      say(
        Object.entries(commands)
          .map(([one, what]) => `${one}  ${what}`)
          .join("\n"),
      );
    else if (name === "/reset") {
      conversation.reset();
      say("Forgotten: the next turn is the first.");
    } else if (name === "/persona") {
      if (argument !== "") {
        const other = await findPersona(argument, conversation.personas);
        conversation.takePersona(other.persona);
        persona = other;
      }
      say(describePersona(persona));
    } else {
      const known = Object.keys(commands);
      throw new Error(`${name}: no such command; there are ${known.join(", ")}.${didYouMean(name, known)}`);
    }
  };
  for (;;) {
    const line = (await ask())?.trim();
    if (line === undefined || line === "/quit") return allAnswered;
    if (line === "") continue;
    if (line.startsWith("/")) {
      const [, name, argument] = /^(\S+)\s*(.*)$/s.exec(line)!;
      await attempt(() => command(name!, argument!));
      continue;
    }
    let written = false;
    await attempt(async () => {
      const signal = place.listen();
      const { end, tokens } = await conversation.answer(line, {
        signal,
        onText: (piece) => {
          written = true;
          write(visible(piece));
        },
        onForgotten: (turns) =>
          say(
            `(The context is full: the oldest ${turns} turns are forgotten${persona ? ", the persona stays" : ""}.)`,
          ),
      });
      written = false;
      write("\n");
      if (end === "cut") say(`(Cut after ${tokens} tokens.)`);
      if (end === "stopped") say("(Stopped.)");
    });
    if (written) write("\n");
  }
}
