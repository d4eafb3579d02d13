import { type Model, needParameter, openModelDirectory, writeModelDirectory } from "../../models";
import type { ParameterMap, Policy } from "../policy";
import { contentSha256 } from "../tensors";

/**
 * Trains every parameter of a model, without dropout. Parameters that lie in memory are changed where they are; those of an open
 * file are read here, which may be closed afterwards.
 */
export function fullPolicy(model: Model): Policy {
  const { architecture, config, parameters } = model;
  const names = Object.keys(architecture.parameterShapes(config));
  const trained: ParameterMap = new Map(names.map((name) => [name, needParameter(parameters, name)]));
  return {
    trained,
    frozen: new Map(),
    model: (tensors) => architecture.model(config, tensors),
    fingerprint: {
      architecture: architecture.modelType,
      config,
      base: contentSha256(trained, names),
    },
    write: (directory) => writeModelDirectory(directory, { architecture, config, parameters: trained }),
    read(directory) {
      const stored = openModelDirectory(directory, () => architecture);
      try {
        for (const [name, { data }] of trained) data.set(needParameter(stored.parameters, name).data);
      } finally {
        stored.close();
      }
    },
  };
}
