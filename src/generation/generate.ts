import { type Decoder, type GenerativeModel, notFiniteScores } from "../models";
import type { TokenBatch } from "../models/tokenizer";
import { Random } from "../random";
import { BeamSearch } from "./beams";
import { requireChoice, requireFinite } from "./finite";
import { type GenerationOptions, type ResolvedGenerationOptions, resolveGenerationOptions } from "./options";
import { type ScoreProcessor, scoreProcessors, type TokenRow } from "./processors";
import { drawToken, samplingDistribution } from "./sampling";

/** A sequence that was generated for one input. */
export interface GeneratedSequence {
  /** The row of the input batch. */
  readonly input: number;
  /** The generated tokens, without what the row began with, up to and with the stop token if one came. */
  readonly tokens: readonly number[];
  /** Beam search only: log-probability / length^lengthPenalty. */
  readonly score?: number;
}

/** The state after one token more. */
export interface GenerationStep {
  /** Tokens generated so far for a row that has not ended. */
  readonly step: number;
  /** What would be returned if this were the end, apart from scores. */
  readonly sequences: readonly GeneratedSequence[];
}

/** Decoder rows are given up once at least this share of them has ended; fewer are cheaper carried along than moved. */
const IDLE_SHARE = 1 / 4;

/**
 * Generates for each row of a batch and returns `numReturnSequences` sequences an input, inputs in order, best first.
 * See {@link GenerationOptions}; token ids equal those of Hugging Face transformers for equal logits (sampling apart).
 * Draws depend on the seed and on an input's number (default: its row), not on the rest of the batch.
 */
export async function generate(
  model: GenerativeModel,
  batch: TokenBatch,
  options: GenerationOptions,
  inputNumbers?: readonly number[],
): Promise<GeneratedSequence[]> {
  const steps = generateSteps(model, batch, options, inputNumbers);
  for (;;) {
    const next = await steps.next();
    if (next.done) return next.value;
  }
}

/** As {@link generate}, but yields after each step, so that tokens can be shown as they come. Leaving early is fine. */
export async function* generateSteps(
  model: GenerativeModel,
  batch: TokenBatch,
  options: GenerationOptions,
  inputNumbers: readonly number[] = batch.lengths.map((_, i) => i),
): AsyncGenerator<GenerationStep, GeneratedSequence[]> {
  const resolved = resolveGenerationOptions(options);
  const processors = scoreProcessors(resolved, model.stopTokenIds);
  const rowsPerInput = resolved.numBeams > 1 ? resolved.numBeams : resolved.numReturnSequences;
  if (batch.lengths.length === 0) return [];
  const decoder = await model.startDecoder(batch, rowsPerInput, resolved.maxNewTokens);
  try {
    const search = resolved.numBeams > 1 ? beamSearch : resolved.doSample ? sample : greedySearch;
    return yield* search(model, decoder, inputNumbers, resolved, processors);
  } finally {
    decoder.dispose();
  }
}

type Search = (
  model: GenerativeModel,
  decoder: Decoder,
  inputNumbers: readonly number[],
  options: ResolvedGenerationOptions,
  processors: readonly ScoreProcessor[],
) => AsyncGenerator<GenerationStep, GeneratedSequence[]>;

const greedySearch: Search = (model, decoder, inputNumbers, options, processors) =>
  followRows(model, inputNumbers.length, 1, decoder, options, async (tokens, rows) => {
    if (processors.length === 0) {
      const best = await decoder.nextTokens(tokens);
      if (!best.every((token) => 0 <= token && token < decoder.vocabularySize)) throw notFiniteScores();
      return best;
    }
    const scores = await decoder.nextLogits(tokens);
    return chooseRows(scores, decoder.vocabularySize, rows, processors, argmax);
  });

const sample: Search = (model, decoder, inputNumbers, options, processors) => {
  const perInput = options.numReturnSequences;
  const seeded = new Random(options.seed);
  const randoms = inputNumbers.flatMap((number) =>
    Array.from({ length: perInput }, (_, i) => seeded.fork(number).fork(i)),
  );
  return followRows(model, inputNumbers.length, perInput, decoder, options, async (tokens, rows) => {
    const scores = await decoder.nextLogits(tokens);
    return chooseRows(scores, decoder.vocabularySize, rows, processors, (row, index) =>
      drawToken(samplingDistribution(row, options), randoms[index]!),
    );
  });
};

/** A sequence of greedy search or sampling, its prompt first; `ended` once it has a stop token. */
interface Row extends TokenRow {
  readonly index: number;
  readonly tokens: number[];
  ended: boolean;
}

