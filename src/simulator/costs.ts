import { statSync } from "node:fs";
import { join } from "node:path";
import { type Model, type ModelConfig, nf4, type Architecture } from "../models";
import { llamaArchitecture } from "../models/llama";
import type { MethodResult } from "../experiments";
import type { StepLog } from "../training";

/** The sizes of Llama-3-8B, as its config.json has them. */
const llama3Config = {
  model_type: "llama",
  vocab_size: 128256,
  hidden_size: 4096,
  intermediate_size: 14336,
  num_hidden_layers: 32,
  num_attention_heads: 32,
  num_key_value_heads: 8,
  max_position_embeddings: 8192,
  rms_norm_eps: 1e-5,
  rope_theta: 500000,
  tie_word_embeddings: false,
};

/** What a training by QLoRA holds of a model, in bytes, and what it computes. */
export interface AdaptedSize {
  readonly parameters: number;
  /** Those of the linear layers, which cost the time. */
  readonly linear: number;
  /** The frozen base as float32, and with its linear layers in NF4 as it is held here: head and embedding stay float32. */
  readonly float32Bytes: number;
  readonly nf4Bytes: number;
  /** The adapter's parameters, the size of its file, and what training it holds: values, gradients and two moments, in float32. */
  readonly adapter: number;
  readonly adapterBytes: number;
  readonly trainingBytes: number;
}

const size = (shape: readonly number[]) => shape.reduce((product, length) => product * length, 1);
const bytesOf = { uint8: 1, float32: 4 } as const;

/** Counts what adapters of a rank on all linear layers of a model take; r (in + out) parameters a layer. */
export function adaptedSize(
  { architecture, config }: Pick<Model, "architecture" | "config">,
  rank: number,
): AdaptedSize {
  const shapes = Object.entries(architecture.parameterShapes(config));
  const isRounded = ([name, shape]: (typeof shapes)[number]) =>
    architecture.isLinear(name, shape) && !architecture.keepsPrecision(name);
  const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);
  const parameters = sum(shapes.map(([, shape]) => size(shape)));
  const rounded = shapes.filter(isRounded);
  const linear = sum(rounded.map(([, shape]) => size(shape)));
  const nf4Bytes =
    4 * (parameters - linear) +
    sum(
      rounded.flatMap(([name, shape]) =>
        Object.values(nf4.specs(name, shape)).map(
          (spec) => bytesOf[spec.dtype as keyof typeof bytesOf] * size(spec.shape),
        ),
      ),
    );
  const adapter = sum(rounded.map(([, [out, inputs]]) => rank * (out! + inputs!)));
  return {
    ...{ parameters, linear, float32Bytes: 4 * parameters, nf4Bytes },
    ...{ adapter, adapterBytes: 4 * adapter, trainingBytes: 16 * adapter },
  };
}

/** {@link adaptedSize} of Llama-3-8B. */
export function llama3Size(rank: number): AdaptedSize {
  const config = llamaArchitecture.parseConfig(llama3Config, "Llama-3-8B") as ModelConfig;
  return adaptedSize({ architecture: llamaArchitecture as unknown as Architecture, config }, rank);
}

/** How fast a training went: tokens a second over its steps, the first left out, which compiles. */
export function tokensPerSecond(log: readonly StepLog[]): number {
  const steps = log.length > 1 ? log.slice(1) : log;
  const total = (of: (row: StepLog) => number) => steps.reduce((sum, row) => sum + of(row), 0);
  return total(({ tokensPerSecond, seconds }) => tokensPerSecond * seconds) / total(({ seconds }) => seconds);
}

/** The bytes of an adapter's file. */
export const adapterFileBytes = (directory: string): number =>
  statSync(join(directory, "adapter_model.safetensors")).size;

/** What a training took here, and what it would take of a larger model on the same machine. */
export type MeasuredCosts = {
  readonly steps: number;
  readonly minutes: number;
  readonly "tokens a second": number;
  /** The most memory that the process has held, everything in it included. */
  readonly "peak bytes of the process": number;
  readonly "adapter file, bytes": number;
  /** The rate that the larger model would have: its linear layers are so many times as large. */
  readonly "larger: tokens a second": number;
  readonly "larger: hours for as many tokens": number;
  /** Base and what is trained, without activations. */
  readonly "larger: bytes held": number;
};

/**
 * Measures a training by its log, its adapter's file and the process, and reckons what a larger model takes: a token's work is in
 * proportion to the weights of the linear layers.
 */
export function costsOf(
  { log, output, steps }: Pick<MethodResult, "log" | "output" | "steps">,
  own: AdaptedSize,
  larger: AdaptedSize,
): MeasuredCosts {
  const rate = tokensPerSecond(log);
  const slower = larger.linear / own.linear;
  const seconds = log.reduce((sum, row) => sum + row.seconds, 0);
  const tokens = log.reduce((sum, row) => sum + row.tokensPerSecond * row.seconds, 0);
  return {
    steps,
    minutes: seconds / 60,
    "tokens a second": rate,
    "peak bytes of the process": 1024 * process.resourceUsage().maxRSS,
    "adapter file, bytes": adapterFileBytes(output),
    "larger: tokens a second": rate / slower,
    "larger: hours for as many tokens": (tokens * slower) / rate / 3600,
    "larger: bytes held": larger.nf4Bytes + larger.trainingBytes,
  };
}

const gigabytes = (bytes: number) =>
  bytes >= 1e9 ? `${(bytes / 1e9).toFixed(2)} GB` : `${(bytes / 1e6).toFixed(1)} MB`;
const whole = (value: number) => Math.round(value).toLocaleString("en-US");

/** Sizes as rows of a table, with units. */
export function sizeTable(sizes: Readonly<Record<string, AdaptedSize>>): Record<string, string>[] {
  return Object.entries(sizes).map(([model, size]) => ({
    model,
    parameters: whole(size.parameters),
    "in linear layers": whole(size.linear),
    "base, float32": gigabytes(size.float32Bytes),
    "base, NF4": gigabytes(size.nf4Bytes),
    "adapter, parameters": whole(size.adapter),
    "its file": gigabytes(size.adapterBytes),
    "values, gradients, moments": gigabytes(size.trainingBytes),
  }));
}

/** Measured costs as rows of a table, with units. */
export function costTable(costs: MeasuredCosts): Record<"what" | "found", string>[] {
  const shown = (name: string, value: number) =>
    name.includes("bytes") ? gigabytes(value) : value < 100 ? value.toFixed(2) : whole(value);
  return Object.entries(costs).map(([what, value]) => ({
    what: what.replace(/,? ?bytes ?/, " ").trim(),
    found: shown(what, value),
  }));
}
