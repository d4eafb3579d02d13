import { float32Tensor, type HostTensor } from "../../tensors";
import type { Model } from "../architecture";
import type { LiveAdapter } from "../generative";
import { needParameter } from "../layers";
import type { Adapter } from "./adapter";
import { loraScale, type LoraScaling } from "./config";

type Weights = Pick<Adapter, "config" | "weights" | "unfrozen">;
type Float32Tensor = HostTensor<"float32">;

export interface AdapterSetOptions {
  /**
   * How many ranks are computed at each step: those of the adapters in use together must find room.
   * @default the largest rank of one adapter
   */
  rank?: number;
}

/**
 * Several adapters over one base, in a generator that is made once:
 *
 *     const adapters = new AdapterSet(model, { maria, tom });
 *     const generator = await model.architecture.createGenerator(model, { adapter: adapters });
 *     adapters.use({ maria: 1 }); // the base and this adapter
 *     adapters.use({ maria: 0.5, tom: 0.5 }); // W + ½·s₁·B₁·A₁ + ½·s₂·B₂·A₂
 *     adapters.use({}); // the base
 *
 * A and B of what is in use are written into arrays that the generator reads at every step: [rank, in] and [out, rank], where
 * adapters lie one after the other and zeros fill the rest. Switch between answers: one that is being made goes on with the new
 * adapter from keys and values of the old. Modules saved whole and unfrozen layers move by their share from the base's to theirs.
 */
export class AdapterSet implements LiveAdapter {
  /** B holds each adapter's own scale, so that this one is 1. */
  readonly scaling: LoraScaling;
  readonly weights: ReadonlyMap<string, Float32Tensor>;
  /** How often {@link use} changed the weights. */
  version = 0;
  /** The shares in use. */
  private shares: string | undefined;
  /** The base's own of what adapters replace. */
  private readonly base: ReadonlyMap<string, Float32Tensor>;

  /**
   * Starts with the base alone.
   *
   * @throws {Error} if an adapter is not of this model
   */
  constructor(
    { architecture, config, parameters }: Model,
    private readonly adapters: Readonly<Record<string, Weights>>,
    { rank }: AdapterSetOptions = {},
  ) {
    const all = Object.values(adapters);
    const room = rank ?? Math.max(1, ...all.map(({ config }) => config.rank));
    if (!(Number.isInteger(room) && room > 0))
      throw new RangeError(`rank must be a whole number above 0, not ${room}`);
    this.scaling = { alpha: room, rank: room, useRslora: false };
    const shapes = architecture.parameterShapes(config);
    const weights = new Map<string, Float32Tensor>();
    const base = new Map<string, Float32Tensor>();
    for (const [name, adapter] of Object.entries(adapters)) {
      for (const [key, tensor] of [...adapter.weights, ...adapter.unfrozen]) {
        const [, module, matrix] = /^(.*)\.lora_([AB])\.weight$/.exec(key) ?? [];
        const shape = shapes[module === undefined ? key : `${module}.weight`];
        const { rank } = adapter.config;
        const [out, inputs] = shape ?? [];
        const expected = !matrix ? shape : matrix === "A" ? [rank, inputs] : [out, rank];
        if (!shape || tensor.shape.join() !== expected!.join())
          throw new Error(
            `the adapter ${name} is not of this model: ${key} has shape [${tensor.shape.join(", ")}]`,
          );
        if (!matrix && !base.has(key)) base.set(key, needParameter(parameters, key));
        const own = !matrix ? shape : matrix === "A" ? [room, inputs!] : [out!, room];
        if (!weights.has(key)) weights.set(key, float32Tensor(own, new Float32Array(product(own))));
      }
    }
    [this.weights, this.base] = [weights, base];
    this.use({});
  }

  get names(): string[] {
    return Object.keys(this.adapters);
  }

  /**
   * Sets what the generator computes with; what is in use already is left as it is.
   *
   * @param shares how much of each adapter is added to the base: 1 as it was trained, 0 or left out not at all
   * @throws {RangeError} if an adapter is not there, a share is not a finite number, or the ranks together find no room
   */
  use(shares: Readonly<Record<string, number>>): void {
    const used = Object.entries(shares).flatMap(([name, share]) => {
      if (!Object.hasOwn(this.adapters, name))
        throw new RangeError(`no adapter is named ${name}: there are ${this.names.join(", ")}`);
      if (!Number.isFinite(share))
        throw new RangeError(`the share of ${name} must be a finite number, not ${share}`);
      return share === 0 ? [] : [{ name, share, ...this.adapters[name]! }];
    });
    const { rank: room } = this.scaling;
    const ranks = used.reduce((sum, { config }) => sum + config.rank, 0);
    if (ranks > room) {
      const names = used.length > 1 ? `${used.length} adapters have` : "the adapter has";
      throw new RangeError(
        `${names} ${ranks} ranks, and the set has room for ${room}: make it with { rank: ${ranks} }`,
      );
    }
    const wanted = JSON.stringify(used.map(({ name, share }) => [name, share]));
    if (wanted === this.shares) return;
    this.shares = wanted;
    this.version++;
    for (const [name, { data }] of this.weights) {
      const own = this.base.get(name);
      if (own) data.set(own.data);
      else data.fill(0);
    }
    let first = 0;
    for (const { share, config, weights, unfrozen } of used) {
      for (const [name, { data }] of [...weights, ...unfrozen]) {
        const into = this.weights.get(name)!;
        const own = this.base.get(name);
        if (own) data.forEach((value, i) => (into.data[i]! += share * (value - own.data[i]!)));
        else if (name.endsWith(".lora_A.weight")) into.data.set(data, first * into.shape[1]!);
        else copyColumns(into, data, { first, count: config.rank, scale: share * loraScale(config) });
      }
      first += config.rank;
    }
  }
}

const product = (shape: readonly number[]) => shape.reduce((size, length) => size * length, 1);

/** Writes scale · data [rows, count] into the columns from `first` on of a matrix. */
function copyColumns(
  { shape, data: into }: Float32Tensor,
  data: Float32Array,
  { first, count, scale }: { first: number; count: number; scale: number },
): void {
  const [rows, columns] = shape as readonly [number, number];
  for (let row = 0; row < rows; row++)
    for (let i = 0; i < count; i++) into[row * columns + first + i] = scale * data[row * count + i]!;
}
