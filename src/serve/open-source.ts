import type { ChatSource } from "../chat-api";
import { openChatModel } from "../chat";
import { localSource } from "./local";
import { Served } from "./served";

/**
 * Opens a model to be asked in this process: a folder, a GGUF file, a name of the hub or of a run. However many questions come at a
 * time, all are answered, in batches.
 *
 * @throws {Error} if there is no such model, or if it takes no conversation
 */
export async function openSource(
  model: string,
): Promise<{ readonly source: ChatSource; readonly dispose: () => Promise<void> }> {
  const opened = await openChatModel({ model });
  const served = new Served({ ...opened, name: model }, { waiting: Infinity });
  return { source: localSource(served), dispose: opened.dispose };
}
