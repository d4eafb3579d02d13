import { EnvHttpProxyAgent, fetch, type Response } from "undici";
import { HubError } from "./errors";
import type { HubAccess } from "./location";

/** HTTP_PROXY, HTTPS_PROXY and NO_PROXY are read when the first request is made. */
let agent: EnvHttpProxyAgent | undefined;

export interface RequestOptions {
  method: "GET" | "HEAD";
  headers?: Record<string, string>;
  signal?: AbortSignal;
  /** Whether to follow a redirect to another host too; those within a host are always followed. */
  followToOtherHosts: (redirect: Response) => boolean;
}

/**
 * One request to the hub. Redirects are followed by hand, so that the token goes to the endpoint's own origin and to
 * nobody else.
 */
export async function hubRequest(url: URL, access: HubAccess, options: RequestOptions): Promise<Response> {
  agent ??= new EnvHttpProxyAgent();
  const home = new URL(access.endpoint).origin;
  for (let hop = 0, current = url; hop < 10; hop++) {
    const authorization =
      access.token && current.origin === home ? { authorization: `Bearer ${access.token}` } : {};
    const response = await fetch(current, {
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
    if (next.origin !== current.origin && !options.followToOtherHosts(response)) return response;
    await response.body?.cancel();
    current = next;
  }
  throw new HubError("refused", `${url.host}: more than ten redirects`);
}

/** What the hub says of a file before it is fetched. */
export interface RemoteFile {
  /** SHA-256 of a large file (Git LFS), 64 digits; Git's blob SHA-1 of a small one, 40 digits. */
  checksum: string;
  /** In bytes. */
  size: number;
  /** The commit that the revision names now. */
  commit: string | null;
}

/**
 * Asks for a file's checksum, size and commit (`HEAD`).
 *
 * @throws {HubError} for an answer that is no success, or that no hub would give
 */
export async function describeRemoteFile(
  url: URL,
  access: HubAccess,
  signal?: AbortSignal,
): Promise<RemoteFile> {
  // The hub's own redirect to its CDN says what the file is; a mirror's redirect to the hub does not.
  const followToOtherHosts = ({ headers }: Response) => !headers.has("x-linked-etag");
  const response = await hubRequest(url, access, { method: "HEAD", signal, followToOtherHosts });
  await response.body?.cancel();
  if (response.status >= 400) throw statusError(response, url, access);
  const header = (name: string) => response.headers.get(name);
  const checksum = (header("x-linked-etag") ?? header("etag") ?? "").replace(/^W\/|"/g, "").toLowerCase();
  const size = Number(header("x-linked-size") ?? header("content-length") ?? NaN);
  if (!/^([0-9a-f]{40}|[0-9a-f]{64})$/.test(checksum) || !Number.isSafeInteger(size) || size < 0) {
    throw new HubError(
      "refused",
      `${show(url)} does not answer like the Hugging Face hub (no checksum or size); look at HF_ENDPOINT, or for a proxy's login page`,
    );
  }
  return { checksum, size, commit: header("x-repo-commit") };
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
