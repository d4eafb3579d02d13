/** npm run export: writes a model, with an adapter merged into it if one is named, in a form that other programs open. */
import { existsSync, realpathSync, statSync } from "node:fs";
import { basename, join } from "node:path";
import { Command, InvalidArgumentError, Option } from "commander";
import { trainedFacts } from "../src/experiments";
import {
  type ExportForm,
  exportTransformersJs,
  modelCard,
  type ModelFacts,
  statedLicence,
  type TransformersJsVariant,
  transformersJsVariants,
  writeModelCard,
} from "../src/export";
import { checkWritable, filesOf, shownPath } from "../src/io";
import { mergeAdapter, readAdapter } from "../src/models";
import { writeGgufModel } from "../src/models/gguf";
import { readTokenizerFiles } from "../src/models/tokenizer";
import { findModel, openPretrained, writeModelDirectory } from "../src/models/pretrained";

const dtypes = ["float32", "float16", "bfloat16"] as const;
const ggufTypes = { float32: "F32", float16: "F16", bfloat16: "BF16", q8_0: "Q8_0" } as const;

interface Options {
  as: Exclude<ExportForm, "peft">;
  out: string;
  adapter?: string;
  variants: TransformersJsVariant[];
  dtype?: keyof typeof ggufTypes;
}

function readVariants(text: string): TransformersJsVariant[] {
  const names = text.split(",");
  const isVariant = (name: string): name is TransformersJsVariant =>
    (transformersJsVariants as readonly string[]).includes(name);
  const unknown = names.find((name) => !isVariant(name));
  if (unknown !== undefined)
    throw new InvalidArgumentError(`"${unknown}" is none of ${transformersJsVariants.join(", ")}.`);
  return names.filter(isVariant);
}

async function main(): Promise<void> {
  const command = new Command("npm run export --")
    .description(
      "Writes a model (T5, Llama, Mistral, Qwen2, Qwen3) with its tokenizer and a model card in the form that another " +
        "program opens. Weights go from file to file one by one.",
    )
    .argument("<model>", "a folder in Hugging Face layout, a GGUF file, or a name on the Hugging Face hub")
    .addOption(
      new Option(
        "--as <form>",
        "transformers-js: ONNX files for web pages and Node; transformers: a Hugging Face folder; gguf: a file for llama.cpp",
      )
        .choices(["transformers-js", "transformers", "gguf"])
        .default("transformers-js"),
    )
    .requiredOption("--out <folder>", "where the files go")
    .option("--adapter <folder>", "an adapter of LoRA, as PEFT writes it, to be merged into the model")
    .option(
      "--variants <names>",
      "of transformers-js: fp32, q8, q4, with commas between them",
      readVariants,
      [...transformersJsVariants],
    )
    .addOption(
      new Option(
        "--dtype <type>",
        "of transformers: float32 (unless said), float16, bfloat16; of gguf: these or q8_0, float16 unless said",
      ).choices(Object.keys(ggufTypes)),
    )
    .addHelpText(
      "after",
      `
Examples:
  npm run export -- HuggingFaceTB/SmolLM2-135M-Instruct --out outputs/smol-web --variants q8,q4
  npm run export -- data/model --adapter outputs/t5-small-lora --as transformers --out outputs/merged --dtype bfloat16
  npm run export -- MODEL.gguf --as gguf --dtype q8_0 --out outputs/smol-gguf`,
    )
    .showHelpAfterError()
    .parse();
  const [name] = command.args as [string];
  const { as, out, adapter, variants, dtype } = command.opts<Options>();
  if (as === "transformers-js" && dtype !== undefined)
    command.error("--dtype is not for transformers-js: say --variants");
  const stored = dtypes.find((one) => one === (dtype ?? "float32"));
  if (as === "transformers" && stored === undefined)
    command.error(`--dtype ${dtype} is for gguf; transformers takes ${dtypes.join(", ")}`);

  const source = await findModel({ directory: name, pretrained: name });
  const written = source.kind === "file" ? join(out, "model.gguf") : out;
  if (existsSync(written) && realpathSync(written) === realpathSync(source.directory))
    command.error(`${shownPath(out)}: the model itself lies there; name another folder with --out`);
  checkWritable(out);
  const { checkpoint, tokenizer } = await openPretrained(source);
  try {
    const tokenizerFrom = tokenizer.files ?? source.directory;
    const read = adapter === undefined ? undefined : readAdapter(adapter, checkpoint);
    const model = read
      ? { ...checkpoint, parameters: mergeAdapter(checkpoint.parameters, read) }
      : checkpoint;
    const licence = source.kind === "file" ? undefined : statedLicence(source.directory);
    const facts: ModelFacts = {
      base: source.kind === "hub" ? name : shownPath(source.directory),
      ...(licence !== undefined && !read && { licence }),
      ...(adapter !== undefined && trainedFacts(adapter)),
    };
    if (as === "transformers-js") exportTransformersJs(out, model, { tokenizerFrom, variants, facts });
    else {
      if (as === "transformers")
        writeModelDirectory(out, model, { tokenizerFrom, ...(stored && { dtype: stored }) });
      else {
        const files = tokenizer.files ?? readTokenizerFiles(source.directory);
        const contents = { model, tokenizer: files, name: basename(name) };
        writeGgufModel(join(out, "model.gguf"), contents, ggufTypes[dtype ?? "float16"]);
      }
      writeModelCard(out, modelCard(as, model, facts));
    }
  } finally {
    checkpoint.close();
  }
  for (const file of filesOf(out))
    console.log(`${shownPath(file)}: ${(statSync(file).size / 1e6).toFixed(1)} MB`);
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
});
