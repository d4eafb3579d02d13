import { appendFileSync, existsSync } from "node:fs";
import { z } from "zod";
import { onDisk, readText, writeJsonLines } from "../io";

const usage = { promptTokens: z.number(), completionTokens: z.number() };
const lineSchema = z.union([
  z.object({ task: z.int().min(0), text: z.string(), finish: z.enum(["stop", "length"]), ...usage }),
  z.object({ task: z.int().min(0), declined: z.string(), ...usage }),
]);

/** An answer with the number of its task and what it took. */
export type KeptAnswer = z.infer<typeof lineSchema>;

/** The answers in a file: of each task the first; none where there is no file. Half a line of a killed process is passed over. */
export function readAnswers(path: string): Map<number, KeptAnswer> {
  const answers = new Map<number, KeptAnswer>();
  for (const line of existsSync(path) ? readText(path).split("\n") : []) {
    const answer = readLine(line);
    if (answer && !answers.has(answer.task)) answers.set(answer.task, answer);
  }
  return answers;
}

/**
 * The answers of a teacher in a file, a line each, written as they come: a kill loses none. A line that a killed process left
 * half-written is taken out, and its task is open again.
 */
export class KeptAnswers {
  private readonly answers: Map<number, KeptAnswer>;

  /** Opens the file, or begins it; no other process may write to it. */
  constructor(readonly path: string) {
    this.answers = readAnswers(path);
    writeJsonLines(path, this.all);
  }

  get(task: number): KeptAnswer | undefined {
    return this.answers.get(task);
  }

  get all(): readonly KeptAnswer[] {
    return [...this.answers.values()];
  }

  /** Keeps answers, all of them or none where that is cut off. */
  add(...answers: readonly KeptAnswer[]): void {
    const lines = answers.map((answer) => `${JSON.stringify(answer)}\n`).join("");
    onDisk(this.path, () => appendFileSync(this.path, lines));
    for (const answer of answers) this.answers.set(answer.task, answer);
  }
}

function readLine(line: string): KeptAnswer | undefined {
  try {
    return lineSchema.parse(JSON.parse(line));
  } catch {
    return undefined;
  }
}
