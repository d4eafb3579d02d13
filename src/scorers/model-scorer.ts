import { CompiledFunction, type CompileOptions } from "../engine";
import {
  type Adapter,
  type Architecture,
  type Model,
  type NamedTensors,
  type ScorerConfig,
  type ScorerModel,
  type TextBatch,
  textsOf,
  type Tokenizer,
} from "../models";
import { frozenModel, TextRows } from "../training";
import { textTokens } from "./encode";
import { checkTexts, type LabelScorer, type RewardScorer, type ScoredText, softmax } from "./scorer";

export interface ModelScorerOptions {
  readonly name: string;
  readonly reads: readonly string[];
  /** The most tokens of what is read together; the end of the longer text is left out of more. */
  readonly maxTokens: number;
  readonly adapter?: Pick<Adapter, "config" | "weights" | "unfrozen">;
  /**
   * Texts that go through the model together.
   * @default 16
   */
  readonly batchSize?: number;
  readonly engine?: CompileOptions;
}

const PAD_TO_MULTIPLE_OF = 16;

/** A model with a head as a scorer. Its parameters are read here: open files may be closed afterwards. */
export function modelScorer(
  model: Model,
  tokenizer: Tokenizer,
  options: ModelScorerOptions,
): LabelScorer | RewardScorer {
  const { name, reads, adapter } = options;
  const { kind, labels } = model.config as ScorerConfig;
  const frozen = frozenModel(model, { ...(adapter && { adapter }) });
  const logits = new LogitsProgram(model, tokenizer, frozen, options);
  const shared = {
    name,
    reads,
    fingerprint: { scorer: "model", model: frozen.fingerprint, maxTokens: options.maxTokens },
    close: () => logits.close(),
  };
  return kind === "reward"
    ? {
        ...shared,
        kind: "reward",
        rewards: async (texts) => (await logits.of(texts)).map(([reward]) => reward!),
      }
    : {
        ...shared,
        kind: "labels",
        labels,
        probabilities: async (texts) => (await logits.of(texts)).map(softmax),
      };
}

/** The logits of texts, in batches of similar length. */
class LogitsProgram {
  private readonly program;
  private readonly parameters;

  constructor(
    private readonly model: Pick<Model, "architecture" | "config">,
    private readonly tokenizer: Tokenizer,
    frozen: ReturnType<typeof frozenModel>,
    private readonly options: ModelScorerOptions,
  ) {
    this.parameters = Object.fromEntries(frozen.parameters);
    this.program = new CompiledFunction(
      ({ parameters, batch }: { parameters: NamedTensors; batch: NamedTensors }) => {
        const scorer = frozen.model(parameters) as ScorerModel;
        return { logits: scorer.scores(batch as unknown as TextBatch) };
      },
      options.engine,
    );
  }

  async of(texts: readonly ScoredText[]): Promise<number[][]> {
    checkTexts(this.options, texts);
    if (texts.length === 0) return [];
    const { batchSize = 16 } = this.options;
    const rows = new TextRows(
      texts.map((text) => ({ texts: this.tokensOf(text), label: 0 })),
      { padTokenId: this.model.config.padTokenId, padToMultipleOf: PAD_TO_MULTIPLE_OF },
    );
    const found: number[][] = Array.from({ length: texts.length }, () => []);
    for (const indices of rows.order(batchSize, 0, 0)) {
      const { labels: _, ...batch } = rows.batch(indices, batchSize);
      const { logits } = await this.program.run({ parameters: this.parameters, batch });
      const width = logits.shape[1]!;
      indices.forEach((index, k) => {
        const row = Array.from((logits.data as Float32Array).subarray(k * width, (k + 1) * width));
        const odd = row.find((value) => !Number.isFinite(value));
        if (odd !== undefined)
          throw new Error(
            `${this.options.name} gives ${odd} for text ${index + 1}: its weights are not usable`,
          );
        found[index] = row;
      });
    }
    return found;
  }

  close(): Promise<void> {
    return this.program.dispose();
  }

  private tokensOf(text: ScoredText): (readonly number[])[] {
    const encoding = {
      tokenizer: this.tokenizer,
      taskType: this.model.architecture.taskType,
      maxTokens: this.options.maxTokens,
    };
    return encodedTexts(this.model, encoding, text).map(({ ids }) => ids);
  }
}

/** What a scorer's batch has of a text: its tokens, or those of both where it reads two apart. */
export function encodedTexts(
  { config }: { readonly config: unknown; readonly architecture: Pick<Architecture, "taskType"> },
  encoding: Parameters<typeof textTokens>[0],
  text: ScoredText,
): ReturnType<typeof textTokens>[] {
  const { kind } = config as ScorerConfig;
  const apart = textsOf(kind) === 2 && typeof text !== "string";
  return apart ? text.map((part) => textTokens(encoding, part)) : [textTokens(encoding, text)];
}
