import type { Embed } from "../retrieval";

/** Texts with their vectors of length 1, so that a product of two is their cosine. */
export class TextVectors {
  private constructor(
    readonly texts: readonly string[],
    private readonly rows: Float32Array,
  ) {}

  /** Embeds texts. */
  static async of(texts: readonly string[], embed: Embed): Promise<TextVectors> {
    return new TextVectors(texts, texts.length === 0 ? new Float32Array() : await embed(texts));
  }

  /** These and those of `others` behind them. */
  with(others: TextVectors): TextVectors {
    const rows = new Float32Array(this.rows.length + others.rows.length);
    rows.set(this.rows);
    rows.set(others.rows, this.rows.length);
    return new TextVectors([...this.texts, ...others.texts], rows);
  }

  /** The ones in these places, in this order. */
  pick(places: readonly number[]): TextVectors {
    const rows = new Float32Array(places.length * this.width);
    places.forEach((place, i) => rows.set(this.row(place), i * this.width));
    return new TextVectors(
      places.map((place) => this.texts[place]!),
      rows,
    );
  }

  /** The cosine of the texts in two places, −1 to 1. */
  cosine(a: number, b: number): number {
    return dot(this.row(a), this.row(b));
  }

  /** The text of `others` that is nearest to the one in a place here; undefined where there are none. */
  nearest(place: number, others: TextVectors): { place: number; cosine: number } | undefined {
    let best: { place: number; cosine: number } | undefined;
    for (let other = 0; other < others.texts.length; other++) {
      const cosine = dot(this.row(place), others.row(other));
      if (!best || cosine > best.cosine) best = { place: other, cosine };
    }
    return best;
  }

  private get width(): number {
    return this.texts.length === 0 ? 0 : this.rows.length / this.texts.length;
  }

  private row(place: number): Float32Array {
    return this.rows.subarray(place * this.width, (place + 1) * this.width);
  }
}

function dot(a: Float32Array, b: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
}
