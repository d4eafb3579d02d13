// Takes the gradients of a Llama of 12 narrow blocks once and prints the process's peak memory in MiB:
//   recompute-step.ts true|false
import { llamaArchitecture } from "../../src/models/llama/architecture";
import { float32Tensor, int32Tensor } from "../../src/tensors/tensor";
import { crossEntropyObjective } from "../../src/training/objectives/cross-entropy";
import { loraPolicy } from "../../src/training/policies/lora";
import { zerosLike } from "../../src/training/policy";
import { TrainingPrograms } from "../../src/training/programs";

const ROWS = 1024;

async function main(): Promise<void> {
  const config = llamaArchitecture.parseConfig(
    {
      vocab_size: 16,
      hidden_size: 64,
      intermediate_size: 768,
      num_hidden_layers: 12,
      num_attention_heads: 2,
      tie_word_embeddings: true,
    },
    "a narrow Llama",
  );
  const parameters = new Map(
    Object.entries(llamaArchitecture.parameterShapes(config)).map(([name, shape]) => {
      const size = shape.reduce((product, length) => product * length, 1);
      return [
        name,
        float32Tensor(
          shape,
          Float32Array.from({ length: size }, (_, i) => 0.1 * Math.sin(i)),
        ),
      ];
    }),
  );
  const lora = { rank: 2, alpha: 4, dropout: 0.1, useRslora: false, targetModules: ["q_proj", "down_proj"] };
  const policy = loraPolicy(
    { architecture: llamaArchitecture, config, parameters },
    {
      lora: { ...lora, modulesToSave: [] },
      unfreezing: {},
      seed: 1,
      baseModel: null,
      recompute: process.argv[2] === "true",
    },
  );
  const ids = int32Tensor(
    [8, ROWS / 8],
    Int32Array.from({ length: ROWS }, (_, i) => i % 16),
  );
  const attentionMask = int32Tensor([8, ROWS / 8], new Int32Array(ROWS).fill(1));
  const programs = new TrainingPrograms(policy, crossEntropyObjective(), { threads: 1 });
  const batch = { inputIds: ids, attentionMask, labels: ids };
  await programs.gradients(batch, { seed: 1, step: 0 }, zerosLike(policy.trained));
  await programs.dispose();
  console.log(Math.round(process.resourceUsage().maxRSS / 1024));
}

void main();
