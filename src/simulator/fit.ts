import { type PersonaSpec, type RecordTurn, splitWords } from "../corpus";
import { courseProblem, personaTurns, runsOf } from "./checks";
import { TURNS } from "./teacher";

/** Words of the runs by which a dialogue is found again, and the share of known runs from which on it is a duplicate. */
const [RUN, DUPLICATE] = [5, 0.25];

/** A person would not say this, but a model that forgets whom it plays, or a template that nobody filled in. */
const OUT_OF_PLAY =
  /\b(?:as an? (?:ai|language model)|i am an ai|i'm an ai|my persona|this persona)\b|[[{<](?:name|topic|user|your \w+|insert[^\]}>]*)[\]}>]/i;

/** What a dialogue is made of, for its checks. */
export interface CheckedDialogue {
  readonly persona: Pick<PersonaSpec, "style">;
  readonly turns: readonly RecordTurn[];
  /** What a safety filter found in it. */
  readonly flags: readonly string[];
}

/**
 * What speaks against learning from a dialogue, whoever made it: its course, a persona that falls out of play or keeps not to its
 * words, harm, and what was said before. Nothing where it is good.
 *
 * @param known runs of words of the dialogues before, see {@link dialogueRuns}
 */
export function dialogueProblem(
  { persona, turns, flags }: CheckedDialogue,
  known: ReadonlySet<string>,
): string | undefined {
  return (
    courseProblem(turns, TURNS) ??
    outOfPlay(turns) ??
    wordsProblem(persona, turns) ??
    (flags.length > 0 ? `unsafe: ${flags.join(", ")}` : undefined) ??
    duplicateProblem(turns, known)
  );
}

/** Whether the persona speaks of itself as a model, or leaves blanks to be filled in. */
export function outOfPlay(turns: readonly RecordTurn[]): string | undefined {
  const found = personaTurns([{ turns }]).flatMap((text) => OUT_OF_PLAY.exec(text)?.[0] ?? []);
  return found[0] === undefined ? undefined : `out of play: "${found[0]}"`;
}

function wordsProblem(
  { style }: Pick<PersonaSpec, "style">,
  turns: readonly RecordTurn[],
): string | undefined {
  const said = personaTurns([{ turns }]);
  const [fewest, most] = style.words;
  const outside = said.filter((text) => {
    const { length } = splitWords(text);
    return length < fewest || length > most;
  }).length;
  return outside > said.length / 2
    ? `${outside} of ${said.length} turns of the persona are not of its ${fewest} to ${most} words`
    : undefined;
}

/** The runs of words that the persona says, by which a dialogue is found again. */
export const dialogueRuns = (turns: readonly RecordTurn[]): string[] =>
  personaTurns([{ turns }]).flatMap((text) => runsOf(text, RUN));

function duplicateProblem(turns: readonly RecordTurn[], known: ReadonlySet<string>): string | undefined {
  const runs = dialogueRuns(turns);
  const again = runs.filter((run) => known.has(run)).length;
  return runs.length > 0 && again / runs.length >= DUPLICATE
    ? `a duplicate: ${again} of its ${runs.length} runs of ${RUN} words are in dialogues before`
    : undefined;
}
