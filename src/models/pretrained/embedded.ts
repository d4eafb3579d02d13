import { join } from "node:path";

/** The causal model that was pretrained for this project on dialogues with personas: `data/chat-model`. */
export const embeddedChatModel = join(__dirname, "../../../data/chat-model");
