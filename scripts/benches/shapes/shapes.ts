import { join } from "node:path";
import { readJson } from "../../../src/io";
import type { Model } from "../../../src/models";
import { architectureOf } from "../../../src/models/architectures";
import { Random } from "../../../src/random";
import { float32Tensor } from "../../../src/tensors";
import { FLAN_T5_SMALL } from "./flan-t5-small";
import { SMOLLM2_135M } from "./smollm2-135m";

/** Models whose shapes are timed, by name: two causal ones and an encoder–decoder. */
export const shapeNames = ["smollm2-135m", "chat-model", "flan-t5-small"] as const;
export type ShapeName = (typeof shapeNames)[number];

type ShapeConfig = Record<string, unknown> & { vocab_size: number };

/** The `config.json` of a shape, with as many layers as are asked for, but no more than it has. */
export function shapeConfig(name: ShapeName, layers = Infinity): ShapeConfig {
  const config = whole(name);
  const field = "num_layers" in config ? "num_layers" : "num_hidden_layers";
  return { ...config, [field]: Math.min(layers, Number(config[field])) };
}

function whole(name: ShapeName): ShapeConfig {
  switch (name) {
    case "smollm2-135m":
      return SMOLLM2_135M;
    case "chat-model":
      return readJson(join(__dirname, "../../../data/chat-model/config.json")) as ShapeConfig;
    case "flan-t5-small":
      return { model_type: "t5", ...FLAN_T5_SMALL };
  }
}

/** A model of the shape with random weights, each made when it is asked for, as a file is read: a base in few bits is never held as float32. */
export function randomModel(name: ShapeName, layers?: number): Model {
  const file = shapeConfig(name, layers);
  const architecture = architectureOf(file, "the bench's shapes");
  const config = architecture.parseConfig(file, "the bench's shapes");
  const shapes = Object.entries(architecture.parameterShapes(config));
  const get = (wanted: string) => {
    const at = shapes.findIndex(([name]) => name === wanted);
    if (at < 0) return undefined;
    const random = new Random(1 + at);
    const shape = shapes[at]![1];
    const data = new Float32Array(shape.reduce((product, length) => product * length, 1));
    for (let i = 0; i < data.length; i++)
      data[i] = wanted.includes("norm") ? 1 : (random.uint32() / 2 ** 31 - 1) * 0.07;
    return float32Tensor(shape, data);
  };
  return { architecture, config, parameters: { get } };
}
