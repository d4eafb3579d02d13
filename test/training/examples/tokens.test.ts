import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import type { Message } from "../../../src/corpus/rows";
import { embeddedChatModel } from "../../../src/models/pretrained/embedded";
import { loadTokenizer } from "../../../src/models/tokenizer/tokenizer";
import { rowLength, rowTokens } from "../../../src/training/examples/tokens";
import { writeTinyChat } from "../../chat/tiny-chat";

const folder = mkdtempSync(join(tmpdir(), "row-tokens-"));
after(() => rmSync(folder, { recursive: true }));

test("an answer that was counted once is as long behind any other prompt", async () => {
  for (const place of [embeddedChatModel, writeTinyChat(folder)]) {
    const tokenizer = await loadTokenizer(place);
    const [count, tokens] = [rowLength(tokenizer), rowTokens(tokenizer)];
    const answers = ["Hi!", "boring!", "Let's do something fun, shall we?"].map((content): Message[] => [
      { role: "assistant", content },
    ]);
    for (const prompt of ["Hello", "Well, well. What now?", "a b c"].map((content): Message[] => [
      { role: "system", content: "Be kind." },
      { role: "user", content },
    ]))
      for (const answer of answers) {
        const { promptIds, completionIds } = tokens.completion(prompt, answer);
        assert.equal(count(prompt, answer), promptIds.length + completionIds.length);
      }
    assert.equal(
      count("ab", "cd"),
      tokens.completion("ab", "cd").promptIds.length + tokens.completion("ab", "cd").completionIds.length,
    );
  }
});
