import { z } from "zod";
import { RequestError } from "./loopback";

const MOST_STOPS = 16;
const MOST_MESSAGES = 10_000;

/** The text of a message: a string, or parts of which all are text. */
const content = z
  .union([
    z.string(),
    z.array(
      z.object({
        type: z.literal("text", { error: "only parts of the type text are taken" }),
        text: z.string(),
      }),
    ),
  ])
  .transform((value) => (typeof value === "string" ? value : value.map(({ text }) => text).join("")));

const message = z.object({
  role: z
    .enum(["system", "developer", "user", "assistant"], {
      error: "a role is system, user or assistant: tools are not taken here",
    })
    .transform((role) => (role === "developer" ? "system" : role)),
  content,
});

const absent = (why: string) => z.never({ error: why }).nullish();

/** A body of `POST /v1/chat/completions`. What would change the answer and is not done here is refused by name. */
export const completionRequest = z.object({
  model: z.string(),
  messages: z.array(message).min(1).max(MOST_MESSAGES),
  max_tokens: z.int().min(1).nullish(),
  max_completion_tokens: z.int().min(1).nullish(),
  temperature: z.number().min(0).max(2).nullish(),
  top_p: z.number().gt(0).max(1).nullish(),
  seed: z.int().nullish(),
  stop: z
    .union([
      z
        .string()
        .min(1)
        .transform((stop) => [stop]),
      z.array(z.string().min(1)).max(MOST_STOPS),
    ])
    .nullish(),
  stream: z.boolean().nullish(),
  stream_options: z.object({ include_usage: z.boolean().nullish() }).nullish(),
  logprobs: z.boolean().nullish(),
  top_logprobs: z.int().min(0).max(20).nullish(),
  n: z.literal(1, { error: "one answer a request: ask again with another seed" }).nullish(),
  response_format: z
    .object({
      type: z.literal("text", {
        error: "answers are plain text here: no schema can be kept to, so ask for JSON in words and check it",
      }),
    })
    .nullish(),
  tools: absent("tools are not taken here"),
  functions: absent("functions are not taken here"),
  logit_bias: absent("logit_bias is not taken here"),
  frequency_penalty: z.literal(0, { error: "penalties are not taken here" }).nullish(),
  presence_penalty: z.literal(0, { error: "penalties are not taken here" }).nullish(),
});
export type CompletionRequest = z.infer<typeof completionRequest>;

/** @throws {RequestError} naming the first part of a body that cannot be */
export function parseCompletionRequest(text: string): CompletionRequest {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new RequestError(400, "invalid_request_error", `the body is no JSON: ${(error as Error).message}`);
  }
  const parsed = completionRequest.safeParse(value);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const where = issue!.path.length === 0 ? "the body" : issue!.path.join(".");
  throw new RequestError(400, "invalid_request_error", `${where}: ${issue!.message}`);
}
