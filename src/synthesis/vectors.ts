import { type Embed, TfidfIndex } from "../retrieval";

/** A text's vector, of length 1 or 0: all its numbers, or those of some terms, which are named in ascending order. */
export interface TextVector {
  readonly terms?: Int32Array;
  readonly weights: Float32Array | Float64Array;
}

/** Makes vectors of texts: similar ones for texts that are about the same. */
export type Embedding = (texts: readonly string[]) => Promise<readonly TextVector[]>;

/** The vectors of an encoder. */
export function denseEmbedding(embed: Embed): Embedding {
  return async (texts) => {
    const rows = texts.length === 0 ? new Float32Array() : await embed(texts);
    const width = rows.length / texts.length;
    return texts.map((_, row) => ({ weights: rows.subarray(row * width, (row + 1) * width) }));
  };
}

/** TF-IDF vectors by runs of characters (see `TfidfIndex`), whose terms and their rarity are those of `known` texts. */
export function tfidfEmbedding(known: readonly string[]): Embedding {
  const index = TfidfIndex.build(known);
  return (texts) =>
    Promise.resolve(
      texts.map((text) => {
        const { terms, weights } = index.vector(text);
        const order = [...terms.keys()].sort((a, b) => terms[a]! - terms[b]!);
        return {
          terms: Int32Array.from(order, (i) => terms[i]!),
          weights: Float64Array.from(order, (i) => weights[i]!),
        };
      }),
    );
}

/** Texts with their vectors, so that a product of two is their cosine. */
export class TextVectors {
  private constructor(
    readonly texts: readonly string[],
    private readonly vectors: readonly TextVector[],
  ) {}

  /** Embeds texts. */
  static async of(texts: readonly string[], embedding: Embedding): Promise<TextVectors> {
    return new TextVectors(texts, await embedding(texts));
  }

  /** These and those of `others` behind them. */
  with(others: TextVectors): TextVectors {
    return new TextVectors([...this.texts, ...others.texts], [...this.vectors, ...others.vectors]);
  }

  /** The ones in these places, in this order. */
  pick(places: readonly number[]): TextVectors {
    return new TextVectors(
      places.map((place) => this.texts[place]!),
      places.map((place) => this.vectors[place]!),
    );
  }

  /** The cosine of the texts in two places, −1 to 1. */
  cosine(a: number, b: number): number {
    return dot(this.vectors[a]!, this.vectors[b]!);
  }

  /** The text of `others` that is nearest to the one in a place here; undefined where there are none. */
  nearest(place: number, others: TextVectors): { place: number; cosine: number } | undefined {
    let best: { place: number; cosine: number } | undefined;
    others.vectors.forEach((other, at) => {
      const cosine = dot(this.vectors[place]!, other);
      if (!best || cosine > best.cosine) best = { place: at, cosine };
    });
    return best;
  }
}

function dot(a: TextVector, b: TextVector): number {
  let sum = 0;
  if (!a.terms || !b.terms) {
    for (let i = 0; i < a.weights.length; i++) sum += a.weights[i]! * b.weights[i]!;
    return sum;
  }
  for (let i = 0, j = 0; i < a.terms.length && j < b.terms.length;) {
    const [one, other] = [a.terms[i]!, b.terms[j]!];
    if (one === other) sum += a.weights[i]! * b.weights[j]!;
    if (one <= other) i++;
    if (other <= one) j++;
  }
  return sum;
}
