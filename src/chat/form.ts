import { isSpecified, type Persona, type PersonaSpec, type Turn } from "../corpus";
import { type ChatMessage, templateMessages, type Tokenizer } from "../models/tokenizer";
import {
  buildPrompt,
  buildTarget,
  clean,
  personaInstruction,
  type PromptVariant,
  simulatorPrompt,
} from "../prompts";
import { rowTokens } from "../training";

/** What a model goes on from. */
export interface ChatPrompt {
  /** The prompt of a causal model, the encoder's input of an encoder–decoder. */
  readonly input: readonly number[];
  /** What an encoder–decoder's answer begins with; empty for a causal model. */
  readonly begun: readonly number[];
  /** How many tokens of the context these take. */
  readonly length: number;
}

/** How a conversation becomes tokens that a model goes on from: a value for each kind of model. */
export interface ChatForm {
  /** What a sentence calls it. */
  readonly name: string;
  /** The most tokens of prompt and answer together. */
  readonly limit: number;
  /** Texts that end an answer, beside the model's stop tokens. */
  readonly stops: readonly string[];
  /** @param messages of `user` and `assistant` in turn, the last one of `user` */
  prompt(persona: Persona | undefined, messages: readonly ChatMessage[]): ChatPrompt;
  /**
   * The same for messages that somebody else has put together, a system message first if there is one.
   *
   * @throws {Error} if they are not such that this model takes them
   */
  messages(messages: readonly ChatMessage[]): ChatPrompt;
}

const causal = (input: readonly number[]): ChatPrompt => ({ input, begun: [], length: input.length });

/**
 * By the template that the model's tokenizer brings. The persona is the system message; where a template has none, it stands
 * before the first message.
 *
 * @throws {Error} if the tokenizer has no template
 */
export function templateForm(tokenizer: Tokenizer, limit: number): ChatForm {
  const taken = templateMessages(tokenizer);
  const prompt = (messages: readonly ChatMessage[]) =>
    causal(tokenizer.applyChatTemplate(taken(messages), { addGenerationPrompt: true }));
  return {
    name: "its chat template",
    limit,
    stops: [],
    prompt(persona, messages) {
      const system = persona ? [{ role: "system", content: personaInstruction(persona) }] : [];
      return prompt([...system, ...messages]);
    },
    messages: prompt,
  };
}

/** Messages in turn, with the lines of a system message as facts, for models that know no other system message. */
function withFacts(
  messages: readonly ChatMessage[],
): [persona: Persona | undefined, messages: readonly ChatMessage[]] {
  const [first, ...others] = messages;
  const isSystem = first?.role === "system";
  const turns = isSystem ? others : messages;
  const wrong = turns.findIndex(({ role }, i) => role !== (i % 2 === 0 ? "user" : "assistant"));
  if (wrong >= 0 || turns.length % 2 === 0)
    throw new Error(
      "this model takes messages of user and assistant in turn, the last one of user, after a system message at most",
    );
  if (!isSystem) return [undefined, turns];
  const facts = first.content.split("\n").filter((line) => line.trim() !== "");
  return [{ facts }, turns];
}

/** For models that were not tuned for chat: a transcript in plain text, `A: …` and `B: …` a line, that the model goes on with. */
export function transcriptForm(tokenizer: Tokenizer, limit: number): ChatForm {
  const begin = tokenizer.bosId === undefined ? [] : [tokenizer.bosId];
  const line = (text: string) => text.replace(/\s+/g, " ").trim();
  const form: ChatForm = {
    name: "a plain transcript",
    limit,
    stops: ["\n"],
    messages: (messages) => form.prompt(...withFacts(messages)),
    prompt(persona, messages) {
      const facts = persona?.facts.map(line) ?? [];
      const text = [
        "A and B talk with each other.",
        ...(facts.length > 0 ? [`What B would say of B: ${facts.join(" ")}`] : []),
        "",
        ...messages.map(({ role, content }) => `${role === "user" ? "A" : "B"}: ${line(content)}`),
        "B:",
      ].join("\n");
      return causal([...begin, ...tokenizer.encode(text, { addEos: false })]);
    },
  };
  return form;
}

/** What an adapter was trained with that decides its input. */
export interface Seq2SeqInput {
  readonly promptVariant: PromptVariant;
  readonly maxInputTokens: number;
}

/**
 * For an encoder–decoder: the encoder reads both personas as in the experiments (that of User 1, who types, is unknown), and
 * the answer goes on from what was said, `User 1: … User 2:`.
 */
export function seq2seqForm(tokenizer: Tokenizer, input: Seq2SeqInput, limit: number): ChatForm {
  const countTokens = (text: string) => tokenizer.encode(text).length;
  const form: ChatForm = {
    name: "the prompt of the experiments, which has facts and no traits",
    limit,
    stops: ["User 1:", "User 2:"],
    messages: (messages) => form.prompt(...withFacts(messages)),
    prompt(persona = { facts: [] }, messages) {
      const { text, cut } = buildPrompt(
        { personas: [{ facts: [] }, persona] },
        { variant: input.promptVariant, budget: { maxTokens: input.maxInputTokens, countTokens } },
      );
      if (cut.personaWords > 0) {
        throw new RangeError(
          `the persona has ${cut.personaWords} words more than fit into the ${input.maxInputTokens} tokens of the model's input: leave facts out`,
        );
      }
      const turns = messages.map(({ role, content }): Turn => ({
        speaker: role === "user" ? 1 : 2,
        text: clean(content),
      }));
      const begun = tokenizer.encode(`${buildTarget({ turns })}\nUser 2:`, { addEos: false });
      return { input: tokenizer.encode(text), begun, length: begun.length };
    },
  };
  return form;
}

/**
 * For a model that plays a user with the persona that a tag names (see `simulatorPrompt`): who types is the persona's partner, the
 * assistant of that conversation, and what the model answers is the persona's turn.
 *
 * @param personas those that it has learned to play; it is asked to play another one as well
 */
export function simulatorForm(
  tokenizer: Tokenizer,
  limit: number,
  personas: readonly Pick<PersonaSpec, "id" | "definition">[],
): ChatForm {
  const { prompt } = rowTokens(tokenizer);
  const ids = personas.map(({ id }) => id).join(", ");
  const ask = (persona: Pick<PersonaSpec, "id" | "definition">, messages: readonly ChatMessage[]) => {
    const history = messages.map(({ role, content }) => ({
      role: role === "user" ? ("assistant" as const) : ("user" as const),
      content,
    }));
    return causal(prompt(simulatorPrompt(persona, history, "chat")));
  };
  return {
    name: "a persona's tag and what was said until then",
    limit,
    stops: [],
    prompt(persona, messages) {
      if (persona && isSpecified(persona)) return ask(persona, messages);
      throw new Error(
        `this model plays a persona, and needs its specification: name one of ${ids}, or a file as those in data/personas`,
      );
    },
    messages(messages) {
      const [system, ...others] = messages;
      const id = system?.role === "system" ? system.content.trim() : undefined;
      const persona = personas.find((one) => one.id === id);
      if (persona) return ask(persona, others);
      throw new Error(`this model plays a persona: let a system message name it, one of ${ids}`);
    },
  };
}
