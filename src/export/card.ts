import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { writeFileWhole } from "../io";
import type { Architecture, Model, TaskType } from "../models";
import { escapeMarkdown } from "../text";

/** The file of a card. */
const CARD_FILE = "README.md";
/** By which a card is told from a README that somebody wrote. */
const MARK =
  "<!-- This card was written by an export; write another export here and it is written again. -->";

/** A number and where it comes from. */
export interface CardFigure {
  readonly name: string;
  readonly value: number | string;
  /** The file that holds it. */
  readonly file: string;
}

/** What is known of a model, for its card; what is left out is called unknown. */
export interface ModelFacts {
  /** What the card calls the model. */
  readonly name?: string;
  /** The model that it was made from: the hub's name, or a folder. */
  readonly base?: string;
  /** What it learned from. */
  readonly data?: string;
  /** By its SPDX identifier, in lower case: `apache-2.0`. */
  readonly licence?: string;
  /** What it was trained with, by name. */
  readonly settings?: Readonly<Record<string, unknown>>;
  readonly figures?: readonly CardFigure[];
}

/** The forms of an export. */
export type ExportForm = "transformers-js" | "transformers" | "peft" | "gguf";

/** How a form is opened by who reads it. */
const consumers: Record<
  ExportForm,
  { name: string; language: string; library: string; snippet: (task: TaskType) => string }
> = {
  "transformers-js": {
    name: "Transformers.js, in a web page or in Node",
    language: "js",
    library: "transformers.js",
    snippet: (task) =>
      task === "CAUSAL_LM"
        ? `import { AutoModelForCausalLM, AutoTokenizer } from "@huggingface/transformers";

const tokenizer = await AutoTokenizer.from_pretrained(FOLDER);
const model = await AutoModelForCausalLM.from_pretrained(FOLDER, { dtype: DTYPE });
const inputs = tokenizer(PROMPT);
const ids = await model.generate({ ...inputs, max_new_tokens: 64 });
console.log(tokenizer.batch_decode(ids, { skip_special_tokens: true })[0]);`
        : `import { AutoModelForSeq2SeqLM, AutoTokenizer } from "@huggingface/transformers";

const tokenizer = await AutoTokenizer.from_pretrained(FOLDER);
const model = await AutoModelForSeq2SeqLM.from_pretrained(FOLDER, { dtype: DTYPE });
const ids = await model.generate({ ...tokenizer(PROMPT), max_new_tokens: 64 });
console.log(tokenizer.batch_decode(ids, { skip_special_tokens: true })[0]);`,
  },
  transformers: {
    name: "transformers, in Python",
    language: "python",
    library: "transformers",
    snippet: (task) => `from transformers import ${autoClass(task)}, AutoTokenizer

tokenizer = AutoTokenizer.from_pretrained(FOLDER)
model = ${autoClass(task)}.from_pretrained(FOLDER)
ids = model.generate(**tokenizer(PROMPT, return_tensors="pt"), max_new_tokens=64)
print(tokenizer.decode(ids[0], skip_special_tokens=True))`,
  },
  peft: {
    name: "PEFT, in Python",
    language: "python",
    library: "peft",
    snippet: (task) => `from peft import PeftModel
from transformers import ${autoClass(task)}, AutoTokenizer

tokenizer = AutoTokenizer.from_pretrained(FOLDER)
model = PeftModel.from_pretrained(${autoClass(task)}.from_pretrained(BASE), FOLDER)
ids = model.generate(**tokenizer(PROMPT, return_tensors="pt"), max_new_tokens=64)
print(tokenizer.decode(ids[0], skip_special_tokens=True))`,
  },
  gguf: {
    name: "llama.cpp",
    language: "sh",
    library: "gguf",
    snippet: () => "llama-cli -m model.gguf -p PROMPT -n 64",
  },
};

const autoClass = (task: TaskType) =>
  task === "CAUSAL_LM" ? "AutoModelForCausalLM" : "AutoModelForSeq2SeqLM";

