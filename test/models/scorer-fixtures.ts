/** Scorers of `scorers.json`, which transformers and PEFT computed: their weights are a formula. */
import { join } from "node:path";
import { readJson } from "../../src/io/files";
import type { Model } from "../../src/models/architecture";
import { architectureOf } from "../../src/models/architectures";
import { scorerModel } from "../../src/models/scorer/architecture";
import type { ScorerConfig, ScorerKind } from "../../src/models/scorer/config";
import { float32Tensor, type HostTensor } from "../../src/tensors/tensor";
import type { TextExample } from "../../src/training/text-batches";
import { fixtures } from "../reference";

export interface ScorerCase {
  readonly labels: number[];
  readonly logits: number[][];
  readonly loss: number;
  readonly gradients: Record<string, { readonly norm: number; readonly first: number[] }>;
}

interface Values {
  readonly texts: number[][];
  readonly models: Record<
    string,
    {
      readonly config: Record<string, unknown>;
      readonly cases: Record<ScorerKind, ScorerCase>;
      readonly adapter: {
        readonly config: Record<string, unknown>;
        readonly shapes: Record<string, number[]>;
        readonly logits: number[][];
      };
    }
  >;
}

export const scorerValues = readJson(join(fixtures, "scorers.json")) as Values;
export const scorerNames = Object.keys(scorerValues.models);
export const scorerLabels = {
  classification: ["entailment", "neutral", "contradiction"],
  pairwise: ["entailment", "neutral", "contradiction"],
  reward: ["reward"],
};

/** sin(1 + 0.7 i + 1.3 index) */
export const wave = (index: number, shape: readonly number[]) =>
  new Float32Array(shape.reduce((a, b) => a * b, 1)).map((_, i) => Math.sin(1 + 0.7 * i + 1.3 * index));

/** A model of the file with the head of a kind, all parameters by the formula, in memory. */
export function waveScorer(
  name: string,
  kind: ScorerKind,
): Model<ScorerConfig> & { parameters: Map<string, HostTensor<"float32">> } {
  const { config: file } = scorerValues.models[name]!;
  const base = architectureOf(file);
  const config = base.parseConfig(file, "config.json");
  const labels = scorerLabels[kind];
  const scorer = scorerModel({ architecture: base, config, parameters: new Map() }, { kind, labels });
  const shapes = scorer.architecture.parameterShapes(scorer.config);
  const parameters = new Map(
    Object.keys(shapes)
      .sort()
      .map((name, index) => {
        const isNorm = name.includes("norm");
        const data = wave(index, shapes[name]!).map((x) => (isNorm ? 1 + 0.1 * x : 0.5 * x));
        return [name, float32Tensor(shapes[name]!, data)];
      }),
  );
  return { ...scorer, parameters };
}

/** The texts of the file as examples of a kind. */
export function scorerExamples(name: string, kind: ScorerKind): TextExample[] {
  const { texts } = scorerValues;
  const each = kind === "classification" ? 1 : 2;
  return scorerValues.models[name]!.cases[kind].labels.map((label, i) => ({
    texts: texts.slice(i * each, (i + 1) * each),
    label,
  }));
}
