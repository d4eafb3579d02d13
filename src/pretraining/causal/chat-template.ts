import { END_OF_TURN, SYSTEM } from "../tokens";

/**
 * The chat template of a causal model that is pretrained here, in Jinja: the turns of a {@link personaChatText}. The user is "User 1", the
 * assistant "User 2", and each message ends with a token.
 */
export const chatTemplate = [
  "{% for message in messages %}",
  `{% if message['role'] == 'system' %}{{ '${SYSTEM} ' + message['content'] }}`,
  "{% elif message['role'] == 'user' %}{{ 'User 1: ' + message['content'] }}",
  "{% elif message['role'] == 'assistant' %}{{ 'User 2: ' + message['content'] }}",
  "{% else %}{{ raise_exception('messages are of system, user and assistant, not of ' + message['role']) }}{% endif %}",
  `{{ '${END_OF_TURN}\\n' }}`,
  "{% endfor %}",
  "{% if add_generation_prompt %}{{ 'User 2:' }}{% endif %}",
].join("");
