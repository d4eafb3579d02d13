import { inspect } from "node:util";
import { ChatApiError } from "./errors";

/**
 * Where a chat API is, and the key for it. The key goes into one header and nowhere else: not into JSON, not into what `inspect`
 * or a template string shows.
 */
export class Endpoint {
  readonly #key: string | undefined;

  constructor(
    /** Up to and including the version: `https://api.openai.com/v1`, `http://127.0.0.1:8080/v1`. */
    readonly base: URL,
    key: string | undefined,
  ) {
    this.#key = key;
  }

  get hasKey(): boolean {
    return this.#key !== undefined;
  }

  /** The headers that let a request in. */
  authorization(): Record<string, string> {
    return this.#key === undefined ? {} : { authorization: `Bearer ${this.#key}` };
  }

  /** A text of the server's without the key, should it repeat it. */
  without(text: string): string {
    return this.#key === undefined ? text : text.replaceAll(this.#key, "[key]");
  }

  /** The address of a part of the API. */
  url(path: string): URL {
    return new URL(`${this.base.pathname.replace(/\/$/, "")}/${path}`, this.base);
  }

  toString(): string {
    return this.base.origin + this.base.pathname.replace(/\/$/, "");
  }

  [inspect.custom](): string {
    return `Endpoint(${this.toString()})`;
  }
}

/** Variables of the environment that say where the API is: those that OpenAI's own clients read. */
export const BASE_URL_VARIABLE = "OPENAI_BASE_URL";
export const KEY_VARIABLE = "OPENAI_API_KEY";

const EXAMPLES =
  "https://api.openai.com/v1 (OpenAI), http://127.0.0.1:8080/v1 (llama.cpp's server), http://127.0.0.1:8000/v1 (vLLM), " +
  "http://127.0.0.1:11434/v1 (Ollama), http://127.0.0.1:1234/v1 (LM Studio)";

/**
 * The API that the environment names: its address in `OPENAI_BASE_URL`, its key, where it wants one, in `OPENAI_API_KEY`.
 *
 * @throws {ChatApiError} if the address is missing or is none, or if a key would travel unencrypted to another machine
 */
export function endpointOf(
  environment: Readonly<Record<string, string | undefined>> = process.env,
): Endpoint {
  const said = environment[BASE_URL_VARIABLE]?.trim();
  const key = environment[KEY_VARIABLE]?.trim() || undefined;
  if (!said)
    throw new ChatApiError(
      "settings",
      `${BASE_URL_VARIABLE} is not set: give it the address of a chat API, such as ${EXAMPLES}`,
    );
  const base = URL.canParse(said) ? new URL(said) : undefined;
  if (!base || !/^https?:$/.test(base.protocol))
    throw new ChatApiError(
      "settings",
      `${BASE_URL_VARIABLE} is no address that begins with http:// or https://: give it one such as ${EXAMPLES}`,
    );
  if (base.username !== "" || base.password !== "" || base.search !== "")
    throw new ChatApiError(
      "settings",
      `${BASE_URL_VARIABLE} holds a name, a password or a query, which would stand in records: put the key into ${KEY_VARIABLE}`,
    );
  if (key !== undefined && base.protocol === "http:" && !isLoopback(base.hostname))
    throw new ChatApiError(
      "settings",
      `${BASE_URL_VARIABLE} (${base.origin}) is not encrypted, and the key in ${KEY_VARIABLE} would go over the network to be read: use https://, or unset the key`,
    );
  if (key !== undefined && /[^\x21-\x7e]/.test(key))
    throw new ChatApiError(
      "settings",
      `${KEY_VARIABLE} holds a space or another character that no key has: copy it once more`,
    );
  return new Endpoint(base, key);
}

const isLoopback = (host: string) => host === "localhost" || host === "[::1]" || /^127(\.\d+){3}$/.test(host);
