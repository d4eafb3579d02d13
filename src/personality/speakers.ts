import type { Said } from "../corpus";
import { openTrainingModel, stopTokens } from "../experiments";
import { generateTexts, type TextGenerationOptions } from "../generation";
import { AdapterSet, readAdapter } from "../models/lora";
import { loadTokenizer, type TaskType } from "../models";
import { answerNats } from "../evaluation";
import { causalExample, type Example, fitted, frozenModel, rowTokens } from "../training";

/** What a model said. */
export interface Spoken {
  readonly text: string;
  /** Tokens of the prompt, and of the answer. */
  readonly promptTokens: number;
  readonly tokens: number;
}

/** What is said after a prompt. */
export interface AskedAfter {
  readonly prompt: Said;
  readonly completion: Said;
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
  /**
   * How surprised an adapter is by what is said after each prompt: −Σ log p of its tokens, that which ends it included, in nats.
   *
   * @throws {RangeError} if a prompt and what is said have more tokens than the model has positions
   */
  nats(name: string | undefined, said: readonly AskedAfter[]): Promise<number[]>;
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
    const read = Object.fromEntries(
      Object.entries(adapters).map(([name, folder]) => [name, readAdapter(folder, checkpoint)]),
    );
    const set = new AdapterSet(checkpoint, read);
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
      async nats(name, said) {
        if (said.length === 0) return [];
        set.use(name === undefined ? {} : { [name]: 1 }); // refuses a name that is not there
        const frozen = frozenModel(checkpoint, name === undefined ? {} : { adapter: read[name]! });
        const examples = said.map(({ prompt, completion }) => {
          const whole = fitted(
            prompt,
            (one) => example(one, completion),
            ({ inputIds }) => inputIds.length <= maxPositions,
          ).value;
          if (whole.inputIds.length <= maxPositions) return whole;
          throw new RangeError(
            `a prompt with what is said after it has more than the model's ${maxPositions} positions`,
          );
        });
        const { padTokenId } = config;
        return answerNats(frozen, examples, {
          taskType,
          padTokenId,
          padToMultipleOf: PAD_TO_MULTIPLE_OF,
          batchSize: BATCH_SIZE,
        });
      },
      async dispose() {
        await generator.dispose();
        checkpoint.close();
      },
    };

    function example(prompt: Said, completion: Said): Example {
      if (taskType === "SEQ_2_SEQ_LM" && typeof prompt === "string" && typeof completion === "string")
        return { inputIds: tokenizer.encode(prompt), labels: tokenizer.encode(completion) };
      const { promptIds: inputIds, completionIds: labels } = tokens.completion(prompt, completion);
      return causalExample({ inputIds, labels });
    }
  } catch (error) {
    checkpoint.close();
    throw error;
  }
}

/** Rows whose likelihood is asked together, and what their lengths are rounded up to: few shapes, each compiled once. */
const BATCH_SIZE = 8;
const PAD_TO_MULTIPLE_OF = 32;
