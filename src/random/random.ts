/** The four 32-bit words that determine everything a {@link Random} will draw; plain data, so it can be saved. */
export type RandomState = readonly [number, number, number, number];

/**
 * A seeded pseudo-random generator whose state can be saved and restored: xoshiro128** (Blackman and Vigna, 2021,
 * "Scrambled linear pseudorandom number generators"), its words filled from the seed by splitmix32. Not for secrets.
 */
export class Random {
  private readonly words: Uint32Array;

  constructor(seed: number | RandomState) {
    this.words = typeof seed === "number" ? seedWords(seed) : Uint32Array.from(seed);
  }

  /** The current state; `new Random(state)` continues with the same draws. */
  get state(): RandomState {
    const [a, b, c, d] = this.words as unknown as [number, number, number, number];
    return [a, b, c, d];
  }

  /** An independent generator for a numbered part of the work (an epoch, a row); this one does not advance. */
  fork(part: number): Random {
    const fork = new Random(part);
    this.words.forEach((word, i) => (fork.words[i]! ^= word));
    if (fork.words.every((word) => word === 0)) fork.words[0] = 1;
    for (let i = 0; i < 8; i++) fork.uint32();
    return fork;
  }

  /** A uniform integer in [0, 2³²). */
  uint32(): number {
    const s = this.words;
    const s1 = s[1]!;
    const product = Math.imul(rotateLeft(Math.imul(s1, 5), 7), 9) >>> 0;
    s[2]! ^= s[0]!;
    s[3]! ^= s1;
    s[1]! ^= s[2]!;
    s[0]! ^= s[3]!;
    s[2]! ^= s1 << 9;
    s[3] = rotateLeft(s[3]!, 11);
    return product;
  }

  /** A uniform number in [0, 1) with 53 random bits. */
  uniform(): number {
    return ((this.uint32() >>> 5) * 0x4000000 + (this.uint32() >>> 6)) / 0x20000000000000;
  }

  /** A uniform integer in [0, bound), without modulo bias. `bound` is in 1…2³². */
  integer(bound: number): number {
    if (!(Number.isInteger(bound) && bound >= 1 && bound <= 2 ** 32)) {
      throw new RangeError(`integer(bound): bound must be a whole number from 1 to 2^32, not ${bound}`);
    }
    const limit = 2 ** 32 - (2 ** 32 % bound);
    for (;;) {
      const draw = this.uint32();
      if (draw < limit) return draw % bound;
    }
  }

  /** A standard normal draw (Box–Muller). */
  normal(): number {
    const radius = Math.sqrt(-2 * Math.log(1 - this.uniform()));
    return radius * Math.cos(2 * Math.PI * this.uniform());
  }

  /** A shuffled copy (Fisher–Yates). */
  shuffle<T>(items: readonly T[]): T[] {
    const copy = items.slice();
    for (let i = copy.length - 1; i > 0; i--) {
      const j = this.integer(i + 1);
      const held = copy[i]!;
      copy[i] = copy[j]!;
      copy[j] = held;
    }
    return copy;
  }
}

function rotateLeft(x: number, bits: number): number {
  return (x << bits) | (x >>> (32 - bits));
}

function seedWords(seed: number): Uint32Array {
  if (!Number.isSafeInteger(seed)) throw new RangeError(`seed must be a whole number, not ${seed}`);
  let state = (seed ^ Math.imul(Math.floor(seed / 2 ** 32), 0x9e3779b9)) >>> 0;
  return Uint32Array.from({ length: 4 }, () => {
    state = (state + 0x9e3779b9) >>> 0;
    let z = state;
    z = Math.imul(z ^ (z >>> 16), 0x21f0aaad);
    z = Math.imul(z ^ (z >>> 15), 0x735a2d97);
    return (z ^ (z >>> 15)) >>> 0;
  });
}
