import { AnswerText, TokenText } from "../chat";
import { argmax, drawToken, requireFinite } from "../generation";
import type { Tokenizer } from "../models/tokenizer";
import { Random } from "../random";

/** How an answer is drawn and where it ends. */
export interface AnswerSettings {
  /** 0 takes the likeliest token each time. */
  readonly temperature: number;
  readonly topP: number;
  readonly seed: number;
  readonly stops: readonly string[];
  readonly stopTokenIds: readonly number[];
  /** How many of the likeliest tokens are told with each token; undefined: no log-probabilities at all. */
  readonly topLogprobs: number | undefined;
}

/** A token with its log-probability under the model itself, at temperature 1. */
export interface TokenLogprob {
  readonly token: string;
  readonly logprob: number;
  readonly bytes: readonly number[];
}

/** A token of an answer, with the likeliest ones in its place. */
export interface AnswerLogprob extends TokenLogprob {
  readonly top_logprobs: readonly TokenLogprob[];
}

/** What a token adds to an answer. */
export interface AnswerPiece {
  readonly text: string;
  readonly logprob?: AnswerLogprob;
}

/** An answer as it is made: logits in, pieces of text out. */
export class AnswerInTheMaking {
  text = "";
  tokens = 0;
  /** Whether it ended by itself. */
  ended = false;
  readonly logprobs: AnswerLogprob[] = [];
  private readonly random: Random;
  private readonly bytes: TokenText;
  private readonly spoken: AnswerText;

  constructor(
    private readonly tokenizer: Pick<Tokenizer, "decode">,
    private readonly settings: AnswerSettings,
    private readonly onPiece: (piece: AnswerPiece) => void = () => {},
  ) {
    this.random = new Random(settings.seed);
    this.bytes = new TokenText((ids) => tokenizer.decode(ids));
    this.spoken = new AnswerText(settings.stops);
  }

  /** Chooses a token; undefined where the answer ends. */
  next(logits: Float32Array): number | undefined {
    requireFinite(logits);
    const { temperature, topP, stopTokenIds } = this.settings;
    const token =
      temperature === 0 ? argmax(logits) : drawToken(logits, { temperature, topP, topK: 0 }, this.random);
    this.tokens++;
    if (stopTokenIds.includes(token)) {
      this.ended = true;
      this.say(this.spoken.push(this.bytes.end()));
      return undefined;
    }
    const logprob = this.logprobOf(logits, token);
    if (logprob) this.logprobs.push(logprob);
    this.say(this.spoken.push(this.bytes.push(token)), logprob);
    if (!this.spoken.ended) return token;
    this.ended = true;
    return undefined;
  }

  /** Tells what waited for more, once no more comes. */
  finish(): void {
    if (!this.spoken.ended) this.say(this.spoken.end());
  }

  private say(text: string, logprob?: AnswerLogprob): void {
    this.text += text;
    if (text !== "" || logprob) this.onPiece({ text, ...(logprob && { logprob }) });
  }

  private logprobOf(logits: Float32Array, token: number): AnswerLogprob | undefined {
    const { topLogprobs } = this.settings;
    if (topLogprobs === undefined) return undefined;
    const best = logits.reduce((a, b) => Math.max(a, b), -Infinity);
    const norm = best + Math.log(logits.reduce((sum, logit) => sum + Math.exp(logit - best), 0));
    const told = (id: number): TokenLogprob => {
      const text = this.tokenizer.decode([id]);
      return { token: text, logprob: logits[id]! - norm, bytes: [...Buffer.from(text)] };
    };
    return { ...told(token), top_logprobs: likeliest(logits, topLogprobs).map(told) };
  }
}

/** The ids of the `count` largest logits, the largest first; of equal ones the first. */
function likeliest(logits: Float32Array, count: number): number[] {
  const top: number[] = [];
  for (let id = 0; id < logits.length && count > 0; id++) {
    if (top.length === count && !(logits[id]! > logits[top.at(-1)!]!)) continue;
    let at = top.length;
    while (at > 0 && logits[top[at - 1]!]! < logits[id]!) at--;
    top.splice(at, 0, id);
    if (top.length > count) top.pop();
  }
  return top;
}
