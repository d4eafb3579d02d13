import PQueue from "p-queue";
import { type ChatModel, Conversation } from "../chat";
import { type RecordTurn, type ScenarioType } from "../corpus";

/** Who answers a person that chats as a persona. */
export interface Partner {
  /** What a reader should know of it. */
  readonly about: string;
  /** How it is, where that is sure; else the writer says at the end how it was. */
  readonly scenario?: ScenarioType;
  /**
   * Its answer to turns of which the last one is the persona's.
   *
   * @param draw numbers its answers to the same turns: each is another one, where it can be
   */
  answer(
    topic: string,
    turns: readonly RecordTurn[],
    draw: number,
    hooks: { readonly onText: (piece: string) => void; readonly signal: AbortSignal },
  ): Promise<string>;
}

/** The most tokens of a partner's answer. */
const MOST_TOKENS = 80;

/**
 * A model as partner. It is told what the conversation is about as a fact of itself; its oldest turns go where all do not fit. It
 * answers one writer after another.
 */
export function modelPartner(model: ChatModel, about: string): Partner {
  const queue = new PQueue({ concurrency: 1 });
  return {
    about,
    answer: (topic, turns, draw, hooks) =>
      queue.add(async () => {
        const persona = { facts: [`I like to talk about ${topic}.`] };
        const conversation = new Conversation(model, persona, { seed: draw, maxNewTokens: MOST_TOKENS });
        conversation.goOnAfter(turns.slice(0, -1).map(({ role, content }) => ({ role, content })));
        return (await conversation.answer(turns.at(-1)!.content, hooks)).text;
      }),
  };
}

/** What a partner says that has little to say. */
const phrases = [
  "I see.",
  "OK.",
  "That is interesting.",
  "Can you say more about that?",
  "Sure.",
  "It depends.",
  "Fine.",
  "If you say so.",
];

/** A partner without a model: it opens with the topic and says little after that, as dull partners do. */
export const quietPartner: Partner = {
  about: "opens with the topic, then says little (dull; no model)",
  scenario: "dull",
  async answer(topic, turns, draw, { onText }) {
    const earlier = turns.filter(({ role }) => role === "assistant").length;
    const text =
      earlier === 0 ? `Hello. So, ${topic}. What about it?` : phrases[(earlier - 1 + draw) % phrases.length]!;
    onText(text);
    return text;
  },
};
