import type { Said } from "../corpus";
import { openTrainingModel, stopTokens } from "../experiments";
import { generateTexts, type TextGenerationOptions } from "../generation";
import { AdapterSet, readAdapter } from "../models/lora";
import { loadTokenizer, type TaskType } from "../models";
import { fitted, rowTokens } from "../training";

/** What a model said. */
export interface Spoken {
  readonly text: string;
  /** Tokens of the prompt, and of the answer. */
  readonly promptTokens: number;
  readonly tokens: number;
}

/** One model with several adapters, of which each speaks when it is asked. */
export interface Speakers {
  readonly taskType: TaskType;
  /** Names of the adapters. */
  readonly names: readonly string[];
  /**
   * What an adapter says to each prompt; `undefined` is the model without one. A prompt that is too long loses its oldest turns.
   *
   * @throws {RangeError} if there is no adapter of this name
   */
  say(name: string | undefined, prompts: readonly Said[], options: TextGenerationOptions): Promise<Spoken[]>;
  /** Frees the model. */
  dispose(): Promise<void>;
}

/**
 * Opens a model and adapters of it, each by a name, that methods trained (`runMethod`). The model is made once, and adapters are
 * switched between answers.
 *
 * @param model a folder, a GGUF file or a name of the hub
 * @param adapters folders by name
 */
export async function openSpeakers(
  model: string,
  adapters: Readonly<Record<string, string>>,
): Promise<Speakers> {
  const base = await openTrainingModel(model);
  const { checkpoint } = base;
  try {
    const { architecture, config } = checkpoint;
    const { taskType } = architecture;
    const [first] = Object.values(adapters);
    const tokenizer = first === undefined ? base.tokenizer : await loadTokenizer(first);
    const set = new AdapterSet(
      checkpoint,
      Object.fromEntries(
        Object.entries(adapters).map(([name, folder]) => [name, readAdapter(folder, checkpoint)]),
      ),
    );
    const generator = await architecture.createGenerator(checkpoint, { adapter: set });
    const stopTokenIds = [...new Set([...stopTokens(base), tokenizer.eosId])];
    const { maxPositions = Infinity } = config;
    const tokens = rowTokens(tokenizer);
    const encode = (said: Said) =>
      taskType === "SEQ_2_SEQ_LM" && typeof said === "string" ? tokenizer.encode(said) : tokens.prompt(said);
    return {
      taskType,
      names: set.names,
      async say(name, prompts, options) {
        if (prompts.length === 0) return [];
        set.use(name === undefined ? {} : { [name]: 1 });
        const inputs = prompts.map(
          (said) => fitted(said, encode, ({ length }) => length + options.maxNewTokens <= maxPositions).value,
        );
        const texts = await generateTexts(generator, tokenizer, inputs, { stopTokenIds, ...options });
        return texts.map(({ text, tokens }, i) => ({
          text: text.replace(/\s+/g, " ").trim(),
          promptTokens: inputs[i]!.length,
          tokens: tokens.length,
        }));
      },
      dispose: () => generator.dispose(),
    };
  } finally {
    checkpoint.close();
  }
}
