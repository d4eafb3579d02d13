import {
  type DialogueRecord,
  recordProblem,
  type RecordTurn,
  type ScenarioType,
  splitWords,
} from "../corpus";
import { courseProblem, personaTurns, runsOf } from "./checks";
import { safetyFlags } from "./safety";
import { readTranscript, type TeacherTask, TURNS } from "./teacher";

/** What a teacher answered to a task. */
export type TaskAnswer =
  | { readonly text: string; readonly finish: "stop" | "length" }
  /** That it would not answer, in its words. */
  | { readonly declined: string };

/** A dialogue that is not kept, and why. */
export interface RejectedDialogue {
  readonly task: number;
  readonly persona_id: string;
  readonly topic: string;
  readonly scenario_type: ScenarioType;
  readonly reason: string;
  readonly safety_flags: readonly string[];
  /** As the teacher wrote it. */
  readonly text: string;
}

/** Words of the runs by which a dialogue is found again, and the share of known runs from which on it is a duplicate. */
const [RUN, DUPLICATE] = [5, 0.25];

/** A person would not say this, but a model that forgets whom it plays, or a template that nobody filled in. */
const OUT_OF_PLAY =
  /\b(?:as an? (?:ai|language model)|i am an ai|i'm an ai|my persona|this persona)\b|[[{<](?:name|topic|user|your \w+|insert[^\]}>]*)[\]}>]/i;

/** Sorts out the answers of a teacher, in order of their tasks: records are kept, everything else is rejected with its reason. */
export function sortOut(
  answered: Iterable<readonly [TeacherTask, TaskAnswer]>,
  teacher: string,
): { readonly records: DialogueRecord[]; readonly rejected: RejectedDialogue[] } {
  const known = new Set<string>();
  const records: DialogueRecord[] = [];
  const rejected: RejectedDialogue[] = [];
  const inOrder = [...answered].sort(([a], [b]) => a.number - b.number);
  for (const [task, answer] of inOrder) {
    const { persona, topic, scenario } = task;
    const read = "text" in answer ? readTranscript(answer.text) : { problem: `declined: ${answer.declined}` };
    const turns = "turns" in read ? read.turns : [];
    const flags = safetyFlags("text" in answer ? [answer.text] : []);
    const reason =
      ("text" in answer && answer.finish === "length" ? "cut at its most tokens" : undefined) ??
      ("problem" in read ? read.problem : undefined) ??
      courseProblem(turns, TURNS) ??
      playProblem(task, turns) ??
      (flags.length > 0 ? `unsafe: ${flags.join(", ")}` : undefined) ??
      duplicateProblem(turns, known);
    const record: DialogueRecord = {
      persona_id: persona.id,
      topic,
      turns,
      metadata: {
        quality_score: null,
        safety_flags: flags,
        scenario_type: scenario,
        source: "synthetic",
        generation_model: teacher,
        num_turns: turns.length,
      },
    };
    const problem = reason ?? recordProblem(record);
    if (problem === undefined) {
      records.push(record);
      for (const run of ownRuns(turns)) known.add(run);
    } else {
      const text = "text" in answer ? answer.text : "";
      const about = { task: task.number, persona_id: persona.id, topic, scenario_type: scenario };
      rejected.push({ ...about, reason: problem, safety_flags: flags, text });
    }
  }
  return { records, rejected };
}

/** What speaks against it that the persona itself talks here. */
function playProblem({ persona }: TeacherTask, turns: readonly RecordTurn[]): string | undefined {
  const said = personaTurns([{ turns }]);
  const strange = said.map((text) => OUT_OF_PLAY.exec(text)?.[0]).find((found) => found !== undefined);
  if (strange !== undefined) return `out of play: "${strange}"`;
  const [fewest, most] = persona.style.words;
  const outside = said.filter((text) => {
    const { length } = splitWords(text);
    return length < fewest || length > most;
  }).length;
  return outside > said.length / 2
    ? `${outside} of ${said.length} turns of the persona are not of its ${fewest} to ${most} words`
    : undefined;
}

const ownRuns = (turns: readonly RecordTurn[]) =>
  personaTurns([{ turns }]).flatMap((text) => runsOf(text, RUN));

function duplicateProblem(turns: readonly RecordTurn[], known: ReadonlySet<string>): string | undefined {
  const runs = ownRuns(turns);
  const again = runs.filter((run) => known.has(run)).length;
  return runs.length > 0 && again / runs.length >= DUPLICATE
    ? `a duplicate: ${again} of its ${runs.length} runs of ${RUN} words are in dialogues before`
    : undefined;
}
