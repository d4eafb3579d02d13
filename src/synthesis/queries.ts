import { join } from "node:path";
import { z } from "zod";
import { askFor, type ChatSource } from "../chat-api";
import { readText } from "../io";
import { Random } from "../random";
import { simpleTokens } from "../text";

/** Our own questions (CC0), which stand in where no larger model induces them. */
export const queriesFile = join(__dirname, "../../data/queries.txt");

/** The questions of a file, one a line; lines that begin with # are remarks. */
export function readQueries(path: string = queriesFile): string[] {
  return readText(path)
    .split(/\r?\n/)
    .map((line) => line.trim())
    .filter((line) => line !== "" && !line.startsWith("#"));
}

export interface InduceOptions {
  readonly seed: number;
  /** Questions that are asked for beside those of the clusters, each after five that are there. */
  readonly more: number;
}

const shape = z.strictObject({ question: z.string().trim().min(3).max(200) });

/**
 * Has a larger model say what the attributes of each cluster answer: three of a cluster are shown, and the most specific question is
 * asked for that all of them answer; then, `more` times, five questions are shown and another one is asked for. Questions of equal
 * words count once.
 *
 * @param clusters the attributes of each
 * @throws {ChatApiError} if nobody answers
 */
export async function induceQueries(
  source: ChatSource,
  clusters: readonly (readonly string[])[],
  { seed, more }: InduceOptions,
): Promise<string[]> {
  const random = new Random(seed);
  const found = new Map<string, string>();
  const ask = async (task: string, shown: readonly string[], number: number) => {
    const content = `${task}\n\n${shown.map((one) => `- ${one}`).join("\n")}\n\nAnswer with JSON: {"question": "…"}`;
    const messages = [{ role: "user" as const, content }];
    const parsed = await askFor(source, {
      ...{ name: "question", shape, messages, maxTokens: 80, temperature: 0.7, seed: seed + number },
    });
    if (!parsed.ok) return;
    const { question } = parsed.value;
    const key = simpleTokens(question).join(" ");
    if (!found.has(key)) found.set(key, question);
  };
  let number = 0;
  for (const cluster of clusters)
    await ask(
      "Which is the most specific question that all of these sentences answer? Somebody says them of themselves.",
      random.shuffle(cluster).slice(0, 3),
      number++,
    );
  for (let i = 0; i < more && found.size > 0; i++)
    await ask(
      "These are questions to get to know somebody. Write another one, of something that none of them asks.",
      random.shuffle([...found.values()]).slice(0, 5),
      number++,
    );
  return [...found.values()];
}
