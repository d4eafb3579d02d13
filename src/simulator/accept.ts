import { type DialogueRecord, recordProblem, type ScenarioType } from "../corpus";
import { dialogueProblem, dialogueRuns } from "./fit";
import { safetyFlags } from "./safety";
import { readTranscript, type TeacherTask } from "./teacher";

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
      dialogueProblem({ persona, turns, flags }, known);
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
      for (const run of dialogueRuns(turns)) known.add(run);
    } else {
      const text = "text" in answer ? answer.text : "";
      const about = { task: task.number, persona_id: persona.id, topic, scenario_type: scenario };
      rejected.push({ ...about, reason: problem, safety_flags: flags, text });
    }
  }
  return { records, rejected };
}
