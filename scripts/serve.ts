/** npm run serve: a model behind the chat API that OpenAI's clients speak, on this machine alone. */
import { basename } from "node:path";
import { Command, InvalidArgumentError } from "commander";
import { openChatModel } from "../src/chat";
import { Served, startServer } from "../src/serve";
import { deviceOption, wholeFrom } from "./options";
import { runServing } from "./stopping";

interface Options {
  name?: string;
  adapter: Record<string, string>;
  plain: boolean;
  port: number;
  rows: number;
  batches: number;
  queue: number;
}

const TOKEN_VARIABLE = "PERSONA_SERVE_TOKEN";

/** NAME=FOLDER, as often as there are adapters. */
function adapter(text: string, before: Record<string, string>): Record<string, string> {
  const [, name, folder] = /^([\w.-]+)=(.+)$/.exec(text) ?? [];
  if (name === undefined || folder === undefined)
    throw new InvalidArgumentError(
      `"${text}" is not NAME=FOLDER, with a name of letters, digits, . _ and -.`,
    );
  if (Object.hasOwn(before, name)) throw new InvalidArgumentError(`the name ${name} is given twice.`);
  return { ...before, [name]: folder };
}

async function main(): Promise<void> {
  const command = new Command("npm run serve --")
    .description("Serves a model as POST /v1/chat/completions on 127.0.0.1, for those who have the token.")
    .argument(
      "[model]",
      "a folder, a GGUF file, OWNER/NAME of the Hugging Face hub, or the name of a run in outputs; default: the embedded model",
    )
    .option("--name <NAME>", "what requests call the model; default: its file's or folder's name")
    .option(
      "--adapter <NAME=FOLDER>",
      "an adapter of this model, which requests then name as a model of its own; as often as wished",
      adapter,
      {},
    )
    .option("--plain", "a model without a chat template goes on with a transcript in plain text", false)
    .option("--port <number>", "0 takes one that is free", wholeFrom(0), 8080)
    .option("--rows <number>", "requests that are answered together in a batch at most", wholeFrom(1), 8)
    .option("--batches <number>", "batches that take turns at most", wholeFrom(1), 4)
    .option("--queue <number>", "requests that wait at most; more are answered 429", wholeFrom(0), 64)
    .addOption(deviceOption())
    .addHelpText(
      "after",
      `
The token is in the variable ${TOKEN_VARIABLE}, or drawn anew and shown. Ctrl-C ends the server.

Examples:
  npm run serve -- models/SmolLM2-135M-Instruct.gguf
  npm run serve -- models/smollm2 --adapter maria=outputs/maria/adapter --adapter tom=outputs/tom/adapter
  curl $URL/chat/completions -H "Authorization: Bearer $TOKEN" -H "Content-Type: application/json" \\
    -d '{"model": "maria", "messages": [{"role": "user", "content": "Hi!"}], "max_tokens": 40}'`,
    )
    .showHelpAfterError()
    .parse();
  const { name, adapter: adapters, plain, port, ...batches } = command.opts<Options>();
  const [place] = command.args;
  const model = await openChatModel({ model: place, adapters, plain });
  const own = name ?? basename(place ?? "embedded").replace(/\.gguf$/i, "");
  if (Object.hasOwn(adapters, own))
    throw new Error(`an adapter is called ${own}, as the model is: give --name`);
  const served = new Served(
    { ...model, name: own },
    { rows: batches.rows, batches: batches.batches, waiting: batches.queue },
  );
  const given = process.env[TOKEN_VARIABLE]?.trim() || undefined;
  const server = await startServer(served, { port, ...(given !== undefined && { token: given }) });
  console.log(`${model.why}`);
  console.log(`serves ${served.names.join(", ")} at ${server.url}`);
  console.log(given === undefined ? `token: ${server.token}` : `the token is in ${TOKEN_VARIABLE}`);
  console.log("Ctrl-C ends it");
  await new Promise<void>((resolve) => {
    process.once("SIGINT", () => resolve());
    process.once("SIGTERM", () => resolve());
  });
  await server.close();
}

runServing(main);
