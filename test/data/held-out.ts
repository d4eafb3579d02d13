import type { TrainingSpec } from "../../src/training/spec";

/** A spec of which every `nth` batch of the validation set is measured, from the first on: enough to tell a trained model. */
export function everyNth(nth: number, spec: TrainingSpec): TrainingSpec {
  return {
    ...spec,
    data: {
      ...spec.data,
      *validationBatches(rows) {
        let number = 0;
        for (const batch of spec.data.validationBatches(rows)) if (number++ % nth === 0) yield batch;
      },
    },
  };
}
