import {
  concatOn,
  type DeviceTensors,
  gatherOn,
  placeOn,
  type ProgramTensor,
  type RecordedDevice,
} from "../../engine";
import { float32Tensor, int32Tensor } from "../../tensors";
import { free, renamed, ResidentTensors } from "../layers";
import type { LlamaConfig } from "./config";
import type { StepCache } from "./step-cache";

type Tensors = Readonly<Record<string, ProgramTensor>>;

/** Where a cache's keys and values have their places; see `ExtendedCache`. */
const placesAxis = (name: string) => (name.endsWith("/key") ? 3 : 2);

/** A cache in a device's memory, for {@link residentStep}: each step gives it anew, with what it grew by. */
export class ResidentCache implements StepCache {
  private holders = 1;
  private readonly there: ResidentTensors;

  private constructor(
    private readonly device: RecordedDevice,
    private readonly config: LlamaConfig,
    /** Filled places. */
    private end: number,
    /** The place of each row's first position. */
    private starts: readonly number[],
    /** Keys and values [rows, …]. */
    caches: Tensors | Promise<Tensors>,
  ) {
    this.there = new ResidentTensors(device, this.withStarts(caches));
  }

  /** A cache of rows that have been through nothing. */
  static empty(device: RecordedDevice, config: LlamaConfig, rows = 1): ResidentCache {
    const { numLayers, numKeyValueHeads: heads, headDim } = config;
    const none = (...shape: number[]) => float32Tensor(shape, new Float32Array(0));
    const caches = Array.from({ length: numLayers }, (_, index) => [
      [`past/${index}/key`, none(rows, heads, headDim, 0)] as const,
      [`past/${index}/value`, none(rows, heads, 0, headDim)] as const,
    ]);
    return new ResidentCache(
      device,
      config,
      0,
      Array<number>(rows).fill(0),
      Object.fromEntries(caches.flat()),
    );
  }

  get rows(): number {
    return this.starts.length;
  }

  async inputs(tokens: readonly number[]): Promise<Tensors> {
    const shape = [this.rows, tokens.length / this.rows];
    return { ...(await this.there.get()), tokens: int32Tensor(shape, Int32Array.from(tokens)) };
  }

  get grown(): readonly string[] {
    const blocks = Array.from({ length: this.config.numLayers }, (_, index) => index);
    return blocks.flatMap((index) => [`next/${index}/key`, `next/${index}/value`]);
  }

  grow(results: Tensors, length: number): void {
    this.there.replace(renamed(results, "next/", "past/"));
    this.end += length;
  }

  reserve(): void {}

  select(rows: readonly number[]): void {
    this.there.select(rows);
    this.starts = rows.map((row) => this.starts[row]!);
  }

  copyOf(row: number, length = this.end - this.starts[row]!): ResidentCache {
    const { device, config } = this;
    if (length === 0) return ResidentCache.empty(device, config);
    const start = this.starts[row]!;
    const caches = this.cachesBy(async (caches) => {
      const whole = await gatherOn(device, caches, [row]);
      const places = Array.from({ length }, (_, place) => start + place);
      return thenFree(gatherOn(device, whole, places, placesAxis), whole);
    });
    return new ResidentCache(device, config, length, [0], caches);
  }

  joined(parts: readonly StepCache[]): ResidentCache {
    const rows = parts as readonly ResidentCache[];
    if (rows.length === 1) return rows[0]!.held();
    const { device, config } = this;
    const end = Math.max(...rows.map(({ end }) => end));
    if (end === 0) return ResidentCache.empty(device, config, rows.length);
    const starts = rows.map((row) => end - row.end);
    return new ResidentCache(device, config, end, starts, join(device, rows, end));
  }

  held(): this {
    this.holders++;
    return this;
  }

  dispose(): void {
    if (--this.holders === 0) this.there.dispose();
  }

  /** What is made of the keys and values alone, as they are now. */
  cachesBy(make: (caches: DeviceTensors) => Promise<DeviceTensors>): Promise<DeviceTensors> {
    return this.there.made(({ starts: _, ...caches }) => make(caches as DeviceTensors));
  }

  /** Filled places, for {@link join}. */
  get places(): number {
    return this.end;
  }

  private async withStarts(caches: Tensors | Promise<Tensors>): Promise<Tensors> {
    const starts = int32Tensor([this.starts.length], Int32Array.from(this.starts));
    return { ...(await caches), starts: await placeOn(this.device, starts) };
  }
}

/**
 * The keys and values of caches of one row each, at least one of which has positions, as rows that end together at place `end`. Places
 * before a row's first are never seen, and hold whatever there is to copy.
 */
async function join(
  device: RecordedDevice,
  parts: readonly ResidentCache[],
  end: number,
): Promise<DeviceTensors> {
  const distinct = [...new Set(parts)];
  const filler = parts.find(({ places }) => places > 0)!;
  // All are asked for at once: the caches may be let go of as soon as this function has been called.
  const rows = await Promise.all(
    distinct.map((part) => {
      const source = part.places > 0 ? part : filler;
      const places = Array.from({ length: end }, (_, place) => Math.max(0, place - (end - source.places)));
      return source.cachesBy((caches) => gatherOn(device, caches, places, placesAxis));
    }),
  );
  let whole = rows[0]!;
  for (const row of rows.slice(1)) whole = await thenFree(concatOn(device, whole, row), whole, row);
  if (distinct.length === parts.length) return whole;
  const repeated = parts.map((part) => distinct.indexOf(part));
  return thenFree(gatherOn(device, whole, repeated), whole);
}

/** What is computed from tensors that are freed then. */
async function thenFree(
  result: Promise<DeviceTensors>,
  ...tensors: readonly DeviceTensors[]
): Promise<DeviceTensors> {
  try {
    return await result;
  } finally {
    tensors.forEach(free);
  }
}
