import {
  type CompletionRow,
  type DialogueRecord,
  type Placed,
  type PlacedRecord,
  personaNamed,
  type PersonaSpec,
  type PreferenceRow,
  type PromptRow,
  type RowMeta,
  type Said,
  type TrainingRows,
} from "../corpus";
import { type HistoryTurn, type SimulatorForm, simulatorPrompt } from "./simulator";

/** The most tokens that a prompt and its completion may have, and how they are counted. */
export interface UnrollRoom {
  readonly maxTokens: number;
  readonly countTokens: (prompt: Said, completion: Said) => number;
}

/** A turn of the persona as an example: what was said before is asked, the turn alone is learned. */
export interface UnrolledTurn {
  /** Its place among the dialogue's turns, from 0. */
  readonly at: number;
  readonly prompt: Said;
  readonly completion: Said;
  /** Weaker answers in the same place. */
  readonly rejected: readonly Said[];
  /** How many of the oldest turns the prompt goes without, to fit. */
  readonly turnsLeftOut: number;
}

/** What a row says beside prompt and answers, in `meta`: who speaks, and all that was said before. */
export interface UnrolledMeta extends RowMeta {
  readonly persona_id: string;
  readonly topic: string;
  readonly history: readonly HistoryTurn[];
}

/** The turns of records as examples, and what was done for that. */
export interface Unrolled {
  readonly examples: readonly (UnrolledTurn & { readonly line: number; readonly meta: UnrolledMeta })[];
  /** Where the records are from, named in errors and sentences. */
  readonly path: string;
  /** What a reader should know, a sentence each. */
  readonly notes: readonly string[];
}

/** A prompt that fits, and how many of the oldest turns it goes without for that. */
export interface FittedPrompt {
  readonly prompt: Said;
  readonly turnsLeftOut: number;
}

/**
 * What a simulator is asked, with as many of the latest turns as fit: a history that is too long loses whole turns from its front; the
 * instruction, the tag and the turn that is answered stay. Undefined where there is no room even so.
 */
export function fittedPrompt(
  persona: Pick<PersonaSpec, "id" | "definition">,
  history: readonly HistoryTurn[],
  form: SimulatorForm,
  fits: (prompt: Said) => boolean,
): FittedPrompt | undefined {
  const without = (turnsLeftOut: number) => simulatorPrompt(persona, history.slice(turnsLeftOut), form);
  if (fits(without(0))) return { prompt: without(0), turnsLeftOut: 0 };
  const most = history.length - 1;
  if (most < 1 || !fits(without(most))) return undefined;
  // Fewer turns are never longer, so the fewest that have to go are found by halves: counting tokens takes the time.
  let [tooFew, enough] = [0, most];
  while (enough - tooFew > 1) {
    const middle = Math.floor((tooFew + enough) / 2);
    if (fits(without(middle))) enough = middle;
    else tooFew = middle;
  }
  return { prompt: without(enough), turnsLeftOut: enough };
}

/**
 * One example for each turn of the persona, its prompt as {@link fittedPrompt} makes it. Undefined stands for a turn for which there
 * is no room: no answer is cut.
 */
export function unroll(
  { turns }: Pick<DialogueRecord, "turns">,
  persona: Pick<PersonaSpec, "id" | "definition">,
  form: SimulatorForm,
  room?: UnrollRoom,
): (UnrolledTurn | undefined)[] {
  const answer = (content: string): Said =>
    form === "plain" ? content.trim() : [{ role: "assistant", content: content.trim() }];
  return turns.flatMap(({ role, content, alternatives = [] }, at) => {
    if (role !== "user") return [];
    const [completion, rejected] = [answer(content), alternatives.map(answer)];
    const fits = (prompt: Said) =>
      !room || [completion, ...rejected].every((one) => room.countTokens(prompt, one) <= room.maxTokens);
    const fitted = fittedPrompt(persona, turns.slice(0, at), form, fits);
    return [fitted && { at, ...fitted, completion, rejected }];
  });
}

