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
 * The kind of model of a config.json. One without `model_type` is taken for a T5's, which transformers' defaults describe.
 *
 * @throws {Error} if it is none that is registered
 */
export function architectureOf(
  configFile: Readonly<Record<string, unknown>>,
  source = "config.json",
): Architecture {
  const type = configFile["model_type"] ?? t5Architecture.modelType;
  const found = typeof type === "string" ? registered.get(type) : undefined;
  if (found) return found;
  const known = [...registered.keys()].join(", ");
  throw new Error(`${source}: model_type ${JSON.stringify(type)} is not supported; the kinds are ${known}`);
}
