import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { openSource } from "../../src/serve/open-source";
import { writeTinyChat } from "../chat/tiny-chat";

const folder = mkdtempSync(join(tmpdir(), "open-source-"));
after(() => rmSync(folder, { recursive: true }));

test("a model in a folder is asked in this process, more often at a time than a server lets wait", async () => {
  const { source, dispose } = await openSource(writeTinyChat(join(folder, "model")));
  const ask = (content: string) => source.ask({ messages: [{ role: "user", content }], maxTokens: 2 });
  const answers = await Promise.all(Array.from({ length: 110 }, (_, i) => ask(`Hello ${i % 2}`)));
  assert.deepEqual(answers[108]!.text, answers[0]!.text);
  assert.ok(answers.every(({ usage }) => usage.completionTokens <= 2));
  assert.match(source.name, /model \(in this process\)$/);
  await dispose();
  await assert.rejects(openSource(join(folder, "none")), /none/);
});
