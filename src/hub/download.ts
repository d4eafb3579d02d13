import { existsSync } from "node:fs";
import { open, rename, rm, stat, statfs, type FileHandle } from "node:fs/promises";
import { dirname } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { checksumOf, fileMatches } from "./checksum";
import { HubError } from "./errors";
import { cachePath, checkHubFile, hubAccess, type HubAccess, type HubFile, resolveUrl } from "./location";
import { claimPartial } from "./partial";
import { showDownload } from "./progress";
import {
  describeRemoteFile,
  hubRequest,
  type RemoteFile,
  show,
  statusError,
  TransientStatus,
} from "./request";

/** How far a download has come. */
export interface DownloadProgress {
  file: string;
  receivedBytes: number;
  /** `null` while the server has not said it; at the end it is what has come. */
  totalBytes: number | null;
  bytesPerSecond: number;
  /** `null` until it can be told. */
  secondsLeft: number | null;
}

/** When to give up. */
export interface RetryPolicy {
  /** Failures in a row without a single new byte. */
  attempts: number;
  /** Wait after the first failure; it doubles with each further one, unless the server says how long. */
  firstWaitMs: number;
  /** A connection that brings no byte for so long counts as failed. */
  stallMs: number;
}

export interface DownloadOptions extends HubFile {
  /** Where files are kept, as `{models,datasets}/<repo>/<revision>/<file>`. */
  cacheDirectory: string;
  /**
   * Called at most five times a second, and at the end.
   * @default a line of progress is shown after two seconds
   */
  onProgress?: (progress: DownloadProgress) => void;
  /** Stops the download; what has come is kept for the next time. */
  signal?: AbortSignal;
  /** @default what the environment says ({@link hubAccess}) */
  access?: HubAccess;
  retry?: Partial<RetryPolicy>;
}

const defaultRetry: RetryPolicy = { attempts: 5, firstWaitMs: 500, stallMs: 30_000 };
const running = new Map<string, Promise<string>>();

/**
 * Returns the path of a hub file in the cache, fetching it if it is not there or is not what the hub has now. The file
 * appears under its name only when it is complete and its checksum is right; an interrupted download is continued,
 * also by a later process. Where the hub cannot be reached, a cached file is used as it is.
 *
 * @throws {HubError} whose `code` and message say what is wrong and how to mend it
 */
export function downloadFile(options: DownloadOptions): Promise<string> {
  checkHubFile(options);
  const path = cachePath(options, options.cacheDirectory);
  const before = running.get(path);
  if (before) return before;
  const download = fetchToCache(options, path).finally(() => running.delete(path));
  running.set(path, download);
  return download;
}

async function fetchToCache(options: DownloadOptions, path: string): Promise<string> {
  const access = options.access ?? hubAccess();
  const name = `${options.repo}/${options.file}`;
  const isPinned = /^[0-9a-f]{40}$/.test(options.revision ?? "");
  if (existsSync(path) && (access.offline || isPinned)) return path;
  if (access.offline) {
    throw new HubError(
      "offline",
      `${name} is not in the cache (${path}), and HF_HUB_OFFLINE forbids fetching it`,
    );
  }
  const url = resolveUrl(options, access.endpoint);
  const policy = { ...defaultRetry, ...options.retry };
  let remote: RemoteFile;
  try {
    remote = await persist(policy, options.signal, url, () =>
      withStallLimit(policy.stallMs, options.signal, ({ signal }) => describeRemoteFile(url, access, signal)),
    );
  } catch (error) {
    if (error instanceof HubError && error.code === "offline" && existsSync(path)) return path;
    throw error;
  }
  if (await fileMatches(path, remote)) return path;
  // The commit's own address, so that the bytes are those whose checksum is known even if the branch moves.
  const pinned = resolveUrl({ ...options, revision: remote.commit ?? options.revision }, access.endpoint);
  const partial = await claimPartial(path, remote.checksum);
  const download = new Download(pinned, partial, remote, access, policy, options);
  if ((await download.run()) !== remote.checksum) {
    // Bytes left by an earlier attempt, or a damaged transfer: once more from nothing.
    await rm(partial, { force: true });
    const checksum = await download.run();
    if (checksum !== remote.checksum) {
      await rm(partial, { force: true });
      throw new HubError(
        "checksum",
        `${name} arrived damaged: its checksum is ${checksum}, the hub says ${remote.checksum}; try again, or look for a proxy or mirror that alters files`,
      );
    }
  }
  await rename(partial, path);
  return path;
}

/** Brings all bytes of one file into its partial file. */
class Download {
  private received = 0;
  /** The file's size, where it is known. */
  private total: number | null;
  private entityTag: string | null = null;
  private lastReport = 0;
  private readonly onProgress: (progress: DownloadProgress) => void;

