import { z } from "zod";
import { askFor, type ChatSource, type Message } from "../chat-api";
import { judgeInstruction } from "./asked";
import type { JudgeCase, Unscorable } from "./case";
import type { Rubric } from "./rubric";
import { between, markFor, placeOf } from "./shown";

/** Which of two answers is better: only what both orders agree on is a win. */
export type Preference = "first" | "second" | "tie";

/** Two answers in the same place. */
export interface PairCase extends Omit<JudgeCase, "answer"> {
  readonly first: string;
  readonly second: string;
}

/** A preference with what was said in each order. */
export interface Compared {
  readonly preference: Preference;
  /** In the order given, and in the other. */
  readonly reasons: readonly [string, string];
  /** Whether both orders said the same. Where they do not, the place of an answer decided, and it is a tie. */
  readonly agree: boolean;
}

const shape = z.strictObject({ reason: z.string(), better: z.enum(["A", "B", "equal"]) });

/**
 * Asks a model which of two answers is better by a rubric's question, in both orders, since models favour a place.
 *
 * @returns unscorable if one of the two orders gives no verdict
 */
export async function compare(
  source: ChatSource,
  rubric: Rubric,
  pair: PairCase,
  signal?: AbortSignal,
): Promise<Compared | Unscorable> {
  const ask = (a: string, b: string) =>
    askFor(
      source,
      { name: "comparison", shape, messages: pairMessages(rubric, pair, a, b), maxTokens: 300 },
      { signal },
    );
  const [given, swapped] = await Promise.all([ask(pair.first, pair.second), ask(pair.second, pair.first)]);
  if (!given.ok) return { unscorable: given.reason };
  if (!swapped.ok) return { unscorable: swapped.reason };
  const one = ({ A: "first", B: "second", equal: "tie" } as const)[given.value.better];
  const other = ({ A: "second", B: "first", equal: "tie" } as const)[swapped.value.better];
  return {
    preference: one === other ? one : "tie",
    reasons: [given.value.reason, swapped.value.reason],
    agree: one === other,
  };
}

function pairMessages(rubric: Rubric, place: Omit<JudgeCase, "answer">, a: string, b: string): Message[] {
  const parts: [string, string][] = [...placeOf(place), ["answer A", a], ["answer B", b]];
  const mark = markFor(parts.flat());
  return [
    { role: "system", content: judgeInstruction(mark) },
    {
      role: "user",
      content: [
        "Two answers were given in the same place. Which is better by this question? Neither their order nor their length counts.",
        rubric.question,
        "",
        'Answer with JSON, {"reason": "one or two sentences", "better": "A", "B" or "equal"}, and nothing else.',
        "",
        between(mark, parts),
      ].join("\n"),
    },
  ];
}
