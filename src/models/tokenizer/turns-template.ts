import { loadTokenizer, readTokenizerFiles, type Tokenizer } from "./tokenizer";

/**
 * A chat template for tokenizers without one: who speaks on a line of its own, what is said below it. The end-of-sequence token ends
 * what the assistant says, so that a model learns to stop.
 */
const TURNS = [
  "{% for message in messages %}",
  "{% if message['role'] == 'system' %}{{ message['content'] }}\n\n",
  "{% elif message['role'] == 'user' %}User:\n{{ message['content'] }}\n",
  "{% else %}Assistant:\n{{ message['content'] }}{{ eos_token }}\n{% endif %}",
  "{% endfor %}",
  "{% if add_generation_prompt %}Assistant:\n{% endif %}",
].join("");

/** A tokenizer with a chat template: itself where it has one, else the same with one of this project's. */
export async function withChatTemplate(tokenizer: Tokenizer): Promise<Tokenizer> {
  if (tokenizer.hasChatTemplate) return tokenizer;
  const files = tokenizer.files ?? readTokenizerFiles(tokenizer.directory);
  const begin = tokenizer.textStart.length > 0 ? "{{ bos_token }}" : "";
  return loadTokenizer({ ...files, config: { ...files.config, chat_template: begin + TURNS } });
}