  constructor(
    private readonly url: URL,
    private readonly partial: string,
    private readonly remote: RemoteFile,
    private readonly access: HubAccess,
    private readonly policy: RetryPolicy,
    private readonly options: DownloadOptions,
  ) {
    this.total = remote.size;
    this.onProgress = options.onProgress ?? showDownload(`Downloading ${options.repo}/${options.file}`);
  }

  /** Continues or starts the download, and returns the checksum of what has come. */
  async run(): Promise<string> {
    this.total = this.remote.size;
    this.received = await stat(this.partial).then(({ size }) => size, () => 0); // prettier-ignore
    if (this.total !== null && this.received > this.total) this.received = 0;
    this.entityTag = null;
    await this.requireSpace();
    const file = await open(this.partial, this.received > 0 ? "r+" : "w");
    try {
      const startedAt = { time: performance.now(), received: this.received };
      if (this.total === null || this.received < this.total) {
        await persist(this.policy, this.options.signal, this.url, () => this.receive(file, startedAt), () => this.received); // prettier-ignore
      }
      await file.truncate(this.received); // after an earlier attempt at a file of unknown size
      await file.sync();
      this.total = this.received;
      this.report(startedAt, true);
    } catch (error) {
      throw this.explainDisk(error);
    } finally {
      await file.close();
    }
    return checksumOf(this.partial, this.remote.checksum);
  }

  private async receive(file: FileHandle, startedAt: Start): Promise<void> {
    await withStallLimit(this.policy.stallMs, this.options.signal, async ({ signal, alive }) => {
      const headers: Record<string, string> = {};
      if (this.received > 0) headers["range"] = `bytes=${this.received}-`;
      if (this.received > 0 && this.entityTag) headers["if-range"] = this.entityTag;
      const response = await hubRequest(this.url, this.access, {
        method: "GET",
        headers,
        signal,
      });
      alive();
      if (!this.continues(response.status, response.headers.get("content-range"))) this.received = 0;
      if (response.status >= 400) {
        await response.body?.cancel();
        if (response.status !== 416) throw statusError(response, this.url, this.access);
        throw new TransientStatus(416, undefined, this.url);
      }
      const type = response.headers.get("content-type") ?? "";
      if (/^text\/html\b/i.test(type) && !/\.html?$/i.test(this.options.file)) {
        await response.body?.cancel();
        throw new HubError(
          "refused",
          `${show(this.url)}: an HTML page came instead of the file; look for a proxy's login page, or at HF_ENDPOINT`,
        );
      }
      const tag = response.headers.get("etag");
      this.entityTag = tag && !tag.startsWith("W/") ? tag : null;
      for await (const chunk of response.body ?? []) {
        alive();
        const bytes = chunk as Uint8Array;
        if (this.total !== null && this.received + bytes.length > this.total) {
          throw new HubError(
            "refused",
            `${show(this.url)}: more bytes came than the ${this.total} announced`,
          );
        }
        for (let written = 0; written < bytes.length;) {
          const { bytesWritten } = await file.write(bytes, written, bytes.length - written, this.received);
          written += bytesWritten;
          this.received += bytesWritten;
        }
        this.report(startedAt, false);
      }
      if (this.total !== null && this.received < this.total) throw new Error("the connection ended early");
    });
  }

  /** Whether an answer goes on where the partial file ends. */
  private continues(status: number, contentRange: string | null): boolean {
    if (status === 206) {
      const match = /^bytes (\d+)-\d+\/(\d+|\*)$/.exec(contentRange ?? "");
      if (
        !match ||
        Number(match[1]) !== this.received ||
        (match[2] !== "*" && this.total !== null && Number(match[2]) !== this.total)
      ) {
        throw new HubError(
          "refused",
          `${show(this.url)}: answered with another part of the file than asked for`,
        );
      }
      return true;
    }
    return status >= 400 && status !== 416;
  }

  private async requireSpace(): Promise<void> {
    if (this.total === null) return;
    const { bavail, bsize } = await statfs(dirname(this.partial));
    if (bavail * bsize < this.total - this.received) throw this.diskFull();
  }

  private explainDisk(error: unknown): unknown {
    const code = (error as NodeJS.ErrnoException).code;
    return code === "ENOSPC" || code === "EDQUOT" ? this.diskFull() : error;
  }

  private diskFull(): HubError {
    const needed = this.total === null ? "more megabytes" : `${Math.ceil((this.total - this.received) / 1e6)} MB more`; // prettier-ignore
    const folder = dirname(this.partial);
    return new HubError(
      "disk full",
      `${this.options.repo}/${this.options.file}: ${needed} are needed in ${folder}; make room and run again, what has come is kept`,
    );
  }

