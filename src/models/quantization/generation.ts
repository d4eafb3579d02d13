import type { ParameterSource } from "../layers/weights";
import { int8Blocks, q4_0, q4_1, q8_0 } from "./blocks";
import type { QuantizationScheme } from "./scheme";

/**
 * How generation keeps the weights of linear layers: as 32-bit floats; rounded to 8 or to 4 bits; or in the few bits that their
 * file keeps them in (GGUF's Q8_0, Q4_0, Q4_1), and as floats where it keeps them in another form.
 */
export type GenerationWeights = "float32" | "int8" | "int4" | "file";

/** The scheme of a weight in generation; none for one that stays as it is. What a file keeps in 4 bits is not rounded anew. */
export function generationScheme(
  kind: GenerationWeights,
  parameters: ParameterSource,
  name: string,
): QuantizationScheme | undefined {
  if (kind === "float32") return undefined;
  if (kind === "int8") return int8Blocks;
  const kept = parameters.rounded?.(name)?.scheme;
  const keeps = [q4_0, q4_1, ...(kind === "file" ? [q8_0] : [])].find((scheme) => scheme.name === kept);
  return kind === "int4" ? (keeps ?? q4_1) : keeps;
}
