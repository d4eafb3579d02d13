import { z } from "zod";
import { holdsDialogues, readRows } from "../../corpus";
import { readConversations } from "../../prompts";
import { sections } from "../../settings";
import {
  describeRows,
  encodeRows,
  endNotTaught,
  mixedBatches,
  packExamples,
  rowBatches,
  supervisedObjective,
} from "../../training";
import { fileRun } from "./files";
import { method } from "./method";
import { openPolicy, rowLimit, stopTokens, tokenizerFor } from "./model";
import { fileParts, fileSections, modelParts, modelSections } from "./parts";

/** Lengths of a batch are rounded up to a multiple of this: few shapes, each of which is compiled once. */
const PAD_TO_MULTIPLE_OF = 32;

/** Supervised fine-tuning; see `docs/own-data.md`. */
export const sft = method({
  name: "sft",
  summary:
    "Supervised fine-tuning: learns the completions of prompts, or what the assistant says in conversations, from rows of " +
    '{"prompt": …, "completion": …} or {"messages": […]}, or what both say in dialogues.',
  parts: {
    ...modelParts,
    ...fileParts,
    mixture: z
      .record(z.string().min(1), z.number().positive())
      .refine((weights) => Object.keys(weights).length > 1, "a mixture has two tasks or more")
      .optional()
      .describe(
        'how often rows of each task are drawn, as {"TASK": weight, …}; rows say in meta.task which one they are of. Without it every row counts as ' +
          "one",
      ),
  },
  sections: [...modelSections, ...fileSections, sections.supervised],
  // The rate and the schedule of TRL, with ten times the rate for an adapter.
  defaults: { learningRate: 2e-4, schedule: "linear", warmupSteps: 0, trainHead: false },
  watched: ["mean_token_accuracy", "entropy"],
  example: {
    model: "HuggingFaceTB/SmolLM2-135M-Instruct",
    data: "people.jsonl",
    output: "outputs/people",
    epochs: 2,
    batchSize: 4,
    maxLength: 512,
  },
  async prepare(config, model) {
    const { packing, validation, mixture } = config;
    const { maxLength, notes: limited } = rowLimit(model, config.maxLength);
    const { architecture, config: modelConfig } = model.checkpoint;
    const { taskType } = architecture;
    if (packing && taskType !== "CAUSAL_LM")
      throw new Error(
        `packing: rows of a ${architecture.name} cannot be packed, only those of a causal model: leave it out`,
      );
    if (packing && mixture)
      throw new Error("packing: rows of a mixture are drawn one by one: leave packing or mixture out");
    const tasks = mixture && Object.keys(mixture);
    const files = [config.data, ...(validation === undefined ? [] : [validation])];
    const [rows, validationRows] = files.map((path) =>
      holdsDialogues(path) ? readConversations(path) : readRows(path, ["completion", "conversation"]),
    );
    if (validationRows && validationRows.form !== rows!.form)
      throw new Error(
        `validation: ${validation} has rows of another form than ${config.data}: write both in one form`,
      );
    const { tokenizer, notes } = await tokenizerFor(model, rows!);
    const encode = (from: typeof rows) =>
      from && encodeRows(from, { tokenizer, taskType, maxLength, ...(tasks && { tasks }) });
    const [train, valid] = [encode(rows)!, encode(validationRows)];
    const packed = (examples: typeof train.examples) =>
      packing ? packExamples(examples, maxLength) : examples;
    const batches = { taskType, padTokenId: modelConfig.padTokenId, padToMultipleOf: PAD_TO_MULTIPLE_OF };
    const [learned, held] = [packed(train.examples), packed(valid?.examples ?? [])];
    const without = tasks?.find((_, task) => !learned.some((example) => example.task === task));
    if (without !== undefined)
      throw new Error(`mixture: ${config.data} has no row of ${without}: leave the task out, or add rows`);
    const data = mixture
      ? mixedBatches(learned, held, Object.values(mixture), batches)
      : rowBatches(learned, held, batches);
    const { batchSize, seed } = config;
    const ends = { endTokenIds: stopTokens(model), padTokenId: modelConfig.padTokenId, batchSize, seed };
    const spec = {
      policy: openPolicy(model, config),
      objective: supervisedObjective(config.loss, tasks),
      data: { ...data, alarms: [endNotTaught(data, ends)] },
    };
    return fileRun(spec, config, {
      tokenizer,
      notes: [
        ...limited,
        ...notes,
        ...describeRows(train, maxLength),
        ...(packing ? [`packed into ${data.size} rows of at most ${maxLength} tokens`] : []),
        ...(valid ? describeRows(valid, maxLength) : []),
      ],
    });
  },
});
