import type { Persona, PersonaSpec } from "../corpus";
import { type GenerationOptions, generateSteps } from "../generation";
import type { GenerativeModel } from "../models";
import { type ChatMessage, padBatch, type Tokenizer } from "../models/tokenizer";
import { beginningWith } from "./begun";
import type { ChatForm, ChatPrompt } from "./form";
import { AnswerText, TokenText } from "./stream";

/** A model that can be talked to. */
export interface ChatModel {
  readonly generator: GenerativeModel;
  readonly tokenizer: Tokenizer;
  readonly form: ChatForm;
  /** The personas that it has learned to play, where it is a model that plays some. */
  readonly personas?: readonly PersonaSpec[];
}

/** How answers are drawn. */
export interface AnswerOptions {
  /**
   * Scores are divided by it before drawing; at 0 the most likely token is taken each time.
   * @default 0.7
   */
  temperature?: number;
  /**
   * Draw from the smallest set of best tokens whose probabilities reach it.
   * @default 0.9
   */
  topP?: number;
  /**
   * Equal seeds give equal answers to equal conversations.
   * @default 0
   */
  seed?: number;
  /**
   * The most tokens of an answer; a quarter of the model's context at most.
   * @default 256
   */
  maxNewTokens?: number;
}

export const DEFAULT_ANSWERS = { temperature: 0.7, topP: 0.9, seed: 0, maxNewTokens: 256 } as const;

/** Options with every default filled in, and nothing else. */
export function answerOptions({
  temperature,
  topP,
  seed,
  maxNewTokens,
}: AnswerOptions): Required<AnswerOptions> {
  return {
    temperature: temperature ?? DEFAULT_ANSWERS.temperature,
    topP: topP ?? DEFAULT_ANSWERS.topP,
    seed: seed ?? DEFAULT_ANSWERS.seed,
    maxNewTokens: maxNewTokens ?? DEFAULT_ANSWERS.maxNewTokens,
  };
}

export interface AnswerHooks {
  /** Given the answer's text piece by piece. */
  onText?: (piece: string) => void;
  /** Told before the answer how many turns no longer fit the model's context and are forgotten. */
  onForgotten?: (turns: number) => void;
  /** Stops the answer after the present token; what was said by then stays said. */
  signal?: AbortSignal;
}

export interface Answer {
  readonly text: string;
  /** Why it ended: by itself, cut at its most tokens, or stopped. */
  readonly end: "whole" | "cut" | "stopped";
  readonly tokens: number;
  /** From the call until the first token, and until the end. */
  readonly secondsToFirstToken: number;
  readonly seconds: number;
}

/** The most tokens that an answer has: those asked for, but no more than a quarter of the model's context. */
export function mostNewTokens({ limit }: Pick<ChatForm, "limit">, asked: number): number {
  return Math.min(asked, Math.max(1, Math.floor(limit / 4)));
}

/** The share of the context that turns may fill once some had to go: the next ones fit without encoding all again each time. */
const FILLED_AFTER = 3 / 4;

/**
 * A conversation with a model as a persona. All turns stand before each answer for as long as they fit; then the oldest go, a
 * turn with its answer, and the persona stays.
 */
export class Conversation {
  private messages: ChatMessage[] = [];
  /** Answers so far, so that each draws by numbers of its own. */
  private answers = 0;
  private readonly options: Required<AnswerOptions>;

  /** @throws {Error} if a fact spells out a control token of the model */
  constructor(
    private readonly model: ChatModel,
    private persona?: Persona,
    options: AnswerOptions = {},
  ) {
    this.options = answerOptions(options);
    this.takePersona(persona);
  }

  /** What was said and is not forgotten: turns of `user` and `assistant`. */
  get turns(): readonly ChatMessage[] {
    return this.messages;
  }

  /** The personas that the model has learned to play; none of a model that can be anybody. */
  get personas(): readonly PersonaSpec[] {
    return this.model.personas ?? [];
  }

  /** Forgets all turns. */
  reset(): void {
    this.messages = [];
  }

  /**
   * Goes on after what was said elsewhere, instead of what was said here.
   *
   * @param turns of `user` and `assistant` in turn, the last one of `assistant`
   * @throws {Error} if they are not, or if one of the user's spells out a control token of the model
   */
  goOnAfter(turns: readonly ChatMessage[]): void {
    const wrong = turns.findIndex(({ role }, i) => role !== (i % 2 === 0 ? "user" : "assistant"));
    if (wrong >= 0 || turns.length % 2 > 0)
      throw new Error(
        "a conversation goes on after turns of user and assistant in turn, the last one of assistant",
      );
    for (const { role, content } of turns)
      if (role === "user") this.refuseControlTokens(content, "an earlier turn");
    this.messages = turns.map((turn) => (turn.role === "assistant" ? this.asSaid(turn.content) : turn));
    this.answers = turns.length / 2;
  }

