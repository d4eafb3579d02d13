import type { PersonaSpec, Said } from "../corpus";
import { startProgress } from "../display";
import { openTrainingModel } from "../experiments";
import { generateTexts } from "../generation";
import { AdapterSet, readAdapter } from "../models/lora";
import { type Tokenizer, withChatTemplate } from "../models/tokenizer";
import { fittedPrompt, type HistoryTurn } from "../prompts";
import { foldSpace, inert } from "../text";
import { rowTokens } from "../training";

/** What {@link Players} call the model without an adapter. */
export const BASE = "base";

/** A persona that is to speak, and what was said until then. */
export interface Situation {
  readonly persona: PersonaSpec;
  readonly history: readonly HistoryTurn[];
}

export interface PlayersOptions {
  /** The model: a folder, a GGUF file, or a name of the hub. */
  readonly model: string;
  /** Folders of adapters over it, by the names of the players that they are. */
  readonly adapters: Readonly<Record<string, string>>;
  /** The most tokens of a prompt and its answer together: what the adapters were trained with. */
  readonly maxLength: number;
  /** The most tokens of an answer. */
  readonly maxNewTokens: number;
  /**
   * Scores are divided by it before drawing.
   * @default 0.7, as in `npm run chat`
   */
  readonly temperature?: number;
  /**
   * Draws from the smallest set of best tokens whose probabilities reach it.
   * @default 0.9, as in `npm run chat`
   */
  readonly topP?: number;
}

/** Who plays personas: a model, and the same with each of its adapters. */
export interface Players {
  /** `base`, then those of the adapters. */
  readonly names: readonly string[];
  /** What a player says as the persona of each situation. Equal seeds draw equally, whatever else is asked. */
  say(player: string, situations: readonly Situation[], seed: number): Promise<string[]>;
  /** What the model without adapter answers as the personas' partner, the assistant, by its chat template alone. */
  answer(histories: readonly (readonly HistoryTurn[])[], seed: number): Promise<string[]>;
  /** Frees the model's programs. */
  dispose(): Promise<void>;
}

/**
 * Opens a model once for all its adapters. A history that is too long loses its oldest turns, as in training.
 *
 * @throws {Error} if there is no such model, or an adapter is another model's
 */
export async function openPlayers({
  model,
  adapters,
  maxLength,
  maxNewTokens,
  temperature = 0.7,
  topP = 0.9,
}: PlayersOptions): Promise<Players> {
  const { checkpoint, tokenizer: own } = await openTrainingModel(model);
  const tokenizer = own.hasChatTemplate ? own : await withChatTemplate(own);
  const set = new AdapterSet(
    checkpoint,
    Object.fromEntries(
      Object.entries(adapters).map(([name, folder]) => [name, readAdapter(folder, checkpoint)]),
    ),
  );
  const generator = await checkpoint.architecture.createGenerator(checkpoint, { adapter: set });
  checkpoint.close();
  const tokens = rowTokens(tokenizer);
  const room = Math.min(maxLength, checkpoint.config.maxPositions ?? Infinity) - maxNewTokens;
  const fits = (prompt: Said) => tokens.prompt(prompt).length <= room;
  const speak = async (name: string, prompts: readonly Said[], seed: number) => {
    set.use(name === BASE ? {} : { [name]: 1 });
    const progress = startProgress(name, prompts.length, { unit: "turns" });
    let reported = 0;
    const texts = await generateTexts(
      generator,
      tokenizer,
      prompts.map((prompt) => tokens.prompt(prompt)),
      {
        ...{ maxNewTokens, doSample: true, temperature, topP, seed },
        stopTokenIds: [...new Set([...generator.stopTokenIds, tokenizer.eosId])],
        onProgress({ done }) {
          progress.advance(done - reported);
          reported = done;
        },
      },
    );
    progress.finish();
    return texts.map(({ text }) => spoken(text, tokenizer));
  };
  return {
    names: [BASE, ...set.names],
    say: async (player, situations, seed) =>
      speak(
        player,
        situations.map(({ persona, history }) => {
          const fitted = fittedPrompt(persona, history, "chat", fits);
          if (fitted) return fitted.prompt;
          throw new RangeError(
            `the definition of ${persona.id} with one turn leaves no room for an answer in ${maxLength} tokens: shorten it, or train with longer rows`,
          );
        }),
        seed,
      ),
    answer: async (histories, seed) =>
      speak(
        BASE,
        histories.map((history) => partnerPrompt(history, fits)),
        seed,
      ),
    dispose: () => generator.dispose(),
  };
}

/** What the partner is asked: the conversation from its side, without its oldest exchanges where it is too long. */
function partnerPrompt(history: readonly HistoryTurn[], fits: (prompt: Said) => boolean): Said {
  for (let from = 0; ; from += 2) {
    const prompt = history.slice(from).map(({ role, content }) => ({ role, content }));
    if (prompt.length <= 2 || fits(prompt)) return prompt;
  }
}

/** What was said when nothing was. */
const NOTHING = "…";

/** An answer as later turns may hold it: on one line, without control tokens that it spells out. */
function spoken(text: string, tokenizer: Tokenizer): string {
  let said = foldSpace(inert(text)).trim();
  for (const token of tokenizer.unshownTokensIn(said)) said = said.replaceAll(token, "");
  return said.trim() === "" ? NOTHING : said.trim();
}
