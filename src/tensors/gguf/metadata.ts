/** The types of metadata values, in the order of their numbers. */
export const VALUE_TYPES = [
  "uint8",
  "int8",
  "uint16",
  "int16",
  "uint32",
  "int32",
  "float32",
  "bool",
  "string",
  "array",
  "uint64",
  "int64",
  "float64",
] as const;

/** The type of a value that is no array. */
export type ScalarType = Exclude<(typeof VALUE_TYPES)[number], "array">;

export type GgufScalar = number | bigint | boolean | string;

/** A metadata value with its type. Whole numbers of 64 bits are bigint; arrays hold one type, and no arrays. */
export type GgufValue =
  | { readonly type: ScalarType; readonly value: GgufScalar }
  | { readonly type: "array"; readonly of: ScalarType; readonly value: ArrayLike<GgufScalar> };

/** The metadata of a GGUF file, by key; a value of another kind than is asked for is an Error that names file and key. */
export class GgufMetadata {
  constructor(
    readonly path: string,
    readonly values: ReadonlyMap<string, GgufValue>,
  ) {}

  has(key: string): boolean {
    return this.values.has(key);
  }

  string(key: string): string | undefined {
    return this.scalar(key, "a text", (value) => (typeof value === "string" ? value : undefined));
  }

  boolean(key: string): boolean | undefined {
    return this.scalar(key, "true or false", (value) => (typeof value === "boolean" ? value : undefined));
  }

  /** A whole number, not negative. */
  count(key: string): number | undefined {
    return this.scalar(key, "a whole number of at least 0", countOf);
  }

  /** A finite number. Values of 32 bits are given as the shortest decimal that means the same: 1e-5, not 9.999999747e-6. */
  number(key: string): number | undefined {
    const short = this.values.get(key)?.type === "float32";
    return this.scalar(key, "a number", (value) => {
      const number = typeof value === "bigint" ? Number(value) : value;
      if (typeof number !== "number" || !Number.isFinite(number)) return undefined;
      return short ? shortestFloat32(number) : number;
    });
  }

  strings(key: string): readonly string[] | undefined {
    return this.list(key, "a list of texts", (value) => (typeof value === "string" ? value : undefined));
  }

  numbers(key: string): readonly number[] | undefined {
    return this.list(key, "a list of numbers", (value) =>
      typeof value === "number" || typeof value === "bigint" ? Number(value) : undefined,
    );
  }

  private scalar<T>(key: string, needed: string, read: (value: GgufScalar) => T | undefined): T | undefined {
    const found = this.values.get(key);
    if (!found) return undefined;
    const value = found.type === "array" ? undefined : read(found.value);
    if (value === undefined)
      throw new Error(`${this.path}: ${key} is ${shown(found)}, where ${needed} is needed`);
    return value;
  }

  private list<T>(key: string, needed: string, read: (value: GgufScalar) => T | undefined): T[] | undefined {
    const found = this.values.get(key);
    if (!found) return undefined;
    if (found.type !== "array")
      throw new Error(`${this.path}: ${key} is ${shown(found)}, where ${needed} is needed`);
    return Array.from(found.value, (element) => {
      const value = read(element);
      if (value !== undefined) return value;
      throw new Error(`${this.path}: ${key} is ${shown(found)}, where ${needed} is needed`);
    });
  }
}

function countOf(value: GgufScalar): number | undefined {
  const number = typeof value === "bigint" ? Number(value) : value;
  return typeof number === "number" && Number.isSafeInteger(number) && number >= 0 ? number : undefined;
}

function shown(value: GgufValue): string {
  if (value.type === "array") return `a list of ${value.value.length} ${value.of}`;
  const text = String(value.value);
  return `${value.type} ${JSON.stringify(text.length > 40 ? `${text.slice(0, 40)}…` : text)}`;
}

/** The decimal with the fewest digits that rounds to a float32. */
export function shortestFloat32(value: number): number {
  for (let digits = 1; digits < 9; digits++) {
    const short = Number(value.toPrecision(digits));
    if (Math.fround(short) === value) return short;
  }
  return value;
}
