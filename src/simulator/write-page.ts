import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import type { PersonaSpec } from "../corpus";
import { exportTransformersJs, type ModelFacts, type TransformersJsVariant } from "../export";
import { copyFileWhole, removeFile, writeFileWhole, writeJson } from "../io";
import {
  type ConfigFiles,
  mergeAdapter,
  type Model,
  readAdapter,
  templateMessages,
  type Tokenizer,
} from "../models";
import { type SimulatorForm, simulatorPrompt, simulatorSituation } from "../prompts";
import { bundleForBrowser } from "../web";
import type { PagePersona, PageSettings } from "./page/settings";

export interface SimulatorPageOptions {
  /** The causal model, as `openPretrained` opens it. */
  readonly base: { readonly checkpoint: Model & ConfigFiles; readonly tokenizer: Tokenizer };
  /**
   * The folder of an adapter, which is merged into it.
   * @default none
   */
  readonly adapter?: string;
  readonly personas: readonly PersonaSpec[];
  /** How the model was asked while it learned. */
  readonly form: SimulatorForm;
  /**
   * How its weights are kept.
   * @default "q8"
   */
  readonly variant?: TransformersJsVariant;
  /**
   * Sharpens (below 1) or flattens how tokens are drawn; 0: the likeliest one each time.
   * @default 0.7
   */
  readonly temperature?: number;
  /** What the model's card says of it; its name is the page's heading. */
  readonly facts?: ModelFacts;
}

/** Tokens from which answers are drawn. */
const TOP_K = 40;
/** The most tokens of an answer; a quarter of the model's context at most. */
const MOST_NEW_TOKENS = 96;
/** Of a model whose positions have no end. */
const NO_END = 2048;

const pageFolder = join(__dirname, "page");
/** What ONNX Runtime is compiled to for browsers: the build without a GPU, which is half as large as the others. */
const WASM_FILE = "ort-wasm-simd-threaded.wasm";

/**
 * Writes a page that runs a simulator in a browser: a folder with the model in Transformers.js' form, its scripts and everything
 * that they load. A person answers it as its assistant, and can switch the persona. It is opened through a server, as browsers load
 * no modules from files: `node FOLDER/serve.mjs`. Another page in the folder is written over.
 *
 * @throws {Error} if there is no persona, if the tokenizer lacks the chat template of the form "chat", or if the model is none that
 *   Transformers.js runs
 * @example
 * await simulator.writeSimulatorPage(run.path("web"), { base, adapter, personas, form: "chat" });
 */
export async function writeSimulatorPage(directory: string, options: SimulatorPageOptions): Promise<void> {
  const { base, adapter, personas, form, variant = "q8", temperature = 0.7, facts = {} } = options;
  const { checkpoint, tokenizer } = base;
  if (checkpoint.architecture.taskType !== "CAUSAL_LM")
    throw new Error(`a simulator is a causal model; ${checkpoint.architecture.name} is none`);
  if (personas.length === 0) throw new Error("the page needs a persona at least");
  const limit = checkpoint.config.maxPositions ?? NO_END;
  const settings: PageSettings = {
    title: facts.name ?? "Talk to a persona",
    personas: personas.map((persona) => pagePersona(persona, form, tokenizer)),
    start: form === "plain" ? tokenizer.textStart : [],
    limit,
    maxNewTokens: Math.min(MOST_NEW_TOKENS, Math.floor(limit / 4)),
    controls: controlTokens(tokenizer),
    dtype: variant,
    temperature,
    topK: TOP_K,
  };
  const ort = onnxRuntimeWeb();
  const [page, worker, style] = await Promise.all([
    bundleForBrowser(join(pageFolder, "page.ts")),
    bundleForBrowser(join(pageFolder, "worker.ts"), { "onnxruntime-web/webgpu": "onnxruntime-web/wasm" }),
    bundleForBrowser(join(pageFolder, "page.css")),
  ]);
  const at = (name: string) => join(directory, name);
  // Whoever finds index.html finds everything else.
  removeFile(at("index.html"));
  const model =
    adapter === undefined
      ? checkpoint
      : { ...checkpoint, parameters: mergeAdapter(checkpoint.parameters, readAdapter(adapter, checkpoint)) };
  exportTransformersJs(at("model"), model, {
    tokenizerFrom: tokenizer.files ?? tokenizer.directory,
    variants: [variant],
    facts,
  });
  copyFileWhole(join(ort, WASM_FILE), at(WASM_FILE));
  for (const name of ["serve.mjs", "README.md"]) copyFileWhole(join(pageFolder, name), at(name));
  writeFileWhole(at("page.js"), page);
  writeFileWhole(at("worker.js"), worker);
  writeFileWhole(at("page.css"), style);
  writeJson(at("settings.json"), settings);
  copyFileWhole(join(pageFolder, "index.html"), at("index.html"));
}

/** Where the ONNX Runtime lies that Transformers.js was made with. */
function onnxRuntimeWeb(): string {
  const transformers = createRequire(__filename).resolve("@huggingface/transformers");
  return dirname(createRequire(transformers).resolve("onnxruntime-web"));
}

/** What stands around the situation in a persona's prompts, so that the page needs to know no template. */
function pagePersona(persona: PersonaSpec, form: SimulatorForm, tokenizer: Tokenizer): PagePersona {
  const written = (content: string): string => {
    const history = content === "" ? [] : [{ role: "assistant" as const, content }];
    const prompt = simulatorPrompt(persona, history, form);
    if (typeof prompt === "string") return prompt;
    return tokenizer.chatText(templateMessages(tokenizer)(prompt), { addGenerationPrompt: true });
  };
  const [empty, situation] = [written(""), simulatorSituation(persona.id, [])];
  const place = empty.lastIndexOf(situation);
  const [before, after] = [empty.slice(0, place), empty.slice(place + situation.length)];
  const content = "Well, hello there!";
  const said = simulatorSituation(persona.id, [{ role: "assistant", content }]);
  if (place < 0 || before + said + after !== written(content))
    throw new Error(
      `${tokenizer.directory}: its chat template changes what is said, so that the page could not ask as the model learned it`,
    );
  const { id, definition } = persona;
  return { id, definition, before, after };
}

/** What must not stand in a turn: texts of tokens that no text shows. */
function controlTokens(tokenizer: Tokenizer): string[] {
  const all = Array.from({ length: tokenizer.vocabularySize }, (_, id) => tokenizer.token(id) ?? "");
  return tokenizer.unshownTokensIn(all.join("\n"));
}
