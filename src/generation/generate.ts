import { type Decoder, type GenerativeModel, notFiniteScores } from "../models";
import type { TokenBatch } from "../models/tokenizer";
import { Random } from "../random";
import { type BeamOptions, BeamSearch } from "./beams";
import { requireChoice, requireFinite } from "./finite";
import { type GenerationOptions, type ResolvedGenerationOptions, resolveGenerationOptions } from "./options";
import { type ScoreProcessor, scoreProcessors, type TokenRow } from "./processors";
import { argmax, drawToken } from "./sampling";

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
 * Draws depend on the seed and on an input's number (its row unless told), not on the rest of the batch.
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
  const stopTokenIds = resolved.stopTokenIds ?? model.stopTokenIds;
  const processors = scoreProcessors(resolved, stopTokenIds);
  const rowsPerInput = resolved.numBeams > 1 ? resolved.numBeams : resolved.numReturnSequences;
  if (batch.lengths.length === 0) return [];
  const decoder = await model.startDecoder(batch, rowsPerInput, resolved.maxNewTokens);
  try {
    const search = resolved.numBeams > 1 ? beamSearch : resolved.doSample ? sample : greedySearch;
    const prompts = promptRows(batch, decoder, resolved.processPadding);
    // Each kind of model as in the release of transformers that its reference values come from.
    const doneBy = model.taskType === "CAUSAL_LM" ? "running" : "all";
    const { padTokenId } = model;
    const rows = { decoder, prompts, inputNumbers };
    return yield* search({ doneBy, padTokenId, stopTokenIds, ...rows, options: resolved, processors });
  } finally {
    decoder.dispose();
  }
}

/** What score processors see before the answer of each of a decoder's rows. */
function promptRows(batch: TokenBatch, { prompts }: Decoder, withPadding: boolean): TokenRow[] {
  const [inputs, length] = batch.inputIds.shape as [number, number];
  return prompts.map((prompt, row) => {
    if (!withPadding) return { tokens: prompt, promptLength: prompt.length };
    const from = Math.floor((row * inputs) / prompts.length) * length;
    const tokens = [...batch.inputIds.data.subarray(from, from + length)];
    return { tokens, promptLength: length, padding: length - prompt.length };
  });
}

/** What a search works with. */
interface Given {
  readonly doneBy: BeamOptions["doneBy"];
  readonly padTokenId: number;
  readonly stopTokenIds: readonly number[];
  readonly decoder: Decoder;
  /** What score processors see before each row's answer. */
  readonly prompts: readonly TokenRow[];
  readonly inputNumbers: readonly number[];
  readonly options: ResolvedGenerationOptions;
  readonly processors: readonly ScoreProcessor[];
}

type Search = (given: Given) => AsyncGenerator<GenerationStep, GeneratedSequence[]>;

const greedySearch: Search = (given) => {
  const { decoder, processors } = given;
  return followRows(given, 1, async (tokens, rows) => {
    if (processors.length === 0) {
      const best = await decoder.nextTokens(tokens);
      if (!best.every((token) => 0 <= token && token < decoder.vocabularySize)) throw notFiniteScores();
      return best;
    }
    const scores = await decoder.nextLogits(tokens);
    return chooseRows(scores, decoder.vocabularySize, rows, processors, argmax);
  });
};

const sample: Search = (given) => {
  const { decoder, inputNumbers, options, processors } = given;
  const perInput = options.numReturnSequences;
  const seeded = new Random(options.seed);
  const randoms = inputNumbers.flatMap((number) =>
    Array.from({ length: perInput }, (_, i) => seeded.fork(number).fork(i)),
  );
  return followRows(given, perInput, async (tokens, rows) => {
    const scores = await decoder.nextLogits(tokens);
    return chooseRows(scores, decoder.vocabularySize, rows, processors, (row, index) =>
      drawToken(row, options, randoms[index]!),
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
  { padTokenId, stopTokenIds, decoder, prompts, inputNumbers, options }: Given,
  perInput: number,
  choose: (tokens: Int32Array, rows: readonly Row[]) => Promise<Int32Array>,
): AsyncGenerator<GenerationStep, GeneratedSequence[]> {
  const rows: Row[] = Array.from({ length: inputNumbers.length * perInput }, (_, index) => ({
    ...prompts[index]!,
    index,
    tokens: [...prompts[index]!.tokens],
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
      ended ? padTokenId : tokens[tokens.length - 1]!,
    );
    const chosen = await choose(last, fed);
    fed.forEach((row, i) => {
      if (row.ended) return;
      row.tokens.push(chosen[i]!);
      row.ended = stopTokenIds.includes(chosen[i]!);
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

const beamSearch: Search = async function* (given) {
  const { doneBy, stopTokenIds, decoder, prompts, inputNumbers, options, processors } = given;
  const { numBeams, numReturnSequences } = options;
  const width = numBeams * decoder.vocabularySize;
  const searches = inputNumbers.map(
    (_, input) => new BeamSearch({ ...options, doneBy }, prompts[input * numBeams]!.tokens, stopTokenIds),
  );
  const promptOf = new Map(searches.map((search, input) => [search, prompts[input * numBeams]!]));
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
        for (const process of processors) process(row, { ...promptOf.get(search)!, tokens });
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

function groupsOf<T>(items: readonly T[], size: number): T[][] {
  return Array.from({ length: items.length / size }, (_, i) => items.slice(i * size, (i + 1) * size));
}
