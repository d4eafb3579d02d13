import type { Message, Said, Selection, SelectionRow } from "../corpus";
import { personaInstruction } from "../prompts";

/**
 * How prompts are written: as messages, for a causal model with a chat template, or as text with the speakers' names, for any model
 * (an encoder–decoder takes no messages).
 */
export const alignmentForms = ["chat", "text"] as const;
export type AlignmentForm = (typeof alignmentForms)[number];

export interface PromptOptions {
  readonly form: AlignmentForm;
  /** Turns of the history that a prompt has, the last ones. */
  readonly historyTurns: number;
}

/** The tasks of stage 1: which fact matters, what to say with it, what to say without any. */
export const alignmentTasks = ["select", "grounded", "ungrounded"] as const;
export type AlignmentTask = (typeof alignmentTasks)[number];

/** What a model says that chooses no fact. */
export const NO_FACT = "No personal description.";

/**
 * What an answer's prompt tells of who answers: nothing (`"history"`), the persona (`"persona"`), or the persona with the fact that the
 * answer is to rest on. Where that is none, only the persona.
 */
export type Told = "history" | "persona" | { readonly selected: Selection };

/** The persona's facts, each with a number from 1. */
const numbered = (persona: readonly string[]) => persona.map((fact, i) => `${i + 1}. ${fact}`);

/** The prompt of a row that asks which fact the next answer rests on. */
export function selectionPrompt(row: SelectionRow, { form, historyTurns }: PromptOptions): Said {
  const lines = numbered(row.persona);
  if (form === "text")
    return `select: ${[...lines, ...namedTurns(row, historyTurns)].join(" ")} person2 rests on:`;
  const system = ["Which of these does your next answer rest on?", "", ...lines].join("\n");
  return [{ role: "system", content: system }, ...messages(row, historyTurns)];
}

/** What is to be answered there: the fact with its number, or {@link NO_FACT}. */
export function selectionTarget({ persona }: SelectionRow, selected: Selection, form: AlignmentForm): Said {
  return saidBy(selected === null ? NO_FACT : numbered(persona)[selected]!, form);
}

/**
 * Which fact a model says that it chooses: by the number at the beginning, by {@link NO_FACT}, or by a fact's own words. Undefined
 * where it says neither, or a number that no fact has.
 */
export function readSelection(said: string, persona: readonly string[]): Selection | undefined {
  const text = said.trim();
  const number = /^(\d+)(?![\d.,]*\d)/.exec(text)?.[1];
  if (number !== undefined) {
    const place = Number(number) - 1;
    return place >= 0 && place < persona.length ? place : undefined;
  }
  const plain = (one: string) =>
    one
      .toLowerCase()
      .replace(/[^\p{L}\p{M}\p{N}]+/gu, " ")
      .trim();
  if (plain(text) === plain(NO_FACT)) return null;
  const place = persona.findIndex((fact) => plain(fact) !== "" && plain(fact) === plain(text));
  return place < 0 ? undefined : place;
}

/** The prompt of a row that asks for the next answer. */
export function answerPrompt(row: SelectionRow, told: Told, { form, historyTurns }: PromptOptions): Said {
  const persona = told === "history" ? [] : row.persona;
  const selected =
    typeof told === "object" && told.selected !== null ? row.persona[told.selected] : undefined;
  if (form === "text") {
    const rests = selected === undefined ? [] : [`rests on: ${selected}`];
    return `answer: ${[...numbered(persona), ...namedTurns(row, historyTurns), ...rests].join(" ")} person2:`;
  }
  if (persona.length === 0) return messages(row, historyTurns);
  const rests = selected === undefined ? "" : `\n\nWhat you say now rests on this: ${selected}`;
  return [
    { role: "system", content: personaInstruction({ facts: persona }) + rests },
    ...messages(row, historyTurns),
  ];
}

/** What is to be answered there. */
export const answerTarget = ({ response }: SelectionRow, form: AlignmentForm): Said => saidBy(response, form);

/** Something that was said, as prompts of a form have it. */
export const saidBy = (content: string, form: AlignmentForm): Said =>
  form === "text" ? content : [{ role: "assistant", content }];

/** The last turns, from one of the other's on, as a chat has them. */
function messages({ history }: SelectionRow, historyTurns: number): Message[] {
  const kept = history.slice(-historyTurns);
  const told = kept.map((content, i): Message => ({
    role: (kept.length - 1 - i) % 2 === 0 ? "user" : "assistant",
    content,
  }));
  return told[0]?.role === "assistant" ? told.slice(1) : told;
}

/** The last turns with their speakers: `person1` is the other. */
function namedTurns({ history }: SelectionRow, historyTurns: number): string[] {
  const kept = history.slice(-historyTurns);
  return kept.map((text, i) => `person${(kept.length - 1 - i) % 2 === 0 ? 1 : 2}: ${text}`);
}