  private report(startedAt: Start, atEnd: boolean): void {
    const now = performance.now();
    if (!atEnd && now - this.lastReport < 200) return;
    this.lastReport = now;
    const gained = Math.max(this.received - startedAt.received, 0);
    const bytesPerSecond = (gained / Math.max(now - startedAt.time, 1)) * 1000;
    this.onProgress({
      file: this.options.file,
      receivedBytes: this.received,
      totalBytes: this.total,
      bytesPerSecond,
      secondsLeft:
        this.total !== null && bytesPerSecond > 0
          ? (this.total - this.received) / bytesPerSecond
          : atEnd
            ? 0
            : null,
    });
  }
}

interface Start {
  time: number;
  received: number;
}

/** Repeats `work` while its failures may pass; those in a row that brought no new bytes are counted. */
async function persist<T>(
  policy: RetryPolicy,
  signal: AbortSignal | undefined,
  url: URL,
  work: () => Promise<T>,
  received = () => 0,
): Promise<T> {
  let most = received();
  for (let failures = 0; ;) {
    try {
      return await work();
    } catch (error) {
      signal?.throwIfAborted();
      if (error instanceof HubError || isDiskError(error)) throw error;
      const problem = connectionProblem(error);
      if (problem.kind === "certificate") throw certificateError(url, problem.text, error);
      if (problem.kind === "unreachable" && most === 0) throw unreachableError(url, problem.text, error);
      failures = received() > most ? 1 : failures + 1;
      most = Math.max(most, received());
      if (failures >= policy.attempts) {
        if (problem.kind === "unreachable") throw unreachableError(url, problem.text, error);
        throw new HubError(
          "interrupted",
          `${show(url)}: gave up after ${failures} attempts (${problem.text}); run again later${most > 0 ? ", what has come is kept" : ""}`,
          error,
        );
      }
      const asked = error instanceof TransientStatus ? error.waitMs : undefined;
      await sleep(Math.min(asked ?? policy.firstWaitMs * 2 ** (failures - 1), 60_000), undefined, { signal });
    }
  }
}

/** Ends `work` when it has not called `alive` for `stallMs`. */
async function withStallLimit<T>(
  stallMs: number,
  outer: AbortSignal | undefined,
  work: (connection: { signal: AbortSignal; alive: () => void }) => Promise<T>,
): Promise<T> {
  const controller = new AbortController();
  const stop = () => controller.abort(outer?.reason);
  outer?.throwIfAborted();
  outer?.addEventListener("abort", stop, { once: true });
  const stalled = () => controller.abort(new Error(`nothing came for ${stallMs / 1000} s`));
  let timer = setTimeout(stalled, stallMs);
  const alive = () => {
    clearTimeout(timer);
    timer = setTimeout(stalled, stallMs);
  };
  try {
    return await work({ signal: controller.signal, alive });
  } finally {
    clearTimeout(timer);
    outer?.removeEventListener("abort", stop);
  }
}

function isDiskError(error: unknown): boolean {
  return /^(ENOSPC|EDQUOT|EROFS|EACCES|EIO|EFBIG)$/.test((error as NodeJS.ErrnoException).code ?? "");
}

/** What a failed connection means, from the codes on the error and its causes. */
function connectionProblem(
  error: unknown,
  above: readonly unknown[] = [],
): { kind: "unreachable" | "certificate" | "other"; text: string } {
  const { code, message, cause } = error as NodeJS.ErrnoException;
  if (/CERT|SELF_SIGNED|UNABLE_TO_/.test(code ?? "")) return { kind: "certificate", text: code! };
  if (
    /^(ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ENETUNREACH|EHOSTUNREACH|ENETDOWN|UND_ERR_CONNECT_TIMEOUT)$/.test(
      code ?? "",
    )
  ) {
    return { kind: "unreachable", text: code! };
  }
  const isNew = cause && cause !== error && !above.includes(cause);
  return isNew ? connectionProblem(cause, [...above, error]) : { kind: "other", text: code ?? message };
}

function unreachableError(url: URL, problem: string, cause: unknown): HubError {
  return new HubError(
    "offline",
    `${url.host} cannot be reached (${problem}). Behind a proxy set HTTPS_PROXY; HF_ENDPOINT names a mirror; without a network use files that are on this machine`,
    cause,
  );
}

function certificateError(url: URL, problem: string, cause: unknown): HubError {
  return new HubError(
    "refused",
    `${url.host}: its certificate is not trusted (${problem}); if a company proxy re-signs traffic, name its certificate in NODE_EXTRA_CA_CERTS`,
    cause,
  );
}
