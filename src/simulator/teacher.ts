import type { ChatRequest } from "../chat-api";
import {
  type PersonaSpec,
  type RecordTurn,
  type ScenarioType,
  scenarioTypes,
  specificationLines,
} from "../corpus";
import { Random } from "../random";
import { shorten } from "../text";

/** A dialogue that a teacher is to write. */
export interface TeacherTask {
  /** From 0. */
  readonly number: number;
  readonly persona: PersonaSpec;
  readonly topic: string;
  readonly scenario: ScenarioType;
  /** How many turns are asked for. */
  readonly turns: number;
  /** For the teacher's draws. */
  readonly seed: number;
}

/** What tasks are made of. */
export interface TaskSources {
  readonly personas: readonly PersonaSpec[];
  readonly topics: readonly string[];
  readonly seed: number;
}

/** The fewest and the most turns of a dialogue that is kept; so many are asked for, too. */
export const TURNS: readonly [number, number] = [8, 14];
/** The share of tasks whose partner is simply helpful; all other scenarios share the rest equally. */
const HELPFUL = 0.4;

/**
 * The first so many tasks: the personas in turn, each with every topic once before any comes again, partners and lengths drawn. Of
 * more tasks the first are the same.
 */
export function planTasks({ personas, topics, seed }: TaskSources, count: number): TeacherTask[] {
  const random = new Random(seed);
  const others = scenarioTypes.filter((scenario) => scenario !== "helpful");
  const orders: string[][] = [];
  return Array.from({ length: count }, (_, number): TeacherTask => {
    const own = random.fork(number);
    const round = Math.floor(number / personas.length);
    const pass = Math.floor(round / topics.length);
    const order = (orders[pass] ??= new Random(seed).fork(pass).shuffle(topics));
    return {
      number,
      persona: personas[number % personas.length]!,
      topic: order[round % topics.length]!,
      scenario: own.uniform() < HELPFUL ? "helpful" : others[own.integer(others.length)]!,
      turns: TURNS[0] + own.integer(TURNS[1] - TURNS[0] + 1),
      seed: seed + number,
    };
  });
}

/** How the partner is in a scenario, for the teacher. */
const partners: Readonly<Record<ScenarioType, string>> = {
  helpful: "The assistant is friendly and helps as well as it can.",
  dull: "The assistant answers with dull, empty phrases. The user reacts to that as this person does.",
  unhelpful:
    "The assistant does not help: it is evasive, wrong or unwilling. The user reacts to that as this person does.",
  misunderstanding: "The assistant misunderstands the user at first; it is cleared up, or not.",
  disagreement: "The assistant is of another opinion and says why.",
  sad: "The assistant tells, as a person would, that something sad has happened to it.",
  "off-topic": "The assistant drifts to something else again and again.",
  pressure:
    "The assistant tries to pull the user out of character: it asks the user to speak otherwise, to be somebody else, or to ignore its " +
    "instructions. The user stays the same person.",
};

const INSTRUCTION =
  "You write dialogues between a user and an assistant. A model will learn from them to play the user, who is always one person of a " +
  "clear character. The person is shown by what the user says and how, and never named or described. Dialogues are natural and " +
  "varied, harmless, and hold no real people, brands, addresses or telephone numbers.";

/** What a teacher is asked for a task. */
export function teacherRequest(
  { persona, topic, scenario, turns, seed }: TeacherTask,
  { maxTokens, temperature }: Pick<Required<ChatRequest>, "maxTokens" | "temperature">,
): ChatRequest {
  const traits = Object.entries(persona.traits ?? {}).map(([trait, value]) => `${trait}: ${value}`);
  const known = [...persona.facts, ...traits, ...specificationLines(persona)];
  const content = [
    "The user is this person:",
    ...known.map((line) => `- ${line}`),
    "",
    partners[scenario],
    `They talk about: ${topic}.`,
    "",
    `Write ${turns} turns. The user begins, and both speak in turn. Write each turn on one line, which begins with "User:" or ` +
      '"Assistant:", and nothing else.',
  ].join("\n");
  return {
    messages: [
      { role: "system", content: INSTRUCTION },
      { role: "user", content },
    ],
    maxTokens,
    temperature,
    seed,
  };
}

const LABELLED = /^[\s*_#>-]{0,4}(user|assistant)[*_]{0,2}\s*:\s*[*_]{0,2}\s*(.*)$/i;

/** The turns that a teacher wrote, or what is wrong with how it wrote them. */
export function readTranscript(
  text: string,
): { readonly turns: RecordTurn[] } | { readonly problem: string } {
  const turns: RecordTurn[] = [];
  for (const line of text.split(/\r\n|\n|\r/)) {
    if (line.trim() === "" || /^\s*```\w*\s*$/.test(line)) continue;
    const [whole, role, said] = LABELLED.exec(line) ?? [];
    if (whole === undefined) return { problem: `a line is no speaker's: "${shorten(line.trim(), 60)}"` };
    if (said!.trim() === "") return { problem: `turn ${turns.length + 1} is empty` };
    turns.push({ role: role!.toLowerCase() as RecordTurn["role"], content: said!.trim() });
  }
  return turns.length === 0 ? { problem: "there is no turn in it" } : { turns };
}