/** Greedy search and sampling: every row goes on alone until its stop token. */
async function* followRows(
  model: GenerativeModel,
  inputs: number,
  perInput: number,
  decoder: Decoder,
  options: ResolvedGenerationOptions,
  choose: (tokens: Int32Array, rows: readonly Row[]) => Promise<Int32Array>,
): AsyncGenerator<GenerationStep, GeneratedSequence[]> {
  const rows: Row[] = Array.from({ length: inputs * perInput }, (_, index) => ({
    index,
    tokens: [...decoder.prompts[index]!],
    promptLength: decoder.prompts[index]!.length,
    ended: false,
  }));
  const results = () =>
    rows.map(({ index, tokens, promptLength }) => ({
      input: Math.floor(index / perInput),
      tokens: tokens.slice(promptLength),
    }));
  let fed = rows;
  for (let step = 1; step <= options.maxNewTokens; step++) {
    const last = Int32Array.from(fed, ({ tokens, ended }) =>
      ended ? model.padTokenId : tokens[tokens.length - 1]!,
    );
    const chosen = await choose(last, fed);
    fed.forEach((row, i) => {
      if (row.ended) return;
      row.tokens.push(chosen[i]!);
      row.ended = model.stopTokenIds.includes(chosen[i]!);
    });
    yield { step, sequences: results() };
    if (fed.every(({ ended }) => ended)) break;
    const groups = groupsOf(fed, perInput);
    const going = groups.filter((group) => group.some(({ ended }) => !ended));
    if (going.length <= groups.length * (1 - IDLE_SHARE)) {
      const position = new Map(fed.map((row, i) => [row, i]));
      fed = going.flat();
      decoder.select(fed.map((row) => position.get(row)!));
    }
  }
  return results();
}

const beamSearch: Search = async function* (model, decoder, inputNumbers, options, processors) {
  const { numBeams, numReturnSequences } = options;
  const width = numBeams * decoder.vocabularySize;
  const searches = inputNumbers.map(
    (_, input) => new BeamSearch(options, decoder.prompts[input * numBeams]!, model.stopTokenIds),
  );
  const results = () =>
    searches.flatMap((search, input) =>
      search.best(numReturnSequences).map(({ tokens, score }) => ({
        input,
        tokens: tokens.slice(search.promptLength),
        score,
      })),
    );
  let fed = searches;
  for (let step = 1; step <= options.maxNewTokens; step++) {
    const last = Int32Array.from(
      fed.flatMap(({ sequences }) => sequences.map((tokens) => tokens[tokens.length - 1]!)),
    );
    const scores = await decoder.nextLogProbabilities(last);
    const continued = fed.map((search, i) => {
      if (search.done) return search.sequences.map((_, beam) => beam);
      const own = scores.subarray(i * width, (i + 1) * width);
      search.sequences.forEach((tokens, beam) => {
        const row = own.subarray(beam * decoder.vocabularySize, (beam + 1) * decoder.vocabularySize);
        requireFinite(row);
        for (const process of processors) process(row, { tokens, promptLength: search.promptLength });
      });
      requireChoice(own);
      return search.advance(own);
    });
    yield { step, sequences: results() };
    const idle = fed.filter(({ done }) => done).length;
    if (idle === fed.length) break;
    const moves = fed.map((search, i) => ({
      search,
      rows: continued[i]!.map((beam) => i * numBeams + beam),
    }));
    const kept = idle >= fed.length * IDLE_SHARE ? moves.filter(({ search }) => !search.done) : moves;
    fed = kept.map(({ search }) => search);
    decoder.select(kept.flatMap(({ rows }) => rows));
  }
  return results();
};

/** Applies the processors to each row's scores and lets `choose` take a token; rows that have ended are passed over. */
function chooseRows(
  scores: Float32Array,
  vocabulary: number,
  rows: readonly Row[],
  processors: readonly ScoreProcessor[],
  choose: (scores: Float32Array, index: number) => number,
): Int32Array {
  return Int32Array.from(rows, (row, i) => {
    if (row.ended) return 0;
    const own = scores.subarray(i * vocabulary, (i + 1) * vocabulary);
    requireFinite(own);
    for (const process of processors) process(own, row);
    requireChoice(own);
    return choose(own, row.index);
  });
}

function argmax(values: Float32Array): number {
  let best = 0;
  for (let i = 1; i < values.length; i++) if (values[i]! > values[best]!) best = i;
  return best;
}

function groupsOf<T>(items: readonly T[], size: number): T[][] {
  return Array.from({ length: items.length / size }, (_, i) => items.slice(i * size, (i + 1) * size));
}
