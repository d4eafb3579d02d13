import { holdsDialogues, readRows } from "../../corpus";
import { readConversations } from "../../prompts";
import { sections } from "../../settings";
import {
  describeRows,
  encodeRows,
  endNotTaught,
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
  parts: { ...modelParts, ...fileParts },
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
    const { packing, validation } = config;
    const { maxLength, notes: limited } = rowLimit(model, config.maxLength);
    const { architecture, config: modelConfig } = model.checkpoint;
    const { taskType } = architecture;
    if (packing && taskType !== "CAUSAL_LM")
      throw new Error(
        `packing: rows of a ${architecture.name} cannot be packed, only those of a causal model: leave it out`,
      );
    const files = [config.data, ...(validation === undefined ? [] : [validation])];
    const [rows, validationRows] = files.map((path) =>
      holdsDialogues(path) ? readConversations(path) : readRows(path, ["completion", "conversation"]),
    );
    if (validationRows && validationRows.form !== rows!.form)
      throw new Error(
        `validation: ${validation} has rows of another form than ${config.data}: write both in one form`,
      );
    const { tokenizer, notes } = await tokenizerFor(model, rows!);
    const encode = (from: typeof rows) => from && encodeRows(from, { tokenizer, taskType, maxLength });
    const [train, valid] = [encode(rows)!, encode(validationRows)];
    const packed = (examples: typeof train.examples) =>
      packing ? packExamples(examples, maxLength) : examples;
    const data = rowBatches(packed(train.examples), packed(valid?.examples ?? []), {
      taskType,
      padTokenId: modelConfig.padTokenId,
      padToMultipleOf: PAD_TO_MULTIPLE_OF,
    });
    const { batchSize, seed } = config;
    const ends = { endTokenIds: stopTokens(model), padTokenId: modelConfig.padTokenId, batchSize, seed };
    const spec = {
      policy: openPolicy(model, config),
      objective: supervisedObjective(config.loss),
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