/**
 * The model card of an export, as Markdown with the hub's fields before it: base, data, licence, what trained it, figures with
 * the files that they are from, and how to open it. What is not known is said to be unknown; nothing that is given is read as
 * Markdown or HTML.
 *
 * @param dtypes Transformers.js' variants; the first one is opened
 */
export function modelCard(
  form: ExportForm,
  { architecture, config }: Pick<Model, "architecture" | "config">,
  facts: ModelFacts,
  dtypes: readonly string[] = [],
): string {
  const { base, data, licence, settings = {}, figures = [] } = facts;
  const said = (text: string | undefined) => (text === undefined ? "unknown" : escapeMarkdown(text));
  const { name, language, library, snippet } = consumers[form];
  const count = parameterCount(architecture, config).toLocaleString("en");
  const fields = [
    ...(licence !== undefined && /^[a-z0-9.-]+$/.test(licence) ? [`license: ${licence}`] : []),
    ...(base !== undefined && isHubName(base) ? [`base_model: ${JSON.stringify(base)}`] : []),
    `library_name: ${library}`,
    ...(architecture.taskType === "CAUSAL_LM" ? ["pipeline_tag: text-generation"] : []),
  ];
  const values: Record<string, string> = {
    FOLDER: JSON.stringify("path/to/this/folder"),
    PROMPT: JSON.stringify("Hello! Who are you?"),
    BASE: JSON.stringify(base !== undefined && isHubName(base) ? base : "path/to/the/base"),
    DTYPE: JSON.stringify(dtypes[0] ?? "fp32"),
  };
  const code = snippet(architecture.taskType).replace(
    /\b(FOLDER|PROMPT|BASE|DTYPE)\b/g,
    (word) => values[word]!,
  );
  const rows = (entries: readonly (readonly string[])[]) =>
    entries.map((cells) => `| ${cells.join(" | ")} |`).join("\n");
  const trained = Object.entries(settings).map(([key, value]) => [
    escapeMarkdown(key),
    escapeMarkdown(typeof value === "string" ? value : (JSON.stringify(value) ?? "unknown")),
  ]);
  const measured = figures.map(({ name, value, file }) => [name, String(value), file].map(escapeMarkdown));
  return `---
${fields.join("\n")}
---

# ${facts.name === undefined ? `A ${architecture.name}` : escapeMarkdown(facts.name)}

${rows([
  ["", ""],
  ["---", "---"],
  ["kind", `${escapeMarkdown(architecture.name)}, ${count} parameters`],
  ["base", said(base)],
  ["data", said(data)],
  ["licence", said(licence)],
])}

## What trained it

${trained.length === 0 ? "Unknown." : rows([["setting", "value"], ["---", "---"], ...trained])}

## Figures

${measured.length === 0 ? "None are known." : rows([["figure", "value", "file"], ["---", "---", "---"], ...measured])}

## How to open it

With ${name}${dtypes.length > 1 ? ` (\`dtype\` may be ${dtypes.map((dtype) => `\`${dtype}\``).join(", ")})` : ""}:

\`\`\`${language}
${code}
\`\`\`

${MARK}
`;
}

/** Writes the card of an export into its folder, unless a README lies there that is none of ours. */
export function writeModelCard(directory: string, card: string): void {
  const path = join(directory, CARD_FILE);
  if (existsSync(path) && !readFileSync(path, "utf8").includes(MARK)) return;
  writeFileWhole(path, card);
}

/** The licence that the README of a model's folder states in its first lines, if it does. */
export function statedLicence(directory: string): string | undefined {
  const path = join(directory, CARD_FILE);
  if (!existsSync(path)) return undefined;
  const [, fields = ""] = /^---\r?\n(.*?)\r?\n---/s.exec(readFileSync(path, "utf8")) ?? [];
  return /^license:\s*["']?([a-z0-9][a-z0-9.-]*)["']?\s*$/m.exec(fields)?.[1];
}

const isHubName = (name: string) => /^[\w][\w.-]*\/[\w.-]+$/.test(name);

function parameterCount(architecture: Architecture, config: Model["config"]): number {
  return Object.values(architecture.parameterShapes(config)).reduce(
    (sum, shape) => sum + shape.reduce((size, length) => size * length, 1),
    0,
  );
}
