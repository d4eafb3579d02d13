/** What to adapt and how, in PEFT's terms (https://huggingface.co/docs/peft, `LoraConfig`). */
export interface LoraConfig {
  /** r: the inner dimension of B·A. */
  readonly rank: number;
  /** α: the update is scaled by α/r, or by α/√r with `useRslora`. */
  readonly alpha: number;
  /** Dropout on the input of A while training. */
  readonly dropout: number;
  /** Rank-stabilised scaling α/√r (Kalajdzievski, 2023, arXiv 2312.03732). */
  readonly useRslora: boolean;
  /** Suffixes of module paths: `q` adapts every module named q. `wi` stands for `wi_0` and `wi_1` on gated models. */
  readonly targetModules: readonly string[];
  /** Suffixes of modules that are trained and saved whole. */
  readonly modulesToSave: readonly string[];
}

/** The proposal's adaptation: attention and feed-forward projections, and `lm_head` kept trainable. */
export const DEFAULT_LORA: LoraConfig = {
  rank: 16,
  alpha: 32,
  dropout: 0.05,
  useRslora: false,
  targetModules: ["q", "k", "v", "o", "wi", "wo"],
  modulesToSave: ["lm_head"],
};

/** What decides the factor s of W + s·B·A. */
export type LoraScaling = Pick<LoraConfig, "alpha" | "rank" | "useRslora">;

/** The factor s of W + s·B·A: α/r, or α/√r with rank stabilisation. */
export function loraScale({ alpha, rank, useRslora }: LoraScaling): number {
  return alpha / (useRslora ? Math.sqrt(rank) : rank);
}

/** Refuses a configuration that means nothing, by the name of its field. */
export function checkLoraConfig(config: LoraConfig): void {
  const { rank, alpha, dropout } = config;
  if (!(Number.isInteger(rank) && rank > 0))
    throw new RangeError(`LoRA rank must be a whole number above 0, not ${rank}`);
  if (!(Number.isFinite(alpha) && alpha > 0))
    throw new RangeError(`LoRA alpha must be above 0, not ${alpha}`);
  if (!(dropout >= 0 && dropout < 1)) throw new RangeError(`LoRA dropout must be in [0, 1), not ${dropout}`);
}
