import { z } from "zod";
import { ChatApiError } from "./errors";
import type { AskHooks, ChatAnswer, ChatRequest, ChatSource } from "./source";

/** An answer that was read as a value, or the reason why none could be. */
export type Parsed<T> =
  | { readonly ok: true; readonly value: T; readonly answer: ChatAnswer }
  | { readonly ok: false; readonly reason: string };

export interface ParsedRequest<T> extends Omit<ChatRequest, "schema"> {
  /** Names the schema: letters, digits, `_` and `-`. */
  readonly name: string;
  /** What the answer must be; objects of known keys, all of them required, as strict servers want it. */
  readonly shape: z.ZodType<T>;
}

/**
 * Asks for JSON of a shape. An answer that has another one is sent back once with what is wrong with it. If the second is no
 * better, the answer is cut or the model declines, there is no value: nobody need guess one.
 *
 * @throws {ChatApiError} if nobody answers
 */
export async function askFor<T>(
  source: ChatSource,
  { name, shape, ...request }: ParsedRequest<T>,
  hooks?: Pick<AskHooks, "signal">,
): Promise<Parsed<T>> {
  const schema = { name, schema: z.toJSONSchema(shape) as Record<string, unknown> };
  let { messages } = request;
  let reason = "";
  for (let attempt = 0; attempt < 2; attempt++) {
    let answer: ChatAnswer;
    try {
      answer = await source.ask({ ...request, messages, schema }, hooks);
    } catch (error) {
      if (error instanceof ChatApiError && error.code === "declined")
        return { ok: false, reason: error.message };
      throw error;
    }
    const read = readJson(answer, shape);
    if ("value" in read) return { ok: true, value: read.value, answer };
    ({ reason } = read);
    messages = [
      ...messages,
      { role: "assistant", content: answer.text },
      {
        role: "user",
        content: `This is not what was asked for: ${reason}. Answer again, with that JSON and nothing else.`,
      },
    ];
  }
  return { ok: false, reason };
}

function readJson<T>({ text, finish }: ChatAnswer, shape: z.ZodType<T>): { value: T } | { reason: string } {
  if (finish === "length") return { reason: "the answer was cut at its most tokens" };
  let value: unknown;
  try {
    value = JSON.parse(unfenced(text));
  } catch (error) {
    return { reason: `the answer is no JSON (${(error as Error).message})` };
  }
  const parsed = shape.safeParse(value);
  if (parsed.success) return { value: parsed.data };
  const [issue] = parsed.error.issues;
  const where = issue!.path.length === 0 ? "" : ` at ${issue!.path.join(".")}`;
  return { reason: `the answer's JSON does not fit${where}: ${issue!.message}` };
}

/** Models without a schema to hold them put their JSON into a fence. */
const unfenced = (text: string) => /^\s*```(?:json)?\s*\n([\s\S]*?)\n\s*```\s*$/.exec(text)?.[1] ?? text;
