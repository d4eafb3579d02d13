/** For each element type: the array that holds it in memory. 16-bit floats are kept as their bits. */
const ARRAYS = {
  float64: Float64Array,
  float32: Float32Array,
  float16: Uint16Array,
  bfloat16: Uint16Array,
  int64: BigInt64Array,
  int32: Int32Array,
  int16: Int16Array,
  int8: Int8Array,
  uint64: BigUint64Array,
  uint32: Uint32Array,
  uint16: Uint16Array,
  uint8: Uint8Array,
  bool: Uint8Array,
} as const;

/** The type of a tensor's elements. */
export type ElementType = keyof typeof ARRAYS;

/** The array that holds elements of type `T`; `float16` and `bfloat16` are bit patterns in a Uint16Array. */
export type TensorData<T extends ElementType = ElementType> = (typeof ARRAYS)[T]["prototype"];

/** A dense row-major tensor in ordinary memory: `data.length` is the product of `shape` (1 for a scalar). */
export interface HostTensor<T extends ElementType = ElementType> {
  readonly dtype: T;
  readonly shape: readonly number[];
  readonly data: TensorData<T>;
}

/** Bytes that one element takes. */
export function bytesPerElement(dtype: ElementType): number {
  return ARRAYS[dtype].BYTES_PER_ELEMENT;
}

/** The number of elements of a shape: the product of its dimensions. */
export function elementCount(shape: readonly number[]): number {
  return shape.reduce((product, dimension) => product * dimension, 1);
}

/** Reads the bytes of `bytes` as elements of type `dtype`, without a copy. The bytes must lie aligned in their buffer. */
export function viewElements<T extends ElementType>(dtype: T, bytes: Uint8Array): TensorData<T> {
  const length = bytes.byteLength / ARRAYS[dtype].BYTES_PER_ELEMENT;
  return new ARRAYS[dtype](bytes.buffer as ArrayBuffer, bytes.byteOffset, length) as TensorData<T>;
}

/** A float32 tensor over `data`, its length checked against `shape`. */
export function float32Tensor(shape: readonly number[], data: Float32Array): HostTensor<"float32"> {
  if (data.length !== elementCount(shape)) {
    throw new RangeError(`a tensor of shape [${shape.join(", ")}] cannot hold ${data.length} elements`);
  }
  return { dtype: "float32", shape: [...shape], data };
}

/** A host tensor of 32-bit integers. */
export function int32Tensor(shape: readonly number[], data: Int32Array): HostTensor<"int32"> {
  return { dtype: "int32", shape, data };
}

/** A matrix from its rows, which are of one length. */
export function matrixOf(rows: readonly (readonly number[])[]): HostTensor<"float32"> {
  return float32Tensor([rows.length, rows[0]?.length ?? 0], Float32Array.from(rows.flat()));
}

/** The rows of a matrix; with `most`, its corner of at most so many rows and columns. */
export function rowsOf({ shape, data }: HostTensor<"float32">, most = Infinity): number[][] {
  const [rows, columns] = shape as readonly [number, number];
  return Array.from({ length: Math.min(rows, most) }, (_, row) => [
    ...data.subarray(row * columns, row * columns + Math.min(columns, most)),
  ]);
}

/**
 * The float32 values of a floating-point tensor: float32 as it is (no copy), float16 and bfloat16 exactly, float64
 * rounded. Other types are refused.
 */
export function toFloat32(tensor: HostTensor): Float32Array {
  const { dtype, data } = tensor;
  if (dtype === "float32") return data as Float32Array;
  const converted = new Float32Array(data.length);
  convertToFloat32(dtype, data, converted);
  return converted;
}

/** Whether elements of this type can be converted by {@link convertToFloat32}. */
export function isFloat(dtype: ElementType): boolean {
  return dtype === "float64" || dtype === "float32" || dtype === "float16" || dtype === "bfloat16";
}

/** How many of the values are NaN or infinite. */
export function countNonFinite(values: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += 0 * values[i]!;
  if (sum === 0) return 0;
  return values.reduce((count, value) => (Number.isFinite(value) ? count : count + 1), 0);
}

/** Throws an Error that names a stored tensor and its file if `count` of its `all` values are NaN or infinite. */
export function refuseNonFinite(path: string, name: string, count: number, all: number): void {
  if (count === 0) return;
  throw new Error(
    `${path}: tensor ${name} holds values that are not finite numbers (${count} of ${all}); save it again from a run ` +
      `that did not diverge, or in float32 or bfloat16 if float16 overflowed`,
  );
}

/** Converts floating-point elements into `target`, which is as long as `source`. */
export function convertToFloat32(dtype: ElementType, source: TensorData, target: Float32Array): void {
  if (!isFloat(dtype)) throw new TypeError(`${dtype} is not a floating-point type`);
  if (dtype === "bfloat16") {
    const bits = new Uint32Array(target.buffer, target.byteOffset, target.length);
    for (let i = 0; i < bits.length; i++) bits[i] = (source as Uint16Array)[i]! << 16;
  } else if (dtype === "float16") {
    const table = (halfTable ??= makeHalfTable());
    for (let i = 0; i < target.length; i++) target[i] = table[(source as Uint16Array)[i]!]!;
  } else {
    target.set(source as Float32Array | Float64Array);
  }
}

let halfTable: Float32Array | undefined;

/** The value of each of the 65,536 IEEE 754 binary16 bit patterns. */
function makeHalfTable(): Float32Array {
  return Float32Array.from({ length: 1 << 16 }, (_, bits) => {
    const sign = bits & 0x8000 ? -1 : 1;
    const exponent = (bits >> 10) & 0x1f;
    const fraction = bits & 0x3ff;
    if (exponent === 0x1f) return fraction ? NaN : sign * Infinity;
    if (exponent === 0) return sign * fraction * 2 ** -24;
    return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
  });
}
