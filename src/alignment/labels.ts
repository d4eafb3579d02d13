import type { Selection, SelectionRow } from "../corpus";
import type { Embedder } from "../embedding";
import { porterStem, stopWords } from "../metrics";
import { TfidfIndex } from "../retrieval";
import type { LabelScorer } from "../scorers";
import { agreement, type Agreement, type AgreementOptions } from "./agreement";
import { isUnspaced, scoredTokens } from "./cut";

/** A way to derive which fact a response rests on: how much it seems to rest on each. */
export interface LabelWay {
  /** What tables call it. */
  readonly name: string;
  /** Of each row a number for each of its facts, more for what the response rests on more. */
  scores(rows: readonly SelectionRow[]): Promise<number[][]>;
}

/** The stems of a text's content words. */
const stems = (text: string) =>
  new Set(
    scoredTokens(text)
      .filter((token) => !stopWords.has(token))
      .map((token) => (token.length > 3 ? porterStem(token) : token)),
  );

/** The share of a fact's content words, by their stems, that the response says. */
export const overlapWay: LabelWay = {
  name: "overlap",
  scores: (rows) =>
    Promise.resolve(
      rows.map(({ persona, response }) => {
        const said = stems(response);
        return persona.map((fact) => {
          const wanted = [...stems(fact)];
          return wanted.length === 0 ? 0 : wanted.filter((stem) => said.has(stem)).length / wanted.length;
        });
      }),
    ),
};

/** The cosine of fact and response as TF-IDF vectors of characters within words, rare ones counting more; which are rare the rows' facts say. */
export const tfidfWay: LabelWay = {
  name: "TF-IDF",
  scores(rows) {
    const facts = [...new Set(rows.flatMap(({ persona }) => persona))];
    const index = TfidfIndex.build(
      facts,
      isUnspaced(facts) ? { ngramRange: [1, 3] } : { analyzer: "char_wb" },
    );
    const places = new Map(facts.map((fact, i) => [fact, i]));
    return Promise.resolve(
      rows.map(({ persona, response }) => {
        const own = new Set(persona.map((fact) => places.get(fact)!));
        const exclude = [...facts.keys()].filter((place) => !own.has(place));
        const found = new Map(
          index.search(response, own.size, { exclude }).map(({ index: place, score }) => [place, score]),
        );
        return persona.map((fact) => found.get(places.get(fact)!) ?? 0);
      }),
    );
  },
};

/** The probability that the fact entails the response, by a scorer of NLI. */
export const scorerWay = (scorer: LabelScorer): LabelWay => ({
  name: `scorer (${scorer.name})`,
  async scores(rows) {
    const entailed = scorer.labels.indexOf("entailment");
    if (entailed < 0)
      throw new Error(
        `${scorer.name} says ${scorer.labels.join(", ")}: which fact a response rests on is told by one that says entailment`,
      );
    const pairs = rows.flatMap(({ persona, response }) => persona.map((fact) => [fact, response] as const));
    const all = await scorer.probabilities(pairs);
    let at = 0;
    return rows.map(({ persona }) => persona.map(() => all[at++]![entailed]!));
  },
});

/** The cosine of fact and response as dense vectors. */
export const denseWay = (name: string, embedder: Embedder): LabelWay => ({
  name: `dense (${name})`,
  async scores(rows) {
    const texts = [...new Set(rows.flatMap(({ persona, response }) => [response, ...persona]))];
    const vectors = await embedder.embed(texts);
    const width = vectors.length / texts.length;
    const vectorOf = new Map(texts.map((text, i) => [text, vectors.subarray(i * width, (i + 1) * width)]));
    return rows.map(({ persona, response }) => {
      const said = vectorOf.get(response)!;
      return persona.map((fact) => vectorOf.get(fact)!.reduce((sum, x, i) => sum + x * said[i]!, 0));
    });
  },
});

/** The fact of the greatest score, the first of equal ones; none where that is below the threshold, or there is no fact. */
export function selectionOf(scores: readonly number[], threshold: number): Selection {
  if (scores.length === 0) return null;
  const best = scores.reduce((a, score, i) => (score > scores[a]! ? i : a), 0);
  return scores[best]! >= threshold ? best : null;
}

/**
 * The threshold with which scores give the most of the labels that rows have: half-way between two scores that part them. Of several the
 * lowest.
 *
 * @throws {RangeError} without rows
 */
export function bestThreshold(scores: readonly (readonly number[])[], labels: readonly Selection[]): number {
  if (scores.length === 0) throw new RangeError("a threshold is chosen on labelled rows: there are none");
  const tops = scores.map((row) => Math.max(...row, -Infinity)).filter(Number.isFinite);
  const levels = [...new Set(tops)].sort((a, b) => a - b);
  const candidates = levels.map((level, i) => (i === 0 ? level : (level + levels[i - 1]!) / 2));
  const right = (threshold: number) =>
    scores.filter((row, i) => selectionOf(row, threshold) === labels[i]!).length;
  let best = { threshold: candidates[0] ?? 0, right: -1 };
  for (const threshold of [...candidates, Infinity]) {
    const found = right(threshold);
    if (found > best.right) best = { threshold, right: found };
  }
  return best.threshold;
}

/** A way, how it agrees with labels, and the threshold that goes with it. */
export interface MeasuredWay {
  readonly way: LabelWay;
  /** With thresholds that were chosen on other dialogues than those they are used on. */
  readonly agreement: Agreement;
  /** What all of the rows choose: for rows without labels. */
  readonly threshold: number;
}

/**
 * How well a way finds the labels of rows. Dialogues are dealt into two halves by turns; each half's threshold is chosen on the other, so
 * that no row is judged by a threshold that it helped to choose.
 *
 * @param rows with labels
 * @throws {RangeError} if a row has no label, or the rows are of one dialogue
 */
export async function measureWay(
  way: LabelWay,
  rows: readonly SelectionRow[],
  options: AgreementOptions = {},
): Promise<MeasuredWay> {
  const labels = rows.map(({ id, label }) => {
    if (label === undefined) throw new RangeError(`${id} has no label to be compared with`);
    return label;
  });
  const scores = await way.scores(rows);
  const dialogues = [...new Set(rows.map(({ dialogue }) => dialogue))];
  if (dialogues.length < 2)
    throw new RangeError("a threshold is chosen on other dialogues: there is only one");
  const halfOf = new Map(dialogues.map((dialogue, i) => [dialogue, i % 2]));
  const of = <T>(items: readonly T[], half: number) =>
    items.filter((_, i) => halfOf.get(rows[i]!.dialogue) === half);
  const thresholds = [1, 0].map((other) => bestThreshold(of(scores, other), of(labels, other)));
  const found = scores.map((row, i) => selectionOf(row, thresholds[halfOf.get(rows[i]!.dialogue)!]!));
  return { way, agreement: agreement(rows, found, options), threshold: bestThreshold(scores, labels) };
}

/** Rows with the labels that a way derives; labels that are there stay. */
export async function withDerivedLabels<R extends SelectionRow>(
  rows: readonly R[],
  { way, threshold }: Pick<MeasuredWay, "way" | "threshold">,
): Promise<(R & { readonly label: Selection })[]> {
  const scores = await way.scores(rows);
  return rows.map((row, i) => ({
    ...row,
    label: row.label === undefined ? selectionOf(scores[i]!, threshold) : row.label,
  }));
}
