import { type Model, needParameter, readModelDirectory, writeModelDirectory } from "../../models";
import type { ParameterMap, Policy } from "../policy";
import { contentSha256 } from "../tensors";

/**
 * Trains every parameter of a model. Parameters that lie in memory are changed where they are.
 *
 * @param dropout whether training steps have the dropout that the model's config asks for
 */
export function fullPolicy(model: Model, dropout: boolean): Policy {
  const { architecture, config, parameters } = model;
  const names = Object.keys(architecture.parameterShapes(config));
  const trained: ParameterMap = new Map(names.map((name) => [name, needParameter(parameters, name)]));
  return {
    trained,
    frozen: new Map(),
    model: (tensors, training) => architecture.model(config, tensors, { training: training && dropout }),
    fingerprint: {
      architecture: architecture.modelType,
      config,
      dropout,
      base: contentSha256(parameters, names),
    },
    write: (directory) => writeModelDirectory(directory, { architecture, config, parameters: trained }),
    read(directory) {
      const stored = readModelDirectory(directory).parameters;
      for (const [name, { data }] of trained) data.set(needParameter(stored, name).data);
    },
  };
}
