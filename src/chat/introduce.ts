import { type AnswerOptions, answerOptions, mostNewTokens } from "./conversation";
import type { OpenChatModel } from "./open";
import type { FoundPersona } from "./persona";
import { describePersona } from "./talk";

/** What stands above a talk: the model, the persona, and how answers are drawn. */
export function introduce(
  { why, form }: Pick<OpenChatModel, "why" | "form">,
  options: AnswerOptions,
  found: FoundPersona | undefined,
): string {
  const { temperature, topP, seed, maxNewTokens } = answerOptions(options);
  const drawn =
    temperature !== 0
      ? `drawn at temperature ${temperature}, top-p ${topP}, seed ${seed}`
      : "the most likely token each time";
  return [
    why,
    describePersona(found),
    `Answers: ${drawn}, at most ${mostNewTokens(form, maxNewTokens)} tokens. /help, /quit`,
  ].join("\n");
}
