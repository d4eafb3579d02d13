import { defaultThreads } from "../engine";
import type { GenerationOptions } from "../generation";

interface Transformers {
  AutoModelForSeq2SeqLM: {
    from_pretrained(
      path: string,
      options: { local_files_only: true; dtype: string; session_options: { intraOpNumThreads: number } },
    ): Promise<Model>;
  };
  AutoTokenizer: { from_pretrained(path: string, options: { local_files_only: true }): Promise<Tokenizer> };
}

interface Model {
  generate(options: object): Promise<unknown>;
  dispose(): Promise<unknown>;
}

interface Tokenizer {
  (text: string): object;
  batch_decode(ids: unknown, options: { skip_special_tokens: true }): string[];
}

export interface TransformersJsUseOptions extends Pick<
  GenerationOptions,
  "maxNewTokens" | "repetitionPenalty" | "noRepeatNgramSize"
> {
  /**
   * Which of the exported variants.
   * @default "fp32"
   */
  dtype?: "fp32" | "q8";
}

/**
 * Generates greedily with @huggingface/transformers from a directory that `exportTransformersJs` wrote, text by text, as a
 * web page would. Nothing is fetched.
 */
export async function generateWithTransformersJs(
  directory: string,
  texts: readonly string[],
  { dtype = "fp32", ...options }: TransformersJsUseOptions,
): Promise<string[]> {
  // By a name that is not a literal, so that compiling a notebook cell need not read all its type declarations.
  const name: string = "@huggingface/transformers";
  const { AutoModelForSeq2SeqLM, AutoTokenizer } = (await import(name)) as Transformers;
  const tokenizer = await AutoTokenizer.from_pretrained(directory, { local_files_only: true });
  const model = await AutoModelForSeq2SeqLM.from_pretrained(directory, {
    local_files_only: true,
    dtype,
    session_options: { intraOpNumThreads: defaultThreads() },
  });
  const generation = {
    max_new_tokens: options.maxNewTokens,
    repetition_penalty: options.repetitionPenalty ?? 1,
    no_repeat_ngram_size: options.noRepeatNgramSize ?? 0,
  };
  try {
    const answers: string[] = [];
    for (const text of texts) {
      const ids = await model.generate({ ...tokenizer(text), ...generation });
      answers.push(...tokenizer.batch_decode(ids, { skip_special_tokens: true }));
    }
    return answers;
  } finally {
    await model.dispose();
  }
}
