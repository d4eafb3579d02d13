import type { OnnxModel } from "../engine";
import type { GenerativeModel, GeneratorOptions } from "./generative";
import type { LanguageModel, ModelHooks } from "./language-model";
import type { NamedTensors, ParameterSource, ProgramWeights } from "./layers";
import type { ScorerForm } from "./scorer/form";

/** PEFT's word for what a model does. */
export type TaskType = "SEQ_2_SEQ_LM" | "CAUSAL_LM";

/** What every model's config says. */
export interface ModelConfig {
  readonly vocabSize: number;
  readonly padTokenId: number;
  /** The most tokens of a row; undefined where positions are relative, so that nothing in the model sets a limit. */
  readonly maxPositions?: number;
}

/** A model's config with its parameters, in memory or in files. */
export interface Model<Config extends ModelConfig = ModelConfig> {
  readonly architecture: Architecture<Config>;
  readonly config: Config;
  readonly parameters: ParameterSource;
}

/** How a kind of model ties its lm_head to its embedding. */
export interface Tying<Config extends ModelConfig = ModelConfig> {
  /** The head's name. */
  readonly head: string;
  /** Names of the embedding in a file, the parameter's own first. */
  readonly embeddings: readonly string[];
  isTied(config: Config): boolean;
  /** The config of a model that turns out to have a head of its own. */
  untie(config: Config): Config;
}

/** Where a parameter is. */
export interface BlockPlace {
  readonly stack: string;
  /** From 0. */
  readonly block: number;
  /** Of a linear layer: what it is called in a table (`self q`), and which sub-layer of a block it belongs to, from 0. */
  readonly layer?: { readonly name: string; readonly sublayer: number };
}

/** config.json and generation_config.json as they were read, so that writing them again loses nothing. */
export interface ConfigFiles {
  readonly configFile: Readonly<Record<string, unknown>>;
  readonly generationConfigFile?: Readonly<Record<string, unknown>>;
}

/**
 * A kind of model as a value: all that reading, training, generating and writing need to know of it. A new kind is one of these,
 * registered with `registerArchitecture`; nothing else changes.
 */
export interface Architecture<Config extends ModelConfig = ModelConfig> {
  /** `model_type` of config.json. */
  readonly modelType: string;
  /** What sentences call it: `T5`. */
  readonly name: string;
  readonly taskType: TaskType;
  /** What PEFT calls the task of an adapter, where that is not `taskType`. */
  readonly peftTask?: string;
  /** What `target_modules` of an adapter are unless one says so: suffixes of module paths. */
  readonly defaultTargets: readonly string[];
  /** What PEFT takes for `target_modules` where an adapter's config has none, for kinds of models that it knows. */
  readonly peftTargets?: readonly string[];
  /** Targets that stand for several layers of some models: T5's `wi` for `wi_0` and `wi_1` where it is gated. */
  readonly targetAliases?: Readonly<Record<string, readonly string[]>>;
  /** Parameters that an adapter cannot save whole, with what PEFT would do with their copies. */
  readonly unsavable?: Readonly<Record<string, string>>;

  /**
   * Reads config.json, already parsed as JSON. `source` names the file in errors; `generation` is generation_config.json, for
   * kinds that read their end tokens there.
   */
  parseConfig(file: unknown, source: string, generation?: Readonly<Record<string, unknown>>): Config;
  /** config.json of a model that was not read from one. */
  configFile(config: Config): Record<string, unknown>;
  /** generation_config.json of a model that was not read with one. */
  generationConfigFile(config: Config): Record<string, unknown>;

  /** The shape of every parameter by its Hugging Face name; linear weights are [out, in]. */
  parameterShapes(config: Config): Record<string, number[]>;
  /**
   * Names that a file may hold beside these, with the parameter that each repeats: a reader checks that they are equal and keeps
   * one. `undefined`: repeats nothing and is not used.
   */
  aliases(config: Config): Record<string, string | undefined>;
  /** For kinds whose lm_head may be the embedding: a file may call a model tied and yet hold a head of its own. */
  readonly tying?: Tying<Config>;
  /** Whether a parameter is the weight of a linear layer that an adapter may change. */
  isLinear(name: string, shape: readonly number[]): boolean;
  /** Whether generation multiplies with a parameter, so that its rows may be rounded. */
  isMultiplied(config: Config, name: string): boolean;
  /** Whether a linear layer's weight stays exact in a training with rounded weights. */
  keepsPrecision(name: string): boolean;
  /** Where in the model a parameter is; undefined for those outside of blocks. */
  blockOf(name: string): BlockPlace | undefined;

  /** Whether its model can take the hook `recompute`, which saves memory in training. */
  readonly recomputes?: boolean;
  /** The model's function over its parameters. */
  model(config: Config, parameters: NamedTensors, hooks?: ModelHooks): LanguageModel;
  /** How a head for whole texts stands on it; for kinds that can have one. */
  readonly scorer?: ScorerForm<Config>;
  /** The model as programs that generate. */
  createGenerator(
    model: Pick<Model<Config>, "config" | "parameters">,
    options?: GeneratorOptions,
  ): Promise<GenerativeModel>;
  /** The files in `onnx/` that Transformers.js runs, by name without ending; for kinds that can be exported. */
  transformersJsGraphs?(config: Config, weights: ProgramWeights): Record<string, () => OnnxModel>;
}
