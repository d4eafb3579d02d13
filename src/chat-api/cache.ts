import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { sha256, writeJson } from "../io";
import { type ChatAnswer, type ChatRequest, type ChatSource, wholeRequest } from "./source";

const answerSchema = z.object({
  text: z.string(),
  finish: z.enum(["stop", "length"]),
  usage: z.object({ promptTokens: z.number(), completionTokens: z.number() }),
});
const fileSchema = z.object({ source: z.string(), answer: answerSchema, checksum: z.string() });

/** The content hash of a request to somebody. */
export function requestHash(source: string, request: ChatRequest): string {
  return sha256(JSON.stringify({ source, ...wholeRequest(request) }));
}

/**
 * The same source, which asks nothing twice, also not after a restart: each answer lies in a file of its own under the hash of
 * who was asked and what. A file that is damaged is asked for again. The same request made twice at a time is sent once.
 * Several answers to one request are requests with several seeds.
 */
export function cached(source: ChatSource, directory: string): ChatSource {
  const asking = new Map<string, Promise<ChatAnswer>>();
  return {
    name: source.name,
    async ask(request, hooks = {}) {
      const hash = requestHash(source.name, request);
      const path = join(directory, hash.slice(0, 2), `${hash}.json`);
      let known = readAnswer(path);
      // Whoever asks the same at this moment may fail or stop waiting: then it is asked again.
      while (!known && asking.has(hash)) known = await asking.get(hash)!.catch(() => undefined);
      if (known) {
        hooks.onText?.(known.text);
        return { text: known.text, finish: known.finish, usage: known.usage, fromCache: true };
      }
      const answer = source.ask(request, hooks).then((answer) => {
        writeAnswer(path, source.name, answer);
        return answer;
      });
      asking.set(hash, answer);
      try {
        return await answer;
      } finally {
        asking.delete(hash);
      }
    },
  };
}

function writeAnswer(path: string, source: string, { text, finish, usage }: ChatAnswer): void {
  const answer = { text, finish, usage };
  writeJson(path, { source, answer, checksum: checksumOf(answer) });
}

/** The answer in a file of the cache, if there is one and it is whole. */
function readAnswer(path: string): Omit<ChatAnswer, "fromCache"> | undefined {
  if (!existsSync(path)) return undefined;
  try {
    const { answer, checksum } = fileSchema.parse(JSON.parse(readFileSync(path, "utf8")));
    return checksum === checksumOf(answer) ? answer : undefined;
  } catch {
    return undefined;
  }
}

const checksumOf = ({ text, finish, usage }: z.infer<typeof answerSchema>) =>
  sha256(JSON.stringify([text, finish, usage.promptTokens, usage.completionTokens]));
