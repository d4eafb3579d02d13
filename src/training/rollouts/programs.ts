import * as tf from "@tensorflow/tfjs";
import { CompiledFunction, type CompileOptions, type ProgramTensor } from "../../engine";
import type { LabelledBatch, NamedTensors } from "../../models";
import type { BatchTensors } from "../data";
import type { FrozenModel } from "../policies/frozen";
import { hasValues } from "../policies/value-head";
import type { Policy } from "../policy";

/** What a policy makes of a batch of completions, one number for each of [rows, steps]. */
export interface Judged {
  readonly logprobs: Float32Array;
  /** Where the policy has a value head. */
  readonly values?: Float32Array;
}

type Inputs = { parameters: NamedTensors; batch: NamedTensors };
type Results = { logprobs: tf.Tensor; values?: tf.Tensor };

/** What policy and reference make of completions, without dropout, compiled once for each shape of a batch. */
export class CompletionPrograms {
  private readonly ofPolicy;
  private readonly ofReference;

  constructor(
    private readonly policy: Policy,
    private readonly reference: FrozenModel,
    temperature: number,
    engine: CompileOptions = {},
  ) {
    const options = { temperature };
    this.ofPolicy = new CompiledFunction(({ parameters, batch }: Inputs): Results => {
      const model = policy.model(parameters, false);
      const labelled = batch as unknown as LabelledBatch;
      if (!hasValues(model)) return { logprobs: tf.neg(model.labelLosses(labelled, options)) };
      const { losses, states } = model.labelPredictions(labelled, options);
      return { logprobs: tf.neg(losses), values: model.values(states) };
    }, engine);
    this.ofReference = new CompiledFunction(
      ({ parameters, batch }: Inputs) => ({
        logprobs: tf.neg(
          reference.model(parameters).labelLosses(batch as unknown as LabelledBatch, options),
        ) as tf.Tensor,
      }),
      engine,
    );
  }

  /** By the policy as it is now. */
  async policyOf(batch: BatchTensors): Promise<Judged> {
    const { frozen, trained } = this.policy;
    const parameters = Object.fromEntries<ProgramTensor>([...frozen, ...trained]);
    const { logprobs, values } = (await this.ofPolicy.run({ parameters, batch: { ...batch } })) as {
      logprobs: ProgramTensor;
      values?: ProgramTensor;
    };
    const numbers = (tensor: ProgramTensor) => tensor.data as Float32Array;
    return { logprobs: numbers(logprobs), ...(values && { values: numbers(values) }) };
  }

  async referenceOf(batch: BatchTensors): Promise<Float32Array> {
    const parameters = Object.fromEntries(this.reference.parameters);
    const { logprobs } = await this.ofReference.run({ parameters, batch: { ...batch } });
    return logprobs.data as Float32Array;
  }

  async dispose(): Promise<void> {
    await Promise.all([this.ofPolicy.dispose(), this.ofReference.dispose()]);
  }
}
