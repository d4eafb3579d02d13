import { basename } from "node:path";
import { goesInCircles, openChatModel, selfChat } from "../../src/chat";
import { type Dialogue, loadCorpus, sampleDirectory } from "../../src/corpus";
import { bitsPerByte, perplexity } from "../../src/evaluation";
import type { Model } from "../../src/models";
import { mergeAdapter, readAdapter } from "../../src/models/lora";
import { openPretrained } from "../../src/models/pretrained";
import { buildTarget } from "../../src/prompts";
import { type Bench, round } from "./bench";

/** Folders or files of models, between commas; an adapter stands behind its base: MODEL+ADAPTER. */
const MODELS = (process.env["CHAT_MODELS"] ?? "data/chat-model").split(",");
const DATA = process.env["CHAT_MODELS_DATA"] ?? sampleDirectory;
const DIALOGUES = Number(process.env["CHAT_MODELS_DIALOGUES"] ?? 50);
const CHATS = Number(process.env["CHAT_MODELS_CHATS"] ?? 20);
const TURNS = 6;

const bench: Bench = {
  description:
    `how well causal models know the first ${DIALOGUES} validation dialogues (bits a byte, windows of 512 tokens, half of which are new), and how ` +
    `their personas talk with each other (${CHATS} chats of ${TURNS} turns, as npm run chat draws answers)`,
  async run(report) {
    const { splits } = await loadCorpus({ directory: DATA });
    const dialogues = splits.valid.slice(0, Math.max(DIALOGUES, CHATS));
    const rows = [];
    const samples: Record<string, string[][]> = {};
    for (const entry of MODELS) {
      const [model, adapter] = entry.split("+") as [string, string?];
      const name = [model, adapter].flatMap((path) => (path === undefined ? [] : [basename(path)])).join("+");
      report(`${name}: bits a byte`);
      const known = await knownBits(model, adapter, dialogues.slice(0, DIALOGUES));
      report(`${name}: self-chats`);
      const chats = await talks(model, adapter, dialogues.slice(0, CHATS));
      const turns = chats.flat();
      const words = turns.reduce((sum, turn) => sum + turn.split(/\s+/).length, 0);
      rows.push({
        model: name,
        ...known,
        chats: chats.length,
        inCircles: round(chats.filter(goesInCircles).length / chats.length),
        broken: round(chats.filter((chat) => chat.length < TURNS).length / chats.length),
        wordsPerTurn: round(words / turns.length),
      });
      samples[name] = chats.slice(0, 3);
    }
    return { rows, samples };
  },
};
export default bench;

async function knownBits(directory: string, adapter: string | undefined, dialogues: readonly Dialogue[]) {
  const kind = directory.endsWith(".gguf") ? "file" : "directory";
  const { checkpoint, tokenizer } = await openPretrained({ kind, directory, why: "it is measured" });
  try {
    const { architecture, config } = checkpoint;
    const parameters =
      adapter === undefined
        ? checkpoint.parameters
        : mergeAdapter(checkpoint.parameters, readAdapter(adapter, checkpoint));
    const model: Model = { architecture, config, parameters };
    const texts = dialogues.map(buildTarget);
    const tokens = texts.flatMap((text) => tokenizer.encode(text));
    const scored = await perplexity(model, tokens, { window: 512 });
    const shapes = Object.values(architecture.parameterShapes(config));
    return {
      parameters: shapes.reduce((sum, shape) => sum + shape.reduce((a, b) => a * b, 1), 0),
      dialogues: texts.length,
      bitsPerByte: round(bitsPerByte(scored, texts.join("\n"))),
    };
  } finally {
    checkpoint.close();
  }
}

async function talks(model: string, adapter: string | undefined, dialogues: readonly Dialogue[]) {
  const chat = await openChatModel({ model, ...(adapter !== undefined && { adapter }) });
  try {
    const chats = [];
    for (const [seed, { personas }] of dialogues.entries())
      chats.push(await selfChat(chat, personas, TURNS, { seed }));
    return chats;
  } finally {
    await chat.dispose();
  }
}
