import { startProgress } from "../display";
import { CompiledFunction, type CompileOptions } from "../engine";
import { type LabelledBatch, type Model, type NamedTensors, needParameter } from "../models";
import { int32Tensor } from "../tensors";

export interface PerplexityOptions {
  /** How many tokens the model sees at a time. */
  window: number;
  /**
   * How far the next window begins behind one: what it shares with it is read again and not scored.
   * @default half of the window
   */
  stride?: number;
  /**
   * How windows count: by the tokens that they score, or by one less than the tokens that are new in them, as in Hugging Face's
   * guide (https://huggingface.co/docs/transformers/perplexity), whose figures are therefore a little different.
   * @default "tokens"
   */
  weighting?: "tokens" | "guide";
  engine?: CompileOptions;
}

/** What one window scored. */
export interface ScoredWindow {
  /** The tokens that it reads: from `begin`, up to but without `end`. */
  readonly begin: number;
  readonly end: number;
  /** How many of them no window before has read. */
  readonly newTokens: number;
  /** How many of these have a token before them in the window, so that they can be predicted. */
  readonly scored: number;
  /** Σ −log p over these, in nats. */
  readonly nats: number;
}

/** How well a model predicts tokens. */
export interface Perplexity {
  /** Mean of −log p(token | those before it in its window), in nats. */
  readonly loss: number;
  /** exp(loss) */
  readonly perplexity: number;
  /** Tokens scored: all but the first. */
  readonly tokens: number;
  /** Σ −log p over them, in nats. */
  readonly nats: number;
}

/**
 * How well a causal model predicts a sequence of tokens: each but the first once, from the tokens before it in a window that
 * slides along. A model with an adapter is `{ ...model, parameters: mergeAdapter(model.parameters, adapter) }`. The parameters are
 * held in memory; those of open files are read for it.
 *
 * @throws {RangeError} if there are fewer than two tokens, or the window or the stride means nothing
 * @throws {Error} if the model is no causal one, or its scores are not finite numbers
 */
export async function perplexity(
  model: Model,
  tokens: readonly number[],
  options: PerplexityOptions,
): Promise<Perplexity> {
  const progress = startProgress("Perplexity", tokens.length, { unit: "tokens" });
  let [nats, scored, loss, weight] = [0, 0, 0, 0];
  for await (const window of scoredWindows(model, tokens, options)) {
    const share = options.weighting === "guide" ? window.newTokens - 1 : window.scored;
    nats += window.nats;
    scored += window.scored;
    if (share > 0) loss += share * (window.nats / window.scored);
    weight += share;
    progress.advance(window.newTokens, `perplexity ${Math.exp(loss / weight).toFixed(3)}`);
  }
  progress.finish();
  loss /= weight;
  return { loss, perplexity: Math.exp(loss), tokens: scored, nats };
}

/** What a window's program is given; the batch is one row. */
type ScoredInputs = {
  readonly weights: NamedTensors;
  readonly batch: Pick<LabelledBatch, "inputIds" | "attentionMask" | "labels"> &
    Required<Pick<LabelledBatch, "labelRows">>;
};

/** The windows of {@link perplexity}, each as soon as it is scored. */
export async function* scoredWindows(
  { architecture, config, parameters }: Model,
  tokens: readonly number[],
  { window, stride = Math.max(1, Math.floor(window / 2)), engine }: PerplexityOptions,
): AsyncGenerator<ScoredWindow> {
  if (architecture.taskType !== "CAUSAL_LM")
    throw new Error(
      `perplexity is of causal models: ${architecture.name} reads an input and predicts another text`,
    );
  const whole = (value: number, least: number) => Number.isInteger(value) && value >= least;
  if (!whole(window, 2))
    throw new RangeError(`window must be a whole number of 2 or more tokens, not ${window}`);
  if (!(whole(stride, 1) && stride <= window))
    throw new RangeError(`stride must be a whole number from 1 to the window's ${window}, not ${stride}`);
  if (tokens.length < 2) throw new RangeError(`perplexity needs two tokens or more, not ${tokens.length}`);
  const outside = tokens.find((token) => !(whole(token, 0) && token < config.vocabSize));
  if (outside !== undefined)
    throw new RangeError(
      `token ${outside} is none of the model's ${config.vocabSize}: it is another tokenizer's`,
    );

  const names = Object.keys(architecture.parameterShapes(config));
  const weights = Object.fromEntries(names.map((name) => [name, needParameter(parameters, name)]));
  const program = new CompiledFunction(
    ({ weights, batch }: ScoredInputs) => ({
      losses: architecture.model(config, weights).labelLosses(batch),
    }),
    engine,
  );
  try {
    for (let begin = 0, read = 0; read < tokens.length; begin += stride) {
      const end = Math.min(begin + window, tokens.length);
      const first = Math.max(read, begin + 1);
      const ids = Int32Array.from(tokens.slice(begin, end));
      const row = int32Tensor([1, ids.length], ids);
      const rows = Int32Array.from({ length: end - first }, (_, i) => first - begin + i);
      const batch = {
        inputIds: row,
        attentionMask: int32Tensor(row.shape, new Int32Array(ids.length).fill(1)),
        labels: row,
        labelRows: int32Tensor([rows.length], rows),
      };
      const { losses } = rows.length > 0 ? await program.run({ weights, batch }) : { losses: { data: [] } };
      const nats = [...(losses.data as Float32Array)].reduce((sum, loss) => sum + loss, 0);
      if (!Number.isFinite(nats))
        throw new Error(`the model's scores of tokens ${first} to ${end - 1} are not finite numbers`);
      yield { begin, end, newTokens: end - read, scored: rows.length, nats };
      read = end;
    }
  } finally {
    await program.dispose();
  }
}

/**
 * Bits per byte of a text whose tokens were scored, Σ −log₂ p / bytes in UTF-8: unlike perplexity it compares models with
 * different tokenizers. The first token, if it is not the model's own start, is not scored and counts as certain.
 */
export function bitsPerByte({ nats }: Pick<Perplexity, "nats">, text: string): number {
  const bytes = Buffer.byteLength(text, "utf8");
  if (bytes === 0) throw new RangeError("bits per byte are of a text: this one is empty");
  return nats / Math.LN2 / bytes;
}
