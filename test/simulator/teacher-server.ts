import { createHash } from "node:crypto";
import { answers, type Behaviour } from "../chat-api/server";

/** Words that only this seed has. */
function wordsOf(seed: string, count: number): string {
  const bytes = Array.from({ length: Math.ceil(count / 16) }, (_, i) => [
    ...createHash("sha256").update(`${seed} ${i}`).digest(),
  ]).flat();
  return Array.from({ length: count }, (_, i) => {
    const letters = [bytes[2 * i]!, bytes[2 * i + 1]!].map((byte) =>
      String.fromCharCode(97 + (byte % 26), 97 + (byte >> 4)),
    );
    return letters.join("");
  }).join(" ");
}

/** A dialogue of eight turns of 13 words each, which fit every persona; equal seeds have equal ones. */
export function dialogueOf(seed: string): string {
  return Array.from(
    { length: 8 },
    (_, at) => `${at % 2 === 0 ? "User" : "Assistant"}: ${wordsOf(`${seed} ${at}`, 13)}`,
  ).join("\n");
}

/** Writes a dialogue for each request, the same one for the same request. */
export const teaches =
  (delay = 0): Behaviour =>
  async (response, request, number) => {
    if (delay > 0) await new Promise((resolve) => setTimeout(resolve, delay));
    const text = dialogueOf(JSON.stringify([request.body["messages"], request.body["seed"]]));
    await answers(text, { usage: { prompt_tokens: 500, completion_tokens: 300 } })(response, request, number);
  };
