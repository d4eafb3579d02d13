import { existsSync } from "node:fs";
import { join } from "node:path";
import { modelCard, writeModelCard } from "../export";
import { copyFileWhole, removeFile, writeJson } from "../io";
import { copyTokenizer } from "../models/pretrained";
import { trainedFacts } from "./card";
import type { TrainedExperiment } from "./run";
import { readSettings, removeSettings, writeSettings } from "./saved";

const ADAPTER_FILES = ["adapter_config.json", "adapter_model.safetensors", "unfrozen.safetensors"];

/**
 * Puts a trained adapter into a folder of its own, with all that somebody needs who gets the folder: the adapter as PEFT
 * opens it, the settings of its inputs, the tokenizer, the trainer's last state and its log, a model card. `openExperiment`
 * opens it.
 */
export function saveExperiment(directory: string, trained: TrainedExperiment): void {
  const { adapter, base, steps, best, seconds, log } = trained;
  removeSettings(directory);
  for (const name of ADAPTER_FILES) {
    if (existsSync(join(adapter, name))) copyFileWhole(join(adapter, name), join(directory, name));
    else removeFile(join(directory, name));
  }
  copyTokenizer(base.tokenizer.files ?? base.tokenizer.directory, directory);
  writeJson(join(directory, "trainer_state.json"), { step: steps, best, seconds, log });
  writeModelCard(directory, modelCard("peft", base.checkpoint, trainedFacts(adapter)));
  writeSettings(directory, readSettings(adapter)!);
}
