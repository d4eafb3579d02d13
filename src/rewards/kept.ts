import { appendFileSync, existsSync } from "node:fs";
import { dirname } from "node:path";
import { z } from "zod";
import { makeFolder, onDisk, readText, sha256, writeJsonLines } from "../io";
import { type Reward, type RewardCase, type Score, scoreCases } from "./reward";

const lineSchema = z.object({
  key: z.string(),
  score: z.union([z.number(), z.object({ unscorable: z.string() })]),
});
type Line = z.infer<typeof lineSchema>;

/**
 * A reward whose answers are kept in a file, a line each, under the hash of the reward's fingerprint and the case: for judges
 * that are slow, cost money or would answer otherwise a second time. Cases that it has not seen are asked one by one, all at
 * once, and each answer is written as it comes, so that a kill loses none that had been given. It must judge each case by
 * itself; how many it works on at a time is its own concern.
 *
 * @param path the file; several processes must not share it
 */
export function keptReward(reward: Reward, path: string): Reward {
  let answers: Map<string, Promise<Score>> | undefined;
  const ask = async (key: string, one: RewardCase): Promise<Score> => {
    const score = (await scoreCases(reward, [one]))[0]!;
    onDisk(path, () => appendFileSync(path, `${JSON.stringify({ key, score } satisfies Line)}\n`));
    return score;
  };
  return {
    ...reward,
    async score(cases) {
      const known = (answers ??= openAnswers(path));
      return Promise.all(
        cases.map((one) => {
          const key = keyOf(reward, one);
          let answer = known.get(key);
          if (answer === undefined) {
            const asked = ask(key, one);
            asked.catch(() => known.delete(key));
            known.set(key, (answer = asked));
          }
          return answer;
        }),
      );
    },
  };
}

function keyOf({ fingerprint }: Reward, { prompt, completion, tokens, ended, about }: RewardCase): string {
  return sha256(JSON.stringify([fingerprint, prompt, completion, tokens, ended, about ?? null]));
}

/** What a file holds. A line that a killed process left half-written is taken out of it. */
function openAnswers(path: string): Map<string, Promise<Score>> {
  makeFolder(dirname(path));
  if (!existsSync(path)) return new Map();
  const lines = readText(path).split("\n");
  const whole = lines.flatMap((line): Line[] => {
    try {
      return [lineSchema.parse(JSON.parse(line))];
    } catch {
      return [];
    }
  });
  if (lines.at(-1) !== "") writeJsonLines(path, whole);
  return new Map(whole.map(({ key, score }) => [key, Promise.resolve(score)]));
}
