import { join } from "node:path";
import { HubError } from "./errors";

/** A file of a repository on the Hugging Face hub. */
export interface HubFile {
  /** `owner/name`, e.g. `google/flan-t5-small`; a few old models have a bare `name`. */
  repo: string;
  /** @default "model" */
  type?: "model" | "dataset";
  /**
   * Branch, tag, commit or `refs/pr/N`.
   * @default "main"
   */
  revision?: string;
  /** Path of the file inside the repository, with `/`. */
  file: string;
}

const repoName = /^[\w-][\w.-]*(\/[\w-][\w.-]*)?$/;
const segment = /^(?!\.{1,2}$)[^\\/:*?"<>|\u0000-\u001f]+$/;

/**
 * Refuses a file whose names could lead out of the repository or of the cache folder.
 *
 * @throws {HubError} `invalid`
 */
export function checkHubFile({ repo, file, revision = "main" }: HubFile): void {
  if (!repoName.test(repo)) throw new HubError("invalid", `not a repository name: ${JSON.stringify(repo)}`);
  for (const [what, path] of [
    ["file", file],
    ["revision", revision],
  ] as const) {
    if (!path.split("/").every((part) => segment.test(part))) {
      throw new HubError("invalid", `not a ${what} of a repository: ${JSON.stringify(path)}`);
    }
  }
}

/** `https://huggingface.co/[datasets/]<repo>/resolve/<revision>/<file>` */
export function resolveUrl(hubFile: HubFile, endpoint: string): URL {
  const { repo, type = "model", revision = "main", file } = hubFile;
  const path = file.split("/").map(encodeURIComponent).join("/");
  const prefix = type === "dataset" ? "datasets/" : "";
  return new URL(
    `${endpoint.replace(/\/+$/, "")}/${prefix}${repo}/resolve/${encodeURIComponent(revision)}/${path}`,
  );
}

/** `<cache>/{models,datasets}/<repo>/<revision>/<file>` */
export function cachePath(hubFile: HubFile, cacheDirectory: string): string {
  const { repo, type = "model", revision = "main", file } = hubFile;
  return join(
    cacheDirectory,
    `${type}s`,
    ...repo.split("/"),
    encodeURIComponent(revision),
    ...file.split("/"),
  );
}

/** How this process reaches the hub; read from the environment unless given. */
export interface HubAccess {
  /** Base address; `HF_ENDPOINT`, else `https://huggingface.co`. */
  endpoint: string;
  /** Sent to the endpoint's own host only; `HF_TOKEN`, else none. */
  token?: string;
  /** Use the cache alone; `HF_HUB_OFFLINE=1`. */
  offline: boolean;
}

/**
 * Reads `HF_ENDPOINT`, `HF_TOKEN` and `HF_HUB_OFFLINE`.
 *
 * @throws {HubError} `invalid` for an endpoint that is no http(s) address, or a token that would travel unencrypted
 */
export function hubAccess(environment: NodeJS.ProcessEnv = process.env): HubAccess {
  const endpoint = environment["HF_ENDPOINT"]?.trim() || "https://huggingface.co";
  const token = environment["HF_TOKEN"]?.trim() || undefined;
  const url = URL.canParse(endpoint) ? new URL(endpoint) : undefined;
  if (!url || !/^https?:$/.test(url.protocol)) {
    throw new HubError("invalid", `HF_ENDPOINT is no http or https address: ${JSON.stringify(endpoint)}`);
  }
  if (token && url.protocol === "http:" && !isLoopback(url.hostname)) {
    throw new HubError(
      "invalid",
      `HF_TOKEN is not sent unencrypted to ${url.host}: make HF_ENDPOINT an https address or unset HF_TOKEN`,
    );
  }
  return { endpoint, token, offline: /^(1|true|yes|on)$/i.test(environment["HF_HUB_OFFLINE"] ?? "") };
}

function isLoopback(hostname: string): boolean {
  return /^(localhost|127(\.\d+){3}|\[::1\])$/.test(hostname);
}
