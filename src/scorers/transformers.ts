import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { defaultThreads } from "../engine";
import type { OpenScorerOptions } from "./open";
import { checkTexts, type LabelScorer, type RewardScorer, type ScoredText, softmax } from "./scorer";

/** What is used here of @huggingface/transformers. */
interface Transformers {
  readonly AutoTokenizer: {
    from_pretrained(
      place: string,
      options: object,
    ): Promise<EncodeTexts & { readonly model_max_length?: number }>;
  };
  readonly AutoModelForSequenceClassification: {
    from_pretrained(place: string, options: object): Promise<Classifier>;
  };
}

type EncodeTexts = (
  texts: string[],
  options: { text_pair?: string[]; padding: boolean; truncation: boolean; max_length: number },
) => object;

type Classifier = ((inputs: object) => Promise<{
  readonly logits: { readonly data: ArrayLike<number>; readonly dims: readonly number[] };
}>) & {
  readonly config: { readonly id2label?: Readonly<Record<string, string>> };
  dispose(): Promise<unknown>;
};

const BATCH = 16;
const nliLabels = ["entailment", "neutral", "contradiction"];

/**
 * A classifier in the layout of Transformers.js (config.json, tokenizer.json, `onnx/model.onnx`), such as a DeBERTa trained for NLI:
 * from a folder, of which nothing is fetched, or from the hub by its name. One with a single label is a reward model. Labels of NLI
 * get this project's names, whatever their case.
 *
 * @throws {Error} if it cannot be had, or its config does not name its labels
 */
export async function transformersScorer(
  place: string,
  { reads, maxTokens = 256 }: OpenScorerOptions = {},
): Promise<LabelScorer | RewardScorer> {
  // By a name that is not a literal, so that compiling a notebook cell need not read all its type declarations.
  const library: string = "@huggingface/transformers";
  const { AutoModelForSequenceClassification, AutoTokenizer } = (await import(library)) as Transformers;
  const isFolder = existsSync(place);
  if (isFolder && !existsSync(join(place, "onnx", "model.onnx")))
    throw new Error(`${place}: no onnx/model.onnx; a classifier of Transformers.js has it`);
  const from = isFolder ? resolve(place) : place;
  const fetched = { local_files_only: isFolder };
  const [tokenizer, model] = await Promise.all([
    AutoTokenizer.from_pretrained(from, fetched),
    AutoModelForSequenceClassification.from_pretrained(from, {
      ...fetched,
      dtype: "fp32",
      session_options: { intraOpNumThreads: defaultThreads() },
    }),
  ]).catch((cause: unknown) => {
    const what = isFolder
      ? "the classifier does not load"
      : "no folder of this name, and the hub's classifier of it cannot be had";
    throw new Error(`${place}: ${what} (${(cause as Error).message})`, { cause });
  });
  const named = Object.entries(model.config.id2label ?? {}).sort(([a], [b]) => Number(a) - Number(b));
  if (named.length === 0) throw new Error(`${place}: config.json names no labels (id2label)`);
  const labels = plainLabels(named.map(([, label]) => label));
  const isNli = labels.some((label) => nliLabels.includes(label));
  const shared = {
    name: place,
    reads: reads ?? (isNli ? ["premise", "hypothesis"] : ["text"]),
    fingerprint: { scorer: "transformers.js", place, labels, maxTokens },
    close: async () => {
      await model.dispose();
    },
  };
  const limit = Math.min(maxTokens, tokenizer.model_max_length ?? maxTokens);

  async function logits(texts: readonly ScoredText[]): Promise<number[][]> {
    checkTexts(shared, texts);
    const found: number[][] = [];
    for (let start = 0; start < texts.length; start += BATCH) {
      const batch = texts.slice(start, start + BATCH);
      const inputs = tokenizer(
        batch.map((text) => (typeof text === "string" ? text : text[0])),
        {
          ...(shared.reads.length === 2 && { text_pair: batch.map((text) => text[1]!) }),
          padding: true,
          truncation: true,
          max_length: limit,
        },
      );
      const { data, dims } = (await model(inputs)).logits;
      const width = dims.at(-1)!;
      if (width !== labels.length)
        throw new Error(`${place}: it has ${width} logits, and config.json names ${labels.length} labels`);
      batch.forEach((_, i) => found.push(Array.from({ length: width }, (_, k) => data[i * width + k]!)));
    }
    return found;
  }

  return labels.length === 1
    ? {
        ...shared,
        kind: "reward",
        rewards: async (texts) => (await logits(texts)).map(([reward]) => reward!),
      }
    : {
        ...shared,
        kind: "labels",
        labels,
        probabilities: async (texts) => (await logits(texts)).map(softmax),
      };
}

function plainLabels(labels: readonly string[]): string[] {
  const small = labels.map((label) => label.toLowerCase());
  return small.length === nliLabels.length && nliLabels.every((label) => small.includes(label))
    ? small
    : [...labels];
}
