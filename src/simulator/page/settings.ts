/** What the page is told by the file `settings.json` beside it. */
export interface PageSettings {
  /** Of the model, for the heading. */
  readonly title: string;
  readonly personas: readonly PagePersona[];
  /** Tokens before every prompt. */
  readonly start: readonly number[];
  /** The most tokens of a prompt with its answer, and of an answer. */
  readonly limit: number;
  readonly maxNewTokens: number;
  /** Texts that stand for tokens which tell the model who speaks: in what somebody says there is none. */
  readonly controls: readonly string[];
  /** How the weights are kept, as Transformers.js calls it. */
  readonly dtype: "fp32" | "q8" | "q4";
  /** How answers are drawn; at temperature 0 the likeliest token is taken each time. */
  readonly temperature: number;
  readonly topK: number;
}

export interface PagePersona {
  readonly id: string;
  readonly definition: string;
  /** What stands before the situation in its prompts, and after it. */
  readonly before: string;
  readonly after: string;
}

/** What was said. */
export interface PageTurn {
  /** The persona's is `user`. */
  readonly role: "user" | "assistant";
  readonly content: string;
}

/** What the page asks of the worker that has the model. */
export type Asked =
  | { readonly kind: "open"; readonly base: string; readonly settings: PageSettings }
  | {
      readonly kind: "answer";
      readonly number: number;
      readonly persona: number;
      readonly history: readonly PageTurn[];
    }
  | { readonly kind: "stop" };

/** What the worker tells. */
export type Told =
  | { readonly kind: "loading"; readonly share: number }
  | { readonly kind: "ready" }
  | { readonly kind: "piece"; readonly number: number; readonly text: string }
  /** The whole answer; `forgotten` oldest turns no longer fitted. */
  | { readonly kind: "answered"; readonly number: number; readonly text: string; readonly forgotten: number }
  | { readonly kind: "failed"; readonly number?: number; readonly problem: string };
