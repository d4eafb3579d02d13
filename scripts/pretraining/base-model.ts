import { copyTokenizer, t5ConfigFile, generationConfigFile } from "../../src/models/checkpoint";
import { embeddedTokenizer } from "../../src/models/tokenizer";
import { toFloat16Bits, writeSafetensors } from "../../src/models/safetensors";
import type { T5Config } from "../../src/models/t5";
import { writeJson } from "../../src/io";
import type { Corpus } from "../../src/corpus";
import type { Document } from "../../src/pretraining";
import type { ParameterMap, StepLog, TrainingOptions } from "../../src/training";
import { join } from "node:path";

export interface PretrainedRun {
  readonly config: T5Config;
  readonly parameters: ParameterMap;
  readonly log: readonly StepLog[];
  readonly options: TrainingOptions;
  readonly documents: readonly Document[];
  readonly heldOut: number;
  readonly corpus: Corpus;
  readonly logFile: string;
}

/** Writes the base model's directory: weights in half precision, configuration, tokenizer, loss curve and card. */
export async function writeBaseModel(directory: string, run: PretrainedRun): Promise<void> {
  const { config, parameters } = run;
  const half = new Map(
    [...parameters].map(([name, { shape, data }]) => [
      name,
      { dtype: "float16" as const, shape, data: toFloat16Bits(data) },
    ]),
  );
  writeSafetensors(join(directory, "model.safetensors"), half, { format: "pt" });
  writeJson(join(directory, "config.json"), t5ConfigFile(config));
  writeJson(join(directory, "generation_config.json"), generationConfigFile(config));
  copyTokenizer(embeddedTokenizer, directory);
}
