/** npm run write: the persona writing room, a page of this machine on which people chat as a persona. */
import { join, resolve } from "node:path";
import { Command } from "commander";
import { openChatModel } from "../src/chat";
import { personaDirectory, readPersonaSpecs } from "../src/corpus";
import { checkWritable, shownPath } from "../src/io";
import { asSoleWriter, readTopics, topicsFile } from "../src/simulator";
import { modelPartner, quietPartner, startWritingRoom } from "../src/writing";
import { deviceOption, wholeFrom } from "./options";
import { runServing, stopOnSignal } from "./stopping";

interface Options {
  out: string;
  personas: string;
  topics: string;
  port: number;
}

const TOKEN_VARIABLE = "PERSONA_WRITE_TOKEN";

async function main(): Promise<void> {
  const command = new Command("npm run write --")
    .description(
      "Opens the persona writing room: a page on which a person chats as a persona with a partner, and gives weaker answers beside each " +
        "of its turns. Every turn is saved as it is sent.",
    )
    .argument(
      "[model]",
      "the partner: a folder, a GGUF file, OWNER/NAME of the Hugging Face hub, or the name of a run in outputs; default: the embedded model",
    )
    .option(
      "--out <folder>",
      "where what is written lies, a file a writer",
      join(process.env["PERSONA_OUTPUTS"] || "outputs", "written"),
    )
    .option("--personas <folder>", "persona specifications, a JSON file each", personaDirectory)
    .option("--topics <file>", "a topic a line", topicsFile)
    .option("--port <number>", "0 takes one that is free", wholeFrom(0), 8090)
    .addOption(deviceOption())
    .addHelpText(
      "after",
      `
Open the address that is shown; it has the token in it, which is drawn anew each time unless ${TOKEN_VARIABLE} holds one. Several
people can write at a time, each under a name of their own. The folder holds NAME.jsonl, a record for each finished conversation, and
drafts/NAME.json with those that are not finished: the same command goes on with them, however it ended. Ctrl-C ends the room.

Examples:
  npm run write
  npm run write -- models/SmolLM2-135M-Instruct.gguf --out outputs/written`,
    )
    .showHelpAfterError()
    .parse();
  const { personas, topics, port, ...options } = command.opts<Options>();
  const directory = resolve(options.out);
  const room = { directory, personas: readPersonaSpecs(personas), topics: readTopics(topics), port };
  checkWritable(directory);
  await asSoleWriter(directory, async () => {
    const signal = stopOnSignal("Closing the room; what was sent is saved");
    console.error("opening the partner …");
    const model = await openChatModel({ model: command.args[0] });
    console.log(`the partner is ${model.why}`);
    const token = process.env[TOKEN_VARIABLE]?.trim() || undefined;
    const { url, close } = await startWritingRoom({
      ...room,
      partners: { model: modelPartner(model, command.args[0] ?? "the embedded model"), quiet: quietPartner },
      ...(token !== undefined && { token }),
    });
    console.log(`what is written goes to ${shownPath(directory)}`);
    console.log(`open ${url}`);
    console.log("Ctrl-C ends it");
    if (!signal.aborted) await new Promise((ended) => signal.addEventListener("abort", ended));
    await close();
    await model.dispose();
  });
}

runServing(main);
