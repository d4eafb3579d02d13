import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Random } from "../../../src/random/random";
import { writeTinyChat } from "../../chat/tiny-chat";

/** A folder with the tiny Llama and files of pairs: chosen answers begin with the prompt's letter, rejected ones with another. */
export function writeTinyPreferences(folder: string): { model: string; data: string; validation: string } {
  mkdirSync(folder, { recursive: true });
  const random = new Random(3);
  const letter = () => String.fromCharCode(97 + random.integer(26));
  const rows = (count: number) =>
    Array.from({ length: count }, () => {
      const [asked, chosen, rejected] = [letter(), letter(), letter()];
      return {
        prompt: [{ role: "user", content: asked.repeat(1 + random.integer(5)) }],
        chosen: [{ role: "assistant", content: `${asked} ${chosen}` }],
        rejected: [{ role: "assistant", content: `${asked.toUpperCase()} ${rejected}${rejected}` }],
      };
    });
  const write = (name: string, count: number) => {
    const path = join(folder, name);
    const text = rows(count).map((row) => JSON.stringify(row));
    writeFileSync(path, text.join("\n"));
    return path;
  };
  return {
    model: writeTinyChat(join(folder, "model")),
    data: write("pairs.jsonl", 14),
    validation: write("validation.jsonl", 5),
  };
}

/** A run of it that takes seconds. */
export const tinyDpoConfig = (folder: string, change: Record<string, unknown> = {}) => ({
  model: join(folder, "model"),
  data: join(folder, "pairs.jsonl"),
  validation: join(folder, "validation.jsonl"),
  output: join(folder, "out"),
  maxSteps: 8,
  batchSize: 4,
  learningRate: 0.01,
  rank: 4,
  alpha: 8,
  evalSteps: 4,
  saveSteps: 1,
  ...change,
});
