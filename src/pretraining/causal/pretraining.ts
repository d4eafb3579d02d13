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
   * Steps at the start whose rows are made of copying alone.
   * @default 0
   */
  readonly copySteps?: number;
  /**
   * What rows are made of after these.
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
 * A run that begins with copying learns in some two hundred steps to look for what followed the last time (an *induction head*), and
 * keeps it. From the mixture alone a small model did not learn that in two thousand: its other texts can be guessed without.
 *
 * @throws {RangeError} if rows are longer than the model's positions
 */
export function causalPretraining(model: Model, options: CausalPretrainingOptions): TrainingSpec {
  const { train, validation, words, tokens, rowLength, batchSize, seed } = options;
  const { copySteps = 0, kinds = causalTextKinds } = options;
  const { maxPositions = Infinity } = model.config;
  if (rowLength > maxPositions)
    throw new RangeError(`rows of ${rowLength} tokens are longer than the model's ${maxPositions} positions`);
  const row = (documents: readonly Document[], asked: readonly CausalTextKind[], random: Random): Row =>
    fillRow(rowLength, (room) => drawCausalText({ documents, words, special: tokens }, asked, room, random));
  const kindsOf = (n: number): readonly CausalTextKind[] =>
    Math.floor(n / batchSize) < copySteps ? ["copying"] : kinds;
  const batch = (rows: readonly Row[]) => rowTensors(rows, rowLength, model.config.padTokenId);
  const held = validation.length
    ? Array.from({ length: VALIDATION_ROWS }, (_, n) => row(validation, kinds, new Random(n)))
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
      batch: (numbers) => batch(numbers.map((n) => row(train, kindsOf(n), new Random(seed).fork(n)))),
      *validationBatches(rows) {
        for (let i = 0; i < held.length; i += rows) yield batch(held.slice(i, i + rows));
      },
      tokens: labelCount,
      fingerprint: {
        tokens,
        rowLength,
        seed,
        copySteps,
        texts: kinds.map((kind) => [kind, causalTexts[kind]]),
        documents: documentsSha256(train),
        validation: documentsSha256(validation),
      },
    },
  };
}
