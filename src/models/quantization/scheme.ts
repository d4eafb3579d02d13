import type { ProgramTensor, TensorSpec } from "../../engine";
import type { HostTensor } from "../../tensors";
import type { LinearLink, NamedTensors } from "../layers/linear";

/**
 * A way to keep the weights of linear layers in few bits. A rounded weight `….q.weight` is several tensors, whose names begin
 * with the layer's; every scheme has the same three verbs.
 */
export interface QuantizationScheme {
  /** What a file's reader calls it in a `RoundedWeight`. */
  readonly name: string;
  /** Types and shapes of the tensors that stand for a weight [out, in]. */
  specs(weight: string, shape: readonly number[]): Record<string, TensorSpec>;
  /** The tensors that stand for a weight. */
  quantize(weight: string, tensor: HostTensor<"float32">): Record<string, ProgramTensor>;
  /** Multiplies with the rounded weights that are among `parameters`. */
  link(parameters: NamedTensors): LinearLink;
}
