import type { Architecture, ModelConfig } from "./architecture";
import { llamaArchitecture, mistralArchitecture, qwen2Architecture, qwen3Architecture } from "./llama";
import { t5Architecture } from "./t5";

/** The kinds of models, by `model_type`. */
const registered = new Map<string, Architecture>(
  [t5Architecture, llamaArchitecture, mistralArchitecture, qwen2Architecture, qwen3Architecture].map(
    (architecture) => [architecture.modelType, architecture as unknown as Architecture],
  ),
);

/** Makes a kind of model known to readers. Another one of its `modelType` is refused. */
export function registerArchitecture<Config extends ModelConfig>(architecture: Architecture<Config>): void {
  const { modelType } = architecture;
  const given = architecture as unknown as Architecture;
  const known = registered.get(modelType) ?? given;
  if (known !== given) throw new Error(`an architecture of model type "${modelType}" is already registered`);
  registered.set(modelType, given);
}

/**
 * The kind of model of a config.json. One without `model_type` is a T5's if it has that kind's sizes, which no other calls so.
 *
 * @throws {Error} if it is none that is registered
 */
export function architectureOf(
  configFile: Readonly<Record<string, unknown>>,
  source = "config.json",
): Architecture {
  const isT5 = "d_model" in configFile && "d_kv" in configFile;
  const type = configFile["model_type"] ?? (isT5 ? t5Architecture.modelType : undefined);
  const found = typeof type === "string" ? registered.get(type) : undefined;
  if (found) return found;
  const known = `the kinds are ${[...registered.keys()].join(", ")}`;
  const problem =
    type === undefined
      ? `there is no model_type; ${known}. Take the config.json of the model's own repository`
      : `model_type ${JSON.stringify(type)} is not supported; ${known}. Take a model of one of these`;
  throw new Error(`${source}: ${problem}`);
}
