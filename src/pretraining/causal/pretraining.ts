import type { Model } from "../../models";
import { Random } from "../../random";
import { crossEntropyObjective, fullPolicy, labelCount, type TrainingSpec } from "../../training";
import { type Document, documentsSha256 } from "../documents";
import type { PretrainingTokens } from "../tokens";
import type { Words } from "../words";
import { type CausalTextKind, causalTextKinds, causalTexts, drawCausalText } from "./mixture";
import { fillRow, type Row, rowTensors } from "./rows";

export interface CausalPretrainingOptions {
  readonly train: readonly Document[];
  readonly validation: readonly Document[];
  /** Of the documents to learn from. */
  readonly words: Words;
  readonly tokens: PretrainingTokens;
  /** Tokens of a row. */
  readonly rowLength: number;
  /** Rows of a step. */
  readonly batchSize: number;
  /** Seed of what is made of the documents. */
  readonly seed: number;
  /**
   * What rows are made of.
   * @default all {@link causalTextKinds}
   */
  readonly kinds?: readonly CausalTextKind[];
}

/** Validation rows are the same throughout a run, and of every run with this many. */
const VALIDATION_ROWS = 48;

/**
 * Pretrains all parameters of a causal model, in place and without dropout, on rows that are filled with texts of several kinds. Row
 * number n is a function of the seed and n alone.
 *
 * @throws {RangeError} if rows are longer than the model's positions
 */
export function causalPretraining(model: Model, options: CausalPretrainingOptions): TrainingSpec {
  const { train, validation, words, tokens, rowLength, batchSize, seed, kinds = causalTextKinds } = options;
  const { maxPositions = Infinity } = model.config;
  if (rowLength > maxPositions)
    throw new RangeError(`rows of ${rowLength} tokens are longer than the model's ${maxPositions} positions`);
  const row = (documents: readonly Document[], random: Random): Row =>
    fillRow(rowLength, (room) => drawCausalText({ documents, words, special: tokens }, kinds, room, random));
  const batch = (rows: readonly Row[]) => rowTensors(rows, rowLength, model.config.padTokenId);
  const held = validation.length
    ? Array.from({ length: VALIDATION_ROWS }, (_, n) => row(validation, new Random(n)))
    : [];
  // Texts are drawn, so that no run sees the end of them: an epoch is as many rows as the documents would fill.
  const documentTokens = train.reduce((sum, document) => sum + document.tokens.length, 0);
  const epochSteps = Math.ceil(documentTokens / (batchSize * rowLength));
  return {
    policy: fullPolicy(model),
    objective: crossEntropyObjective(),
    data: {
      size: batchSize * epochSteps,
      epochBatches: (epoch, size) =>
        Array.from({ length: epochSteps }, (_, step) =>
          Array.from({ length: size }, (_, row) => (epoch * epochSteps + step) * size + row),
        ),
      batch: (numbers) => batch(numbers.map((n) => row(train, new Random(seed).fork(n)))),
      *validationBatches(rows) {
        for (let i = 0; i < held.length; i += rows) yield batch(held.slice(i, i + rows));
      },
      tokens: labelCount,
      fingerprint: {
        tokens,
        rowLength,
        seed,
        texts: kinds.map((kind) => [kind, causalTexts[kind]]),
        documents: documentsSha256(train),
        validation: documentsSha256(validation),
      },
    },
  };
}
