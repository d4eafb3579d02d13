import { createInterface } from "node:readline/promises";
import { interruptSignal } from "../display";
import { visible } from "../text";
import { type AnswerOptions, Conversation } from "./conversation";
import { introduce } from "./introduce";
import { type ChatModelOptions, openChatModel } from "./open";
import { personaFor } from "./persona";
import { talk } from "./talk";

export interface ChatOptions extends ChatModelOptions, AnswerOptions {
  /**
   * Who the model is: a file (JSONL, or text with a fact a line), or an ID of the embedded conversations such as `train-1/2`.
   * @default nobody in particular; of a model that plays personas, the first of them
   */
  persona?: string;
}

/**
 * Talks with a model in a cell: a field asks for each turn, and the answer is printed as it comes. ■ stops the answer and ends
 * the talk; so does `/quit`.
 *
 * @throws {Error} if the model, adapter or persona cannot be had, or where the front end takes no input
 * @example
 * await chat({ persona: "train-1/2" });
 */
export async function chat(options: ChatOptions = {}): Promise<void> {
  const signal = interruptSignal();
  const model = await openChatModel(options);
  const found = await personaFor(options.persona, model.personas);
  const lines = createInterface({ input: process.stdin, output: process.stdout });
  let failed: Error | undefined;
  // A front end without input makes the stream fail.
  const failure = new Promise<undefined>((resolve) =>
    process.stdin.once("error", (error: Error) => {
      failed = error;
      resolve(undefined);
    }),
  );
  const ask = async () => {
    if (signal.aborted) return undefined;
    try {
      return await Promise.race([lines.question("You: ", { signal }), failure]);
    } catch (error) {
      if (signal.aborted) return undefined;
      throw error;
    }
  };
  try {
    const conversation = new Conversation(model, found?.persona, options);
    console.log(visible(introduce(model, options, found)));
    await talk(
      conversation,
      {
        ask,
        write: (text) => void process.stdout.write(text),
        say: (line) => console.log(line),
        listen: () => signal,
      },
      found,
    );
    if (failed !== undefined) throw failed;
  } finally {
    lines.close();
    await model.dispose();
  }
}
