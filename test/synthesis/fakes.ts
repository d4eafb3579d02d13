import type { Dialogue } from "../../src/corpus/dialogue";
import type { InferenceScorer } from "../../src/judges/inference";
import { denseEmbedding } from "../../src/synthesis/vectors";
import { simpleTokens } from "../../src/text/characters";

const WIDTH = 64;

/** Vectors of words: texts that share words are alike. */
export const embedWords = denseEmbedding((texts) => {
  const rows = new Float32Array(texts.length * WIDTH);
  texts.forEach((text, row) => {
    const own = rows.subarray(row * WIDTH, (row + 1) * WIDTH);
    for (const token of simpleTokens(text))
      own[[...token].reduce((sum, sign) => (sum * 31 + sign.codePointAt(0)!) % WIDTH, 7)]! += 1;
    const length = Math.hypot(...own) || 1;
    own.forEach((value, i) => (own[i] = value / length));
  });
  return Promise.resolve(rows);
});

/** Finds a contradiction between two sentences of which just one has the word `sour`. */
export const sour: InferenceScorer = {
  name: "sour",
  fingerprint: "sour",
  infer: (pairs) =>
    Promise.resolve(
      pairs.map(([a, b]) => {
        const contradiction = a.includes("sour") !== b.includes("sour") ? 0.9 : 0.05;
        return { entailment: 0.05, neutral: 0.95 - contradiction, contradiction };
      }),
    ),
};

export const dialogue = (id: string, facts: [string[], string[]], ...texts: string[]): Dialogue => ({
  id,
  personas: [{ facts: facts[0] }, { facts: facts[1] }],
  turns: texts.map((text, i) => ({ speaker: i % 2 ? 2 : 1, text })),
});
