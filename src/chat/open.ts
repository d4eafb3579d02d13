import { existsSync, statSync } from "node:fs";
import { join, resolve } from "node:path";
import { type PersonaSpec, playedPersonas } from "../corpus";
import { defaultExperiment, experimentCheckpoint, openExperiment } from "../experiments";
import { HubError } from "../hub";
import { contentsOf, shownPath } from "../io";
import { AdapterSet, mergeAdapter, readAdapter, readPeftConfig } from "../models/lora";
import {
  type Checkpoint,
  embeddedChatModel,
  loadPretrained,
  openPretrained,
  type OpenPretrainedModel,
  requireRows,
} from "../models/pretrained";
import { loadTokenizer, type Tokenizer } from "../models/tokenizer";
import { didYouMean } from "../text";
import type { ChatModel } from "./conversation";
import {
  type ChatForm,
  type Seq2SeqInput,
  seq2seqForm,
  simulatorForm,
  templateForm,
  transcriptForm,
} from "./form";
import { ADAPTER_FILE, findRun, runNames } from "./runs";

export interface ChatModelOptions {
  /**
   * A folder, a GGUF file or a checkpoint of llama2.c, a name on the Hugging Face hub, or the name of a run: of its folder
   * in `outputs`.
   * @default what `PERSONA_CHAT_MODEL` names, else the embedded causal model
   */
  model?: string;
  /** Folder of an adapter of this model, as PEFT or this project writes it. */
  adapter?: string;
  /**
   * Folders of adapters by a name, to be switched between answers: see {@link AdapterSet}.
   * @default none
   */
  adapters?: Readonly<Record<string, string>>;
  /**
   * Whether a model without a chat template is given a transcript in plain text to go on with.
   * @default false
   */
  plain?: boolean;
}

/** A model that is ready to talk. */
export interface OpenChatModel extends ChatModel {
  /** What it is and where it is from, for the reader. */
  readonly why: string;
  /** The adapters that can be switched, where any are; none is in use at first. */
  readonly adapters?: AdapterSet;
  /** Frees its memory. */
  readonly dispose: () => Promise<void>;
}

/** Tokens of a prompt and an answer for models whose positions are relative and thus have no end: what T5 was trained on. */
const RELATIVE_LIMIT = 512;
/** The parts of a hub's name; a file's ending is none. */
const HUB_NAME = /^[\w-][\w.-]*\/[\w.-]+$/;
const FILE_ENDING = /\.(gguf|bin|safetensors|json|onnx|pt|pth)$/i;

/**
 * Opens a model to talk to: finds it, merges the adapter into it, and makes the programs that generate.
 *
 * @throws {Error} if there is no such model, if the adapter is another model's, or if nobody knows how the model takes a
 *   conversation; each with what to do
 */
export async function openChatModel(options: ChatModelOptions = {}): Promise<OpenChatModel> {
  const { base, adapter } = await findParts(options);
  try {
    const tokenizer = await tokenizerOf(base, adapter);
    const { checkpoint, input } = adapted(base, adapter);
    const { architecture } = checkpoint;
    const personas = playedPersonas(adapter ?? base.source.directory);
    const form = formOf({ tokenizer, checkpoint }, { input, personas, plain: options.plain ?? false });
    const adapters = adapterSet(checkpoint, options.adapters ?? {});
    const generator = await architecture.createGenerator(checkpoint, adapters && { adapter: adapters });
    const trainedOn = adapter === undefined ? "" : `, with the adapter in ${shownPath(adapter)}`;
    return {
      generator,
      tokenizer,
      form,
      ...(personas.length > 0 && { personas }),
      ...(adapters && { adapters }),
      why: `${shownPath(base.source.directory)}, a ${architecture.name} (${base.source.why})${trainedOn}; conversations go by ${form.name}, ${form.limit} tokens of them`,
      dispose: () => generator.dispose(),
    };
  } finally {
    base.checkpoint.close();
  }
}

interface Parts {
  readonly base: OpenPretrainedModel;
  readonly adapter?: string;
}

async function findParts({ model, adapter }: ChatModelOptions): Promise<Parts> {
  if (adapter !== undefined) requireAdapter(adapter);
  if (model === undefined) {
    const named = process.env["PERSONA_CHAT_MODEL"];
    const base = named
      ? openPlace(named, "PERSONA_CHAT_MODEL names it")
      : openPlace(embeddedChatModel, "the embedded model");
    return { base: await base, adapter };
  }
  const place = existsSync(model) ? model : findRun(model);
  if (place === undefined) return { base: await fromHub(model), adapter };
  if (!existsSync(join(place, ADAPTER_FILE)) || existsSync(join(place, "config.json")))
    return { base: await openPlace(place, place === model ? "it was named" : `the run ${model}`), adapter };
  if (adapter !== undefined)
    throw new Error(`${place} is an adapter itself, and --adapter names another one: name the base instead`);
  return { base: await baseOfAdapter(place), adapter: place };
}

function requireAdapter(folder: string): void {
  if (existsSync(join(folder, ADAPTER_FILE))) return;
  throw new Error(
    `${folder}: no adapter, as it has no ${ADAPTER_FILE} (${contentsOf(folder)}); name the folder that PEFT or a run of this project left`,
  );
}