export interface UnrollOptions {
  /** The specifications of the records' personas. */
  readonly personas: readonly PersonaSpec[];
  readonly form: SimulatorForm;
  /**
   * How long an example may be.
   * @default of any length
   */
  readonly room?: UnrollRoom;
}

/**
 * Unrolls records, see {@link unroll}.
 *
 * @param path named in errors
 * @throws {Error} if a record's persona has no specification, or if there is no room for any turn
 */
export function unrollRecords(
  records: readonly PlacedRecord[],
  path: string,
  { personas, form, room }: UnrollOptions,
): Unrolled {
  const leftOut = new Set<number>();
  let turnsWithoutRoom = 0;
  const examples = records.flatMap((record) => {
    const persona = personaOf(record, path, personas);
    return unroll(record, persona, form, room).flatMap((example): Unrolled["examples"] => {
      if (example) return [{ ...example, line: record.line, meta: metaOf(record, example) }];
      leftOut.add(record.line);
      turnsWithoutRoom++;
      return [];
    });
  });
  const limit = `${room?.maxTokens} tokens`;
  if (examples.length === 0) throw new Error(`${path}: none of its turns fits into ${limit} with its prompt`);
  const shortened = examples.filter(({ turnsLeftOut }) => turnsLeftOut > 0);
  const turnsLeftOut = shortened.reduce((sum, example) => sum + example.turnsLeftOut, 0);
  return {
    examples,
    path,
    notes: [
      `${path}: ${records.length} dialogues, ${examples.length} turns of personas`,
      ...(shortened.length > 0
        ? [
            `${shortened.length} histories were too long for ${limit} and lost their oldest turns, ${turnsLeftOut} in all`,
          ]
        : []),
      ...(turnsWithoutRoom > 0
        ? [
            `${turnsWithoutRoom} turns left out, as no answer is cut: more than ${limit} even without older turns, in ${linesOf([...leftOut])}`,
          ]
        : []),
    ],
  };
}

function metaOf({ persona_id, topic, turns }: DialogueRecord, { at }: UnrolledTurn): UnrolledMeta {
  return { persona_id, topic, history: turns.slice(0, at).map(({ role, content }) => ({ role, content })) };
}

function personaOf(
  { persona_id, line }: PlacedRecord,
  path: string,
  personas: readonly PersonaSpec[],
): PersonaSpec {
  try {
    return personaNamed(persona_id, personas);
  } catch (cause) {
    throw new Error(`${path}, line ${line}: persona_id: ${(cause as Error).message}`, { cause });
  }
}

/** Lines of a file that are named; of more it is said how many they are. */
const NAMED = 5;

function linesOf(all: readonly number[]): string {
  const more = all.length > NAMED ? ` and ${all.length - NAMED} more` : "";
  return `line${all.length === 1 ? "" : "s"} ${all.slice(0, NAMED).join(", ")}${more}`;
}

/** Examples as rows to learn from. */
export function completionRows({ examples, path }: Unrolled): TrainingRows<"completion"> {
  const rows = examples.map(({ prompt, completion, line }): Placed<CompletionRow> => ({
    prompt,
    completion,
    line,
  }));
  return { form: "completion", path, rows };
}

/**
 * Alternatives as rows to prefer by: a turn with each of its weaker answers.
 *
 * @throws {Error} if there is no alternative
 */
export function preferenceRows({ examples, path }: Unrolled): TrainingRows<"preference"> {
  const rows = examples.flatMap(({ prompt, completion: chosen, rejected, line, meta }) =>
    rejected.map((one): Placed<PreferenceRow> => ({ prompt, chosen, rejected: one, line, meta })),
  );
  if (rows.length === 0) throw new Error(`${path}: none of its turns has alternatives`);
  return { form: "preference", path, rows };
}

/** What a policy is asked that answers by itself. */
export function promptRows({ examples, path }: Unrolled): TrainingRows<"prompt"> {
  const rows = examples.map(({ prompt, line, meta }): Placed<PromptRow> => ({ prompt, line, meta }));
  return { form: "prompt", path, rows };
}
