import type { EnvHttpProxyAgent, Response } from "undici";
import { shorten } from "../text";
import { HubError } from "./errors";
import type { HubAccess } from "./location";

/** HTTP_PROXY, HTTPS_PROXY and NO_PROXY are read, and undici is loaded, when the first request is made. */
let agent: EnvHttpProxyAgent | undefined;

export interface RequestOptions {
  method: "GET" | "HEAD";
  headers?: Record<string, string>;
  signal?: AbortSignal;
  /**
   * Which redirects are followed. One that is not is the answer.
   * @default all
   */
  follow?: (redirect: Response) => boolean;
}

/**
 * One request to the hub. Redirects are followed by hand, so that the token goes to the endpoint's own origin and to
 * nobody else.
 */
export async function hubRequest(url: URL, access: HubAccess, options: RequestOptions): Promise<Response> {
  const undici = await import("undici");
  agent ??= new undici.EnvHttpProxyAgent();
  const home = new URL(access.endpoint).origin;
  for (let hop = 0, current = url; hop < 10; hop++) {
    const authorization =
      access.token && current.origin === home ? { authorization: `Bearer ${access.token}` } : {};
    const response = await undici.fetch(current, {
      method: options.method,
      headers: {
        "user-agent": "persona-dialogue-notebooks",
        "accept-encoding": "identity",
        ...options.headers,
        ...authorization,
      },
      redirect: "manual",
      signal: options.signal,
      dispatcher: agent,
    });
    const location = response.headers.get("location");
    if (response.status < 300 || response.status > 399 || !location) return response;
    const next = new URL(location, current);
    if (!/^https?:$/.test(next.protocol) || (current.protocol === "https:" && next.protocol === "http:")) {
      throw new HubError(
        "refused",
        `${current.host} redirects to ${next.protocol}//${next.host}, which is not followed`,
      );
    }
    if (options.follow?.(response) === false) return response;
    await response.body?.cancel();
    current = next;
  }
  throw new HubError("refused", `${url.host}: more than ten redirects`);
}

/** What the hub says of a file before it is fetched. */
export interface RemoteFile {
  /** SHA-256 of a large file (Git LFS), 64 digits; Git's blob SHA-1 of a small one, 40 digits. */
  checksum: string;
  /** In bytes; `null` where the answer does not say it, as a mirror that sends in chunks does not. */
  size: number | null;
  /** The commit that the revision names now. */
  commit: string | null;
}

/**
 * Asks for a file's checksum, size and commit (`HEAD`, or the head of a `GET` where a mirror has no `HEAD`).
 *
 * @throws {HubError} for an answer that is no success, or that no hub would give
 */
export async function describeRemoteFile(
  url: URL,
  access: HubAccess,
  signal?: AbortSignal,
): Promise<RemoteFile> {
  // The hub's own redirect to its CDN says what the file is; a mirror's redirect to the hub does not.
  const follow = ({ headers }: Response) => !headers.has("x-linked-etag");
  let response = await hubRequest(url, access, { method: "HEAD", signal, follow });
  await response.body?.cancel();
  if (response.status === 405 || response.status === 501) {
    response = await hubRequest(url, access, { method: "GET", signal, follow });
    await response.body?.cancel();
  }
  if (response.status >= 400) throw statusError(response, url, access);
  const header = (name: string) => response.headers.get(name);
  const tag = header("x-linked-etag") ?? header("etag");
  // Servers that compress mark their tags.
  const checksum = (tag ?? "")
    .replace(/^W\/|"/g, "")
    .replace(/-gzip$/, "")
    .toLowerCase();
  if (!/^([0-9a-f]{40}|[0-9a-f]{64})$/.test(checksum)) {
    const found = tag === null ? "has no header ETag or X-Linked-ETag" : `has the ETag ${shorten(tag, 80)}`;
    throw new HubError(
      "refused",
      `${show(url)} does not answer like the Hugging Face hub: the answer ${found}, so there is no checksum (SHA-1 or SHA-256) to check the file by; ` +
        "set HF_ENDPOINT to a mirror that sends the hub's ETag, look for a proxy's login page, or download the files into a folder and name it in PERSONA_MODEL (a model) or PERSONA_DATA (the corpus)",
    );
  }
  return { checksum, size: sizeOf(response), commit: header("x-repo-commit") };
}

/** The file's size as an answer says it: of a redirect or of compressed bytes, Content-Length is another one. */
function sizeOf({ status, headers }: Response): number | null {
  const isOfFile = status < 300 && !headers.has("content-encoding");
  const said = headers.get("x-linked-size") ?? (isOfFile ? headers.get("content-length") : null);
  return said !== null && /^\d{1,15}$/.test(said) ? Number(said) : null;
}

/** A status that may pass when the request is made again. */
export class TransientStatus extends Error {
  constructor(
    readonly status: number,
    /** From the answer's Retry-After, where it has one. */
    readonly waitMs: number | undefined,
    url: URL,
  ) {
    super(`${url.host} answered ${status}`);
  }
}

/** The error for an answer of 400 or above. */
export function statusError(response: Response, url: URL, access: HubAccess): HubError | TransientStatus {
  const { status } = response;
  if (status === 408 || status === 429 || status >= 500) {
    const seconds = Number(response.headers.get("retry-after") ?? NaN);
    return new TransientStatus(status, seconds >= 0 ? seconds * 1000 : undefined, url);
  }
  const code = response.headers.get("x-error-code") ?? "";
  if (status === 401 || code === "RepoNotFound") {
    const advice = access.token
      ? "the token in HF_TOKEN is not valid or may not read it"
      : "it does not exist, or it is private or gated: set HF_TOKEN to a token that may read it";
    return new HubError("unauthorized", `${show(url)}: refused (${status}); ${advice}`);
  }
  if (status === 403 || code === "GatedRepo") {
    return new HubError(
      "forbidden",
      `${show(url)}: forbidden (${status}); if the repository is gated, accept its conditions on its page and set HF_TOKEN`,
    );
  }
  if (status === 404) {
    const what =
      code === "RevisionNotFound" ? "revision" : code === "EntryNotFound" ? "file in this revision" : "file";
    return new HubError("not found", `${show(url)}: no such ${what} (404)`);
  }
  return new HubError("refused", `${show(url)}: answered ${status}`);
}

/** An address for messages: without credentials and query. */
export function show(url: URL): string {
  return url.origin + url.pathname;
}