/** Adapters that stay apart from the model, so that they can be switched. */
function adapterSet(
  checkpoint: Checkpoint,
  folders: Readonly<Record<string, string>>,
): AdapterSet | undefined {
  const named = Object.entries(folders);
  if (named.length === 0) return undefined;
  for (const [name, folder] of named) {
    requireAdapter(folder);
    if (playedPersonas(folder).length > 0)
      throw new Error(
        `${name}: ${shownPath(folder)} plays personas, which are asked by a prompt of their own: name it as the model, not as an adapter beside it`,
      );
  }
  return new AdapterSet(
    checkpoint,
    Object.fromEntries(named.map(([name, folder]) => [name, readAdapter(folder, checkpoint)])),
  );
}

const openPlace = (directory: string, why: string) =>
  openPretrained({ kind: statSync(directory).isFile() ? "file" : "directory", directory, why });

/** The model that an adapter says it was trained on. */
async function baseOfAdapter(adapter: string): Promise<OpenPretrainedModel> {
  const { baseModel } = readPeftConfig(join(adapter, ADAPTER_FILE));
  const remedy = `name the base as MODEL, and this folder with --adapter`;
  if (baseModel === null)
    throw new Error(`${adapter}: it does not say on which model it was trained; ${remedy}`);
  const why = `the base of ${shownPath(adapter)}`;
  const project = resolve(embeddedChatModel, "../..");
  for (const place of [baseModel, resolve(project, baseModel)])
    if (existsSync(place)) return openPlace(place, why);
  try {
    return await fromHub(baseModel);
  } catch (cause) {
    throw new Error(`${adapter}: its base cannot be had; ${remedy}. ${(cause as Error).message}`, { cause });
  }
}

async function fromHub(name: string): Promise<OpenPretrainedModel> {
  const places = `no folder, file or run of this name`;
  if (!HUB_NAME.test(name) || FILE_ENDING.test(name)) {
    const runs = runNames();
    const known =
      runs.length === 0
        ? "there is no run yet"
        : `the runs are ${runs.slice(0, 6).join(", ")}${runs.length > 6 ? ", …" : ""}`;
    throw new Error(
      `${name}: ${places}; name a folder in Hugging Face layout, a GGUF file, a model of the hub as OWNER/NAME, or a run (${known}).${didYouMean(name, runs)}`,
    );
  }
  try {
    return await loadPretrained({ pretrained: name });
  } catch (cause) {
    if (!(cause instanceof HubError)) throw cause;
    throw new Error(`${name}: ${places}, and as a model of the hub: ${cause.message}`, { cause });
  }
}

/** The model with its adapter, and the input that the adapter was trained with. */
function adapted(
  base: OpenPretrainedModel,
  adapter: string | undefined,
): { checkpoint: Checkpoint; input: Seq2SeqInput } {
  const input = defaultExperiment("full");
  if (adapter === undefined) return { checkpoint: base.checkpoint, input };
  if (existsSync(join(adapter, "settings.json"))) {
    const experiment = openExperiment(adapter, {
      base,
      corpus: { splits: { train: [], valid: [], test: [] } },
    });
    return { checkpoint: experimentCheckpoint(experiment), input: experiment.settings };
  }
  try {
    const parameters = mergeAdapter(base.checkpoint.parameters, readAdapter(adapter, base.checkpoint));
    return { checkpoint: { ...base.checkpoint, parameters }, input };
  } catch (cause) {
    const { baseModel } = readPeftConfig(join(adapter, ADAPTER_FILE));
    const own = baseModel === null ? "" : `; it says that its base is ${baseModel}`;
    throw new Error(
      `the adapter does not fit ${shownPath(base.source.directory)}${own}. ${(cause as Error).message}`,
      { cause },
    );
  }
}

/** The model's tokenizer; where that has no chat template and the adapter brings one that has, the adapter's. */
async function tokenizerOf(
  { tokenizer, checkpoint }: OpenPretrainedModel,
  adapter: string | undefined,
): Promise<Tokenizer> {
  if (adapter === undefined || tokenizer.hasChatTemplate) return tokenizer;
  if (!existsSync(join(adapter, "tokenizer_config.json"))) return tokenizer;
  const own = await loadTokenizer(adapter);
  if (!own.hasChatTemplate) return tokenizer;
  requireRows(own, checkpoint);
  return own;
}

/** What decides how a model is asked, beside what it is. */
interface Asked {
  readonly input: Seq2SeqInput;
  readonly personas: readonly PersonaSpec[];
  readonly plain: boolean;
}

function formOf(
  { tokenizer, checkpoint }: Pick<OpenPretrainedModel, "tokenizer"> & { checkpoint: Checkpoint },
  { input, personas, plain }: Asked,
): ChatForm {
  const { architecture, config } = checkpoint;
  const limit = config.maxPositions ?? RELATIVE_LIMIT;
  if (architecture.taskType === "SEQ_2_SEQ_LM") {
    if (plain) throw new Error(`a ${architecture.name} takes no transcript: leave out --plain`);
    return seq2seqForm(tokenizer, input, limit);
  }
  if (personas.length > 0) {
    if (plain) throw new Error("a model that plays personas is asked by its own prompt: leave out --plain");
    return simulatorForm(tokenizer, limit, personas);
  }
  if (plain) return transcriptForm(tokenizer, limit);
  if (tokenizer.hasChatTemplate) return templateForm(tokenizer, limit);
  throw new Error(
    `${shownPath(tokenizer.directory)}: its tokenizer has no chat template, so that it is not known how this model takes a ` +
      `conversation: take a model tuned for chat (often named …-Instruct), put its chat_template into tokenizer_config.json, ` +
      `or add --plain (in a notebook plain: true), which lets it go on with a transcript`,
  );
}
