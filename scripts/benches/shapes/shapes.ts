import { join } from "node:path";
import { readJson } from "../../../src/io";
import { SMOLLM2_135M } from "./smollm2-135m";

/** Causal models whose shapes are timed, by name. */
export const shapeNames = ["smollm2-135m", "chat-model"] as const;
export type ShapeName = (typeof shapeNames)[number];

/** The `config.json` of a shape, with as many layers as are asked for, but no more than it has. */
export function shapeConfig(
  name: ShapeName,
  layers = Infinity,
): Record<string, unknown> & { vocab_size: number } {
  const config =
    name === "smollm2-135m"
      ? SMOLLM2_135M
      : (readJson(join(__dirname, "../../../data/chat-model/config.json")) as typeof SMOLLM2_135M);
  return { ...config, num_hidden_layers: Math.min(layers, config.num_hidden_layers) };
}
