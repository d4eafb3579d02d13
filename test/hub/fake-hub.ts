import { createHash } from "node:crypto";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** One request as a server saw it. */
export interface Seen {
  method: string;
  url: string;
  host: string;
  authorization?: string;
  range?: string;
  ifRange?: string;
}

/** A file that the hub serves, and how it misbehaves. */
export interface Served {
  content: Buffer;
  /** Served by Git LFS: SHA-256 in X-Linked-Etag and a redirect to the CDN. */
  lfs?: boolean;
  /** Statuses that HEAD requests get first. */
  headStatuses?: [status: number, headers?: Record<string, string>][];
  /** Statuses that GET requests get first. */
  getStatuses?: [status: number, headers?: Record<string, string>][];
  /** The first GET requests are cut after so many bytes. */
  cuts?: number[];
  /** The first GET requests stop sending after so many bytes, without ending. */
  stalls?: number[];
  /** What GET sends instead, the first times. */
  damaged?: Buffer[];
  /** Ranges are not supported: every GET answers 200 with everything. */
  wholeOnly?: boolean;
  /** Sizes are nowhere: no X-Linked-Size, no Content-Length, bodies in chunks. */
  unsized?: boolean;
  /** The hub redirects to this path of its own first. */
  movedTo?: string;
  /** HEAD and GET need this token. */
  token?: string;
  gated?: boolean;
}

export const commit = "0123456789abcdef0123456789abcdef01234567";

/** A hub and its CDN on loopback, each on a port of its own. */
export class FakeHub {
  readonly files = new Map<string, Served>();
  readonly seen: Seen[] = [];
  /** The revision that the commit belongs to. */
  revision = "main";
  private readonly hub: Server;
  private readonly cdn: Server;

  constructor() {
    this.hub = createServer((request, response) => this.answer(request, response, false));
    this.cdn = createServer((request, response) => this.answer(request, response, true));
  }

  async start(): Promise<void> {
    for (const server of [this.hub, this.cdn]) {
      await new Promise<void>((ready) => server.listen(0, "127.0.0.1", ready));
    }
  }

  async stop(): Promise<void> {
    for (const server of [this.hub, this.cdn]) {
      server.closeAllConnections();
      await new Promise((closed) => server.close(closed));
    }
  }

  get endpoint(): string {
    return `http://127.0.0.1:${(this.hub.address() as AddressInfo).port}`;
  }

  private get cdnAddress(): string {
    return `http://127.0.0.1:${(this.cdn.address() as AddressInfo).port}`;
  }

  requests(method: string): Seen[] {
    return this.seen.filter((request) => request.method === method);
  }

  private answer(request: IncomingMessage, response: ServerResponse, isCdn: boolean): void {
    const { method = "", url = "", headers } = request;
    this.seen.push({
      method,
      url,
      host: isCdn ? "cdn" : "hub",
      authorization: headers.authorization,
      range: headers.range,
      ifRange: headers["if-range"] as string | undefined,
    });
    const path = decodeURIComponent(url.replace(/^\/cdn/, "").split("?")[0]!).replace(commit, this.revision);
    const served = this.files.get(path);
    const send = (status: number, extra: Record<string, string> = {}) =>
      response.writeHead(status, extra).end();
    if (!served) return void send(404, { "x-error-code": "EntryNotFound" });
    if (!isCdn && served.token && headers.authorization !== `Bearer ${served.token}`) {
      if (served.gated) return void send(403, { "x-error-code": "GatedRepo" });
      return void send(401, { "x-error-code": "RepoNotFound" });
    }
    const statuses =
      method === "HEAD" ? served.headStatuses : isCdn || !served.lfs ? served.getStatuses : undefined;
    const status = statuses?.shift();
    if (status) return void send(...status);
    if (served.movedTo !== undefined)
      return void send(302, { location: served.movedTo, "content-length": "0" });
    if (!isCdn && served.lfs) {
      return void send(302, {
        location: `${this.cdnAddress}/cdn${url}?Signature=secret`,
        "x-linked-etag": `"${createHash("sha256").update(served.content).digest("hex")}"`,
        ...(served.unsized ? {} : { "x-linked-size": String(served.content.length) }),
        "content-length": "0",
        "x-repo-commit": commit,
        etag: '"something else"',
      });
    }
    this.send(request, response, served, isCdn);
  }

  private send(request: IncomingMessage, response: ServerResponse, served: Served, isCdn: boolean): void {
    const content = (request.method === "GET" && served.damaged?.shift()) || served.content;
    const tag = isCdn ? '"cdn-1"' : `"${gitBlobSha1(served.content)}"`;
    const headers: Record<string, string> = { etag: tag, "x-repo-commit": commit };
    if (request.method === "HEAD") {
      if (!served.unsized) headers["content-length"] = String(content.length);
      response.writeHead(200, headers).end();
      return;
    }
    const start = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? "")?.[1] ?? 0);
    const ifRange = request.headers["if-range"];
    const isPart = start > 0 && !served.wholeOnly && (ifRange === undefined || ifRange === tag);
    if (isPart && start >= content.length) {
      response.writeHead(416, { "content-range": `bytes */${content.length}` }).end();
      return;
    }
    const body = content.subarray(isPart ? start : 0);
    if (!served.unsized) headers["content-length"] = String(body.length);
    if (isPart)
      headers["content-range"] =
        `bytes ${start}-${content.length - 1}/${served.unsized ? "*" : content.length}`;
    response.writeHead(isPart ? 206 : 200, headers);
    const cut = served.cuts?.shift();
    if (cut !== undefined) return void response.write(body.subarray(0, cut), () => response.destroy());
    const stall = served.stalls?.shift();
    if (stall !== undefined) return void response.write(body.subarray(0, stall));
    if (served.unsized) response.write(body.subarray(0, 1));
    response.end(served.unsized ? body.subarray(1) : body);
  }
}

export function gitBlobSha1(content: Buffer): string {
  return createHash("sha1").update(`blob ${content.length}\0`).update(content).digest("hex");
}
