import { z } from "zod";
import { sections } from "../../settings";

const path = z.string().min(1);

/** Which model is trained, and where the result goes: parts of every method. */
export const modelParts = {
  model: path.describe("the model to train: a folder, a GGUF file, or OWNER/NAME of the Hugging Face hub"),
  adapter: path
    .optional()
    .describe(
      "the folder of an adapter of this model to go on from, with its rank and α; otherwise a new one is begun",
    ),
  output: path.describe("the folder for the trained adapter, its log and its checkpoints"),
};

/** Settings of every method. */
export const modelSections = [sections.chance, sections.adaptation, sections.sequence] as const;

/** Rows in files: parts of methods whose data are there before training. */
export const fileParts = {
  data: path.describe("the JSONL file to learn from"),
  validation: path
    .optional()
    .describe("a JSONL file of the same form whose loss is measured every evalSteps"),
  epochs: z
    .number()
    .positive()
    .optional()
    .describe("passes over the data, in place of maxSteps; 3 where neither is given"),
  saveSteps: z
    .int()
    .nonnegative()
    .default(50)
    .describe("steps between checkpoints; 0 saves when stopped alone"),
};

/** Settings of methods whose data are there before training. */
export const fileSections = [sections.optimization, sections.validation] as const;
