/** A finished sequence of a beam search; `score` is its log-probability / length^lengthPenalty. */
export interface Hypothesis {
  readonly tokens: readonly number[];
  readonly score: number;
}

/** A way to lengthen one of the running sequences; `score` is the log-probability of the whole. */
export interface Continuation {
  readonly beam: number;
  readonly token: number;
  readonly score: number;
}

export interface BeamOptions {
  readonly numBeams: number;
  /**
   * Which best continuation must not beat the worst finished sequence when a search is done: of all, those that end included, as
   * in transformers 4, or of those that run on, as in transformers 5.
   */
  readonly doneBy: "all" | "running";
  readonly lengthPenalty: number;
  readonly earlyStopping: boolean | "never";
  readonly maxNewTokens: number;
}

/** Stands for log 0 in the beams that begin as copies of the first, so that they are not chosen before it branches. */
const UNUSED = -1e9;

/**
 * Beam search for one input, with the rules of Hugging Face transformers (4.38 and later, `BeamSearchScorer`):
 * `numBeams` sequences run side by side; at each step the best continuations are ranked, 1 + (stop tokens) for each beam and
 * at least two, those that end the sequence and rank among the first numBeams are finished, and the best others run on.
 * Lengths count generated tokens.
 */
export class BeamSearch {
  /** The running sequences, the prompt first, best first after the first step. */
  sequences: readonly (readonly number[])[];
  /** Whether no running sequence can displace a finished one, as `earlyStopping` defines it. */
  done = false;
  /** Tokens that every sequence began with. */
  readonly promptLength: number;
  /** The log-probabilities of the running sequences. */
  private readonly scores: Float32Array;
  private finished: readonly Hypothesis[] = [];

  constructor(
    private readonly options: BeamOptions,
    prompt: readonly number[],
    private readonly stopTokens: readonly number[],
  ) {
    this.promptLength = prompt.length;
    this.sequences = Array.from({ length: options.numBeams }, () => prompt);
    this.scores = new Float32Array(options.numBeams).fill(UNUSED, 1);
  }

  /**
   * Takes the next token's processed log-probabilities, [numBeams, vocabulary], and moves every beam on by a token.
   * Returns, for each new beam, the old beam that it continues.
   */
  advance(logProbabilities: Float32Array): number[] {
    const { numBeams, doneBy, lengthPenalty, earlyStopping, maxNewTokens } = this.options;
    const perBeam = Math.max(2, 1 + this.stopTokens.length);
    const ranked = bestContinuations(logProbabilities, this.scores, perBeam * numBeams);
    if (ranked.length < perBeam * numBeams) {
      throw new Error(
        `beam search: only ${ranked.length} of the ${perBeam} × ${numBeams} continuations that it needs exist`,
      );
    }
    const before = this.sequences;
    const lengthen = ({ beam, token }: Continuation) => [...before[beam]!, token];
    for (const next of ranked.slice(0, numBeams)) {
      if (this.stopTokens.includes(next.token)) this.finished = this.withFinished(lengthen(next), next.score);
    }
    const running = ranked.filter(({ token }) => !this.stopTokens.includes(token)).slice(0, numBeams);
    this.sequences = running.map(lengthen);
    running.forEach(({ score }, i) => (this.scores[i] = score));

    if (this.finished.length === numBeams) {
      const newTokens = before[0]!.length - this.promptLength + 1;
      const attainable = earlyStopping === "never" && lengthPenalty > 0 ? maxNewTokens : newTokens;
      const worst = Math.min(...this.finished.map(({ score }) => score));
      const [best] = doneBy === "all" ? ranked : running;
      this.done = earlyStopping === true || worst >= best!.score / attainable ** lengthPenalty;
    }
    return running.map(({ beam }) => beam);
  }

  /** The best `count` sequences, best first. Unless the search is done, running ones count as if they ended here. */
  best(count: number): Hypothesis[] {
    let all = this.finished;
    if (!this.done)
      this.sequences.forEach((tokens, i) => (all = this.withFinished(tokens, this.scores[i]!, all)));
    return [...all]
      .reverse()
      .sort((a, b) => b.score - a.score)
      .slice(0, count);
  }

  /** `others` and a further hypothesis; of more than `numBeams` the worst is dropped. */
  private withFinished(
    tokens: readonly number[],
    logProbability: number,
    others = this.finished,
  ): Hypothesis[] {
    const { numBeams, lengthPenalty } = this.options;
    const score = logProbability / (tokens.length - this.promptLength) ** lengthPenalty;
    if (others.length < numBeams) return [...others, { tokens, score }];
    const worst = others.reduce((w, other, i) => (other.score < others[w]!.score ? i : w), 0);
    if (score <= others[worst]!.score) return [...others];
    return [...others.filter((_, i) => i !== worst), { tokens, score }];
  }
}

/** The `count` best of logProbabilities[beam, token] + scores[beam], best first; the earlier of two equal ones first. */
export function bestContinuations(
  logProbabilities: Float32Array,
  scores: Float32Array,
  count: number,
): Continuation[] {
  const vocabulary = logProbabilities.length / scores.length;
  const best: Continuation[] = [];
  let least = -Infinity;
  for (let beam = 0; beam < scores.length; beam++) {
    const base = scores[beam]!;
    const from = beam * vocabulary;
    for (let token = 0; token < vocabulary; token++) {
      const score = Math.fround(logProbabilities[from + token]! + base);
      if (!(score > least) && (best.length === count || Number.isNaN(score))) continue;
      let at = best.length;
      while (at > 0 && best[at - 1]!.score < score) at--;
      best.splice(at, 0, { beam, token, score });
      if (best.length > count) best.pop();
      if (best.length === count) least = best[count - 1]!.score;
    }
  }
  return best;
}
