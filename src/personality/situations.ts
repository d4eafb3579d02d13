import type { Dialogue, Message, Persona, RowPersonas, Said, Speaker, Turn } from "../corpus";
import type { TaskType } from "../models";
import { asConversation, buildPrompt, buildTarget, clean, promptTags } from "../prompts";
import { traitInstruction, type PersonaPrompt } from "./instruction";
import { knownTraits, traitText, withoutTraits } from "./traits";
import type { TraitDialogue } from "./twins";

/** A place in a dialogue at which somebody is to speak. */
export interface Situation {
  /** The dialogue's id, and which turn of it is to come, from 1. */
  readonly id: string;
  readonly speaker: Speaker;
  /** Who is to speak, and with whom. */
  readonly persona: Persona;
  readonly partner: Persona;
  /** What was said before; the other one has the last word. */
  readonly history: readonly Turn[];
  /** What was said here. */
  readonly said: string;
}

/** The places of a dialogue at which one answers what the other just said. */
export function situationsOf({ id, personas, turns }: Dialogue): Situation[] {
  return turns.flatMap(({ speaker, text }, at): Situation[] => {
    if (at === 0 || turns[at - 1]!.speaker === speaker) return [];
    const [persona, partner] = [personas[speaker - 1]!, personas[2 - speaker]!];
    return [
      { id: `${id}, turn ${at + 1}`, speaker, persona, partner, history: turns.slice(0, at), said: text },
    ];
  });
}

/** The tokens of a prompt are few for an encoder–decoder that was pretrained on short inputs: so many turns are told. */
const TOLD_TURNS = 4;

/** What begins the input of an encoder–decoder that says one turn. */
const TURN_PREFIX = "persona-turn:";

/**
 * How a model is asked to speak in a situation. A causal model has messages: the system's tells who it is (see `traitInstruction`), and
 * the other one is the user. An encoder–decoder has one line:
 *
 *     persona-turn: <SYSTEM> facts. Your personality: traits. <USER> User 1: … User 2: …
 *
 * in which the one who is to speak is User 2.
 */
export function situationPrompt(
  { speaker, persona, history }: Pick<Situation, "speaker" | "persona" | "history">,
  prompt: PersonaPrompt,
  taskType: TaskType,
): Said {
  if (taskType === "SEQ_2_SEQ_LM") {
    const traits = prompt === "P" ? "" : traitText(persona, prompt);
    const told = history
      .slice(-TOLD_TURNS)
      .map((turn): Turn => ({ ...turn, speaker: turn.speaker === speaker ? 2 : 1 }));
    const parts = [
      ...[TURN_PREFIX, promptTags.system, clean(persona.facts.join(" "))],
      traits && `Your personality: ${traits}${traits.endsWith(".") ? "" : "."}`,
      ...[promptTags.user, clean(buildTarget({ turns: told }))],
    ];
    return parts.filter(Boolean).join(" ");
  }
  const messages: Message[] = [];
  for (const { speaker: who, text } of history) {
    const role = who === speaker ? "assistant" : "user";
    const last = messages.at(-1);
    if (!last && role === "assistant") continue; // a chat begins with the user
    if (last?.role === role) messages[messages.length - 1] = { role, content: `${last.content} ${text}` };
    else messages.push({ role, content: text });
  }
  return [{ role: "system", content: traitInstruction(persona, prompt) }, ...messages];
}

/** A row to learn from or to answer. */
export type SpeakerRow = (
  { readonly messages: readonly Message[] } | { readonly prompt: Said; readonly completion: Said }
) & { readonly meta: { readonly personas: RowPersonas } };

/** What is to be said in a situation, as a row. */
export function situationRow(situation: Situation, prompt: PersonaPrompt, taskType: TaskType): SpeakerRow {
  const { persona, partner, said } = situation;
  return {
    prompt: situationPrompt(situation, prompt, taskType),
    completion: taskType === "CAUSAL_LM" ? [{ role: "assistant", content: said }] : said,
    meta: { personas: { assistant: persona, user: partner } },
  };
}

/**
 * Dialogues as rows to learn both speakers from: of a causal model one for each speaker, in which all that it says is learned; of an
 * encoder–decoder one for each turn that answers another. Of a speaker of whom nothing is known nothing is learned.
 */
export function speakerRows(
  dialogues: readonly Dialogue[],
  prompt: PersonaPrompt,
  taskType: TaskType,
): SpeakerRow[] {
  return dialogues.flatMap((dialogue): SpeakerRow[] => {
    if (taskType === "SEQ_2_SEQ_LM")
      return situationsOf(dialogue)
        .filter(({ persona }) => isKnown(persona))
        .map((situation) => situationRow(situation, prompt, taskType));
    return ([1, 2] as const).flatMap((speaker) => {
      const nobody = { ...dialogue, personas: [{ facts: [] }, { facts: [] }] as const };
      const [persona, partner] = [dialogue.personas[speaker - 1]!, dialogue.personas[2 - speaker]!];
      const row = asConversation(nobody, speaker);
      if (!row || !isKnown(persona)) return [];
      const system: Message = { role: "system", content: traitInstruction(persona, prompt) };
      return [
        { messages: [system, ...row.messages], meta: { personas: { assistant: persona, user: partner } } },
      ];
    });
  });
}

const isKnown = (persona: Persona) => persona.facts.length > 0 || knownTraits(persona).length > 0;

/** Both personas in one prompt, their traits as further facts: what a single model is given that writes a whole dialogue. */
export function wholePrompt({ personas }: Pick<Dialogue, "personas">, prompt: PersonaPrompt): string {
  const told = personas.map((persona) => {
    const traits = prompt === "P" ? "" : traitText(persona, prompt);
    return {
      ...withoutTraits(persona),
      facts: [...persona.facts, ...(traits === "" ? [] : [`Personality: ${traits}`])],
    };
  });
  return buildPrompt({ personas: told as unknown as Dialogue["personas"] }).text;
}

/** What a single writer goes on from: both personas, and who speaks first. */
export const writingPrompt = (
  personas: Dialogue["personas"],
  prompt: PersonaPrompt,
  first: Speaker = 1,
): string => `${wholePrompt({ personas }, prompt)}\nUser ${first}:`;

/** Dialogues as rows of which each is written by a single model: it is told both personas and goes on from the first speaker's name. */
export function wholeRows(
  dialogues: readonly TraitDialogue[],
  prompt: PersonaPrompt,
): { prompt: string; completion: string }[] {
  return dialogues.flatMap((dialogue) => {
    const [first] = dialogue.turns;
    if (!first) return [];
    const label = `User ${first.speaker}:`;
    return [
      {
        prompt: writingPrompt(dialogue.personas, prompt, first.speaker),
        completion: buildTarget(dialogue).slice(label.length),
      },
    ];
  });
}
