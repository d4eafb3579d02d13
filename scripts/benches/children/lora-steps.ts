// Times whole training steps of FLAN-T5 Small with random weights, in a process of its own so that its peak memory is its own:
//   lora-steps.ts '{"config":"lora","batches":[[83,135,…],…],"padTo":0,"passes":3}'      prints one JSON line
import { tmpdir } from "node:os";
import { z } from "zod";
import { DEFAULT_LORA } from "../../../src/models/lora";
import { parameterShapes, parseT5Config, t5Architecture } from "../../../src/models/t5";
import { Random } from "../../../src/random";
import { float32Tensor } from "../../../src/tensors";
import {
  type Batch,
  collate,
  crossEntropyObjective,
  DEFAULT_TRAINING,
  type Example,
  loraPolicy,
  packedBatchTensors,
  ROWS_TO_MULTIPLE_OF,
  Stepper,
} from "../../../src/training";
import { FLAN_T5_SMALL } from "../shapes/flan-t5-small";

const settings = z
  .object({
    config: z.enum(["lora", "lora_head", "lora_head_enc4"]),
    /** Encoder lengths of every batch. */
    batches: z.array(z.array(z.number().int().positive())),
    /** Pads the inputs of every batch to this length; 0 leaves them at the longest of the batch. */
    padTo: z.number().int(),
    passes: z.number().int().positive(),
    frozenWeights: z.enum(["float32", "int8"]).default("float32"),
  })
  .parse(JSON.parse(process.argv[2] ?? "{}"));

const LABELS = 96;
const config = parseT5Config(FLAN_T5_SMALL);

/** The batch with inputs of this length, where they are shorter. */
function padInputs(batch: Batch, inputLength: number): Batch {
  if (inputLength <= batch.inputLength) return batch;
  const inputIds = new Int32Array(batch.rows * inputLength).fill(config.padTokenId);
  const attentionMask = new Int32Array(batch.rows * inputLength);
  for (let row = 0; row < batch.rows; row++) {
    const [start, end] = [row * batch.inputLength, (row + 1) * batch.inputLength];
    inputIds.set(batch.inputIds.subarray(start, end), row * inputLength);
    attentionMask.set(batch.attentionMask.subarray(start, end), row * inputLength);
  }
  return { ...batch, inputLength, inputIds, attentionMask };
}

async function main(): Promise<void> {
  const random = new Random(1);
  const parameters = new Map(
    Object.entries(parameterShapes(config)).map(([name, shape]) => {
      const data = new Float32Array(shape.reduce((product, length) => product * length, 1));
      const spread = name.includes("layer_norm") ? 0 : 0.05;
      for (let i = 0; i < data.length; i++) data[i] = spread ? (random.uint32() / 2 ** 31 - 1) * spread : 1;
      return [name, float32Tensor(shape, data)] as const;
    }),
  );
  const ids = (length: number) => Array.from({ length }, () => 2 + random.integer(32000));
  const examples: Example[] = settings.batches
    .flat()
    .map((length) => ({ inputIds: ids(length), labels: ids(LABELS) }));
  const policy = loraPolicy(
    { architecture: t5Architecture, config, parameters },
    {
      lora: { ...DEFAULT_LORA, modulesToSave: settings.config === "lora" ? [] : ["lm_head"] },
      unfreezing: { encoder: settings.config === "lora_head_enc4" ? 4 : 0 },
      seed: 1,
      baseModel: null,
      frozenWeights: settings.frozenWeights,
    },
  );
  const stepper = new Stepper(policy, crossEntropyObjective(), {
    ...DEFAULT_TRAINING,
    outputDirectory: tmpdir(),
    seed: 1,
  });
  const rows = settings.batches[0]!.length;
  const seconds: number[][] = [];
  let step = 0;
  let loss = 0;
  // The first pass compiles a program for each shape.
  for (let pass = -1; pass < settings.passes; pass++) {
    const times = [];
    for (let b = 0; b < settings.batches.length; b++) {
      const indices = Array.from({ length: rows }, (_, i) => b * rows + i);
      const options = { padTokenId: config.padTokenId, rows, padToMultipleOf: 8 };
      const padded = padInputs(collate(examples, indices, options), settings.padTo);
      const batch = packedBatchTensors(padded, ROWS_TO_MULTIPLE_OF);
      const started = performance.now();
      ({ loss } = await stepper.take(step++, [batch], 1e-4));
      times.push((performance.now() - started) / 1000);
    }
    if (pass >= 0) seconds.push(times);
  }
  const trained = [...policy.trained.values()].reduce((sum, { data }) => sum + data.length, 0);
  const peakRssMiB = Math.round(process.resourceUsage().maxRSS / 1024);
  console.log(JSON.stringify({ stepSeconds: seconds.flat(), trained, loss, peakRssMiB }));
}

void main();
