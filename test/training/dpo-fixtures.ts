import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Device } from "../../src/engine/devices";
import { type Adapter, readAdapter } from "../../src/models/lora/adapter";
import { mergeAdapter } from "../../src/models/lora/weights";
import type { ScoredPairs } from "../../src/training/pairs";
import { frozenModel, type FrozenModel } from "../../src/training/policies/frozen";
import { loraPolicy, type LoraPolicy } from "../../src/training/policies/lora";
import { referenceLogprobs } from "../../src/training/reference/logprobs";
import { on } from "../engine/device";
import type { LlamaFixture, Summary } from "../models/llama-fixtures";

interface ExpectedLoss {
  readonly loss: number;
  readonly grad_norm: number;
  readonly grads?: Readonly<Record<string, Summary>>;
  readonly per_row?: readonly number[];
}

interface ExpectedReference {
  readonly chosen_logps: readonly number[];
  readonly rejected_logps: readonly number[];
  readonly ref_chosen_logps?: readonly number[];
  readonly ref_rejected_logps?: readonly number[];
  readonly metrics: Readonly<Record<string, number>>;
  readonly losses: Readonly<Record<string, ExpectedLoss>>;
}

/** dpo.json of a folder of tiny-llama's form. */
export interface DpoExpected {
  readonly beta: number;
  readonly policy_adapter: string;
  readonly pad_token_id: number;
  readonly rows: readonly { prompt_ids: number[]; chosen_ids: number[]; rejected_ids: number[] }[];
  readonly references: Readonly<Record<string, ExpectedReference>>;
  readonly training: {
    readonly lr: number;
    readonly betas: readonly [number, number];
    readonly eps: number;
    readonly weight_decay: number;
    readonly max_grad_norm: number;
    readonly steps: readonly Record<string, number>[];
    readonly loss_after: number;
  };
}

export const PREFIX = "base_model.model.";

/** What a folder's pairs are trained with. */
export function dpoFixture(fixture: LlamaFixture) {
  const expected = fixture.read<DpoExpected>("dpo.json");
  const model = fixture.model();
  const read = (name: string): Adapter => readAdapter(join(fixture.directory, name), model);
  const adapter = read(expected.policy_adapter);
  const pairs = expected.rows.map(({ prompt_ids, chosen_ids, rejected_ids }) => ({
    promptIds: prompt_ids,
    chosenIds: chosen_ids,
    rejectedIds: rejected_ids,
  }));
  const batches = {
    taskType: "CAUSAL_LM",
    padTokenId: expected.pad_token_id,
    padToMultipleOf: 4,
  } as const;
  return {
    expected,
    model,
    pairs,
    batches,
    policy: (): LoraPolicy =>
      loraPolicy(model, {
        lora: { ...adapter.config, dropout: 0 },
        unfreezing: {},
        seed: 1,
        baseModel: null,
        start: adapter,
      }),
    /** The references by the names of the file. */
    reference: (name: string): FrozenModel => {
      switch (name) {
        case "adapter_off":
          return frozenModel(model);
        case "separate_model":
          return frozenModel({ ...model, parameters: mergeAdapter(model.parameters, read("lora_all")) });
        case "existing_adapter_copied":
          return frozenModel(model, { adapter });
        default:
          throw new Error(`dpo.json has a reference ${name} that this test does not know`);
      }
    },
    /** The pairs with what a reference says of them. */
    scored: async (frozen: FrozenModel, device: Device): Promise<ScoredPairs> => {
      const directory = mkdtempSync(join(tmpdir(), "reference-"));
      try {
        const options = { ...batches, batchSize: 3, directory, engine: on(device) };
        return await referenceLogprobs(frozen, pairs, options);
      } finally {
        rmSync(directory, { recursive: true });
      }
    },
  };
}
