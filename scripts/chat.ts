/** npm run chat: talks with a model in the terminal, or answers each line of a pipe. */
import { createInterface } from "node:readline";
import { Command, InvalidArgumentError } from "commander";
import {
  type AnswerOptions,
  Conversation,
  DEFAULT_ANSWERS,
  introduce,
  openChatModel,
  personaFor,
  talk,
  type TalkPlace,
} from "../src/chat";
import { visible } from "../src/text";
import { deviceOption, wholeFrom } from "./options";

interface Options extends Required<AnswerOptions> {
  persona?: string;
  adapter?: string;
  plain: boolean;
}

const numberIn = (low: number, high: number) => (text: string) => {
  const value = Number(text);
  if (text.trim() === "" || !(value >= low && value <= high))
    throw new InvalidArgumentError(`"${text}" is not a number from ${low} to ${high}.`);
  return value;
};

const probability = (text: string) => {
  const value = numberIn(0, 1)(text);
  if (value === 0) throw new InvalidArgumentError("0 leaves no token to draw.");
  return value;
};

/** The person's lines, and what Ctrl-C does: it stops the answer; the second one, or one at the prompt, leaves. */
function terminal(): TalkPlace & { close: () => void } {
  const { stdin, stdout, stderr } = process;
  const shown = stdin.isTTY ? (stdout.isTTY ? stdout : stderr) : undefined;
  const lines = createInterface({ input: stdin, output: shown, prompt: "> " });
  const waiting: string[] = [];
  let closed = false;
  let answering: AbortController | undefined;
  let wake = () => {};
  lines.on("line", (line) => {
    waiting.push(line);
    wake();
  });
  lines.on("close", () => {
    closed = true;
    wake();
  });
  const interrupted = () => {
    if (answering?.signal.aborted) process.exit(130);
    if (answering) answering.abort();
    else lines.close();
  };
  lines.on("SIGINT", interrupted);
  process.on("SIGINT", interrupted);
  stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code === "EPIPE") process.exit(0); // whoever read the answers has left
    throw error;
  });
  return {
    async ask() {
      answering = undefined;
      if (shown && !closed) lines.prompt();
      while (waiting.length === 0 && !closed) await new Promise<void>((resolve) => (wake = resolve));
      return waiting.shift();
    },
    write: (text) => void stdout.write(text),
    say: (line) => void stderr.write(`${line}\n`),
    listen: () => (answering = new AbortController()).signal,
    close: () => lines.close(),
  };
}

async function main(): Promise<void> {
  const command = new Command("npm run chat --")
    .description("Talks with a model. Without a terminal, each line of the input is a turn.")
    .argument(
      "[model]",
      "a folder, a GGUF file, OWNER/NAME of the Hugging Face hub, or the name of a run in outputs; default: the embedded model",
    )
    .option(
      "--persona <FILE|ID>",
      "who the model is: a file (JSONL, FILE#ID for one of several; or text with a fact a line), an ID of the embedded conversations such as train-1/2, or of a model that plays personas the id of one",
    )
    .option("--adapter <folder>", "an adapter of this model, as PEFT or this project writes it")
    .option("--plain", "a model without a chat template goes on with a transcript in plain text", false)
    .option(
      "--temperature <number>",
      "sharpens (below 1) or flattens how tokens are drawn; 0: the most likely one each time",
      numberIn(0, 100),
      DEFAULT_ANSWERS.temperature,
    )
    .option(
      "--top-p <share>",
      "tokens are drawn from the best ones that have this probability together",
      probability,
      DEFAULT_ANSWERS.topP,
    )
    .option("--seed <number>", "equal seeds give equal answers", wholeFrom(0), DEFAULT_ANSWERS.seed)
    .option(
      "--max-new-tokens <number>",
      "of an answer at most; a quarter of the model's context at most",
      wholeFrom(1),
      DEFAULT_ANSWERS.maxNewTokens,
    )
    .addOption(deviceOption())
    .addHelpText(
      "after",
      `
Ctrl-C stops the answer; a second one, or one at the prompt, leaves. /help says what else can be typed.

Examples:
  npm run chat
  npm run chat -- models/SmolLM2-135M-Instruct.gguf --persona train-1/2
  npm run chat -- t5-small-lora --persona people.jsonl#sailor
  npm run chat -- persona_simulator_v2_rl --persona playful`,
    )
    .showHelpAfterError()
    .parse();
  const { persona, adapter, plain, ...answers } = command.opts<Options>();
  const model = await openChatModel({ model: command.args[0], adapter, plain });
  const found = await personaFor(persona, model.personas);
  const conversation = new Conversation(model, found?.persona, answers);
  const place = terminal();
  place.say(visible(introduce(model, answers, found)));
  const allAnswered = await talk(conversation, place, found);
  place.close();
  await model.dispose();
  if (!allAnswered && !process.stdin.isTTY) process.exitCode = 1;
}

main()
  .catch((error: unknown) => {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 1;
  })
  .finally(() => process.exit());