  /** Goes on as another persona, from the beginning. */
  takePersona(persona: Persona | undefined): void {
    for (const fact of persona?.facts ?? []) this.refuseControlTokens(fact, "a fact of the persona");
    this.persona = persona;
    this.reset();
  }

  /**
   * Says something and has it answered. What fails leaves the conversation as it was.
   *
   * @throws {RangeError} if the turn does not fit the model's context, though all others are gone
   * @throws {Error} if it spells out a control token of the model
   */
  async answer(text: string, { onText, onForgotten, signal }: AnswerHooks = {}): Promise<Answer> {
    const started = performance.now();
    const seconds = () => (performance.now() - started) / 1000;
    this.refuseControlTokens(text, "the turn");
    const { generator, tokenizer, form } = this.model;
    const { kept, prompt, forgotten } = this.window({ role: "user", content: text });
    if (forgotten > 0) onForgotten?.(forgotten);

    const bytes = new TokenText((ids) => tokenizer.decode(ids));
    const spoken = new AnswerText(form.stops);
    let answer = "";
    const say = (piece: string) => {
      answer += piece;
      if (piece !== "") onText?.(piece);
    };
    const { temperature, topP, seed } = this.options;
    const stopTokenIds = [...new Set([...generator.stopTokenIds, tokenizer.eosId])];
    const maxNewTokens = Math.min(this.mostNewTokens, form.limit - prompt.length);
    const options: GenerationOptions = {
      maxNewTokens,
      stopTokenIds,
      ...(temperature !== 0 && { doSample: true, temperature, topP, seed }),
    };
    const model = prompt.begun.length > 0 ? beginningWith(generator, prompt.begun) : generator;
    let tokens = 0;
    let secondsToFirstToken = seconds();
    let end: Answer["end"] = "cut";
    if (signal?.aborted) end = "stopped";
    else
      for await (const { sequences } of generateSteps(
        model,
        padBatch([prompt.input], generator.padTokenId),
        options,
        [this.answers],
      )) {
        const token = sequences[0]!.tokens[tokens++]!;
        if (tokens === 1) secondsToFirstToken = seconds();
        if (stopTokenIds.includes(token)) end = "whole";
        else say(spoken.push(bytes.push(token)));
        if (spoken.ended) end = "whole";
        else if (end === "cut" && signal?.aborted) end = "stopped";
        if (end !== "cut") break;
      }
    if (!spoken.ended) {
      // Half a character stays away where nothing will complete it.
      if (end === "whole") say(spoken.push(bytes.end()));
      say(spoken.end());
    }
    this.answers++;
    if (end !== "stopped" || answer !== "") this.messages = [...kept, this.asSaid(answer)];
    return { text: answer, end, tokens, secondsToFirstToken, seconds: seconds() };
  }

  private get mostNewTokens(): number {
    return mostNewTokens(this.model.form, this.options.maxNewTokens);
  }

  /** The latest turns, with a new one, that leave room for an answer. */
  private window(turn: ChatMessage): { kept: ChatMessage[]; prompt: ChatPrompt; forgotten: number } {
    const { form } = this.model;
    const room = form.limit - this.mostNewTokens;
    let kept = [...this.messages, turn];
    let prompt = form.prompt(this.persona, kept);
    if (prompt.length > room)
      while (kept.length > 1 && prompt.length > FILLED_AFTER * room) {
        kept = kept.slice(2);
        prompt = form.prompt(this.persona, kept);
      }
    if (prompt.length > room) {
      const with_ = this.persona ? "with the persona it takes" : "it takes";
      throw new RangeError(
        `the turn is too long: ${with_} ${prompt.length} tokens, and the model's context has ${form.limit}, of which ` +
          `${this.mostNewTokens} are kept for the answer; say it in parts`,
      );
    }
    return { kept, prompt, forgotten: this.messages.length + 1 - kept.length };
  }

  /** An answer as later turns see it: control tokens that it spells out in ordinary ones do not become control tokens. */
  private asSaid(answer: string): ChatMessage {
    let content = answer;
    for (const token of this.model.tokenizer.unshownTokensIn(answer))
      content = content.replaceAll(token, `${token[0]} ${token.slice(1)}`);
    return { role: "assistant", content };
  }

  private refuseControlTokens(text: string, what: string): void {
    const [token] = this.model.tokenizer.unshownTokensIn(text);
    if (token !== undefined)
      throw new Error(`${what} spells out ${token}, a control token of this model: write it otherwise`);
  }
}
