import type { IncomingMessage, ServerResponse } from "node:http";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { scenarioTypes } from "../corpus";
import {
  bodyOf,
  drawAccessToken,
  listenOnLoopback,
  requireLoopback,
  requireMethod,
  requireOwnOrigin,
  requireToken,
  RequestError,
  sendJson,
} from "../serve";
import { describeIssues } from "../text";
import { bundleForBrowser } from "../web";
import type { AnswerEvent } from "./page/messages";
import { type RoomOptions, WritingRoom } from "./room";

export interface WritingRoomOptions extends RoomOptions {
  /**
   * 0 takes one that is free.
   * @default 0
   */
  readonly port?: number;
  /**
   * What the page must bring.
   * @default one drawn anew
   */
  readonly token?: string;
}

export interface RunningRoom {
  /** The page's address, with the token in its fragment, which browsers do not send. */
  readonly url: string;
  readonly token: string;
  /** Lets nobody else in, and ends; answers on their way are dropped. */
  readonly close: () => Promise<void>;
}

/** The most bytes of a request's body. */
const BODY_LIMIT = 2 ** 16;

const headers = {
  "content-security-policy":
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  "cache-control": "no-store",
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff",
};

interface PageFile {
  readonly type: string;
  readonly bytes: Uint8Array;
}

/**
 * Opens the writing room as a page of this machine: on loopback, for those who have the token.
 *
 * @throws {Error} if the port is taken
 */
export async function startWritingRoom({
  port = 0,
  token = drawAccessToken(),
  ...options
}: WritingRoomOptions): Promise<RunningRoom> {
  const room = new WritingRoom(options);
  const files = await pageFiles();
  const { origin, close } = await listenOnLoopback(port, (request, response) => {
    answer(request, response, { room, files, token }).catch((error: unknown) => sendError(response, error));
  });
  return { url: `${origin}/#token=${encodeURIComponent(token)}`, token, close };
}

async function pageFiles(): Promise<ReadonlyMap<string, PageFile>> {
  const folder = join(__dirname, "page");
  const [html, script, style] = await Promise.all([
    readFile(join(folder, "index.html")),
    bundleForBrowser(join(folder, "page.ts")),
    bundleForBrowser(join(folder, "page.css")),
  ]);
  return new Map([
    ["/", { type: "text/html; charset=utf-8", bytes: html }],
    ["/page.js", { type: "text/javascript; charset=utf-8", bytes: script }],
    ["/page.css", { type: "text/css; charset=utf-8", bytes: style }],
  ]);
}

interface Given {
  readonly room: WritingRoom;
  readonly files: ReadonlyMap<string, PageFile>;
  readonly token: string;
}

const place = { writer: z.string(), draft: z.uuid(), at: z.int().min(0) };
const bodies = {
  "/api/open": z.strictObject({ writer: z.string() }),
  "/api/say": z.strictObject({
    ...place,
    begins: z.strictObject({ persona_id: z.string(), topic: z.string(), partner: z.string() }).optional(),
    content: z.string(),
    alternatives: z.array(z.string()).max(3, "three alternatives at most"),
  }),
  "/api/answer": z.strictObject(place),
  "/api/take-back": z.strictObject(place),
  "/api/finish": z.strictObject({ ...place, scenario: z.enum(scenarioTypes) }),
} as const;

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  { room, files, token }: Given,
): Promise<void> {
  requireLoopback(request);
  requireOwnOrigin(request);
  const { pathname } = new URL(request.url ?? "/", "http://127.0.0.1");
  const file = files.get(pathname);
  if (file) {
    requireMethod(request, "GET");
    response.writeHead(200, { ...headers, "content-type": file.type });
    return void response.end(file.bytes);
  }
  requireToken(request, token, "npm run write");
  if (pathname === "/api/room") {
    requireMethod(request, "GET");
    return sendJson(response, 200, room.contents(), headers);
  }
  if (!Object.hasOwn(bodies, pathname))
    throw new RequestError(404, "not_found", `there is nothing at ${pathname}`);
  requireMethod(request, "POST");
  const read = async <Path extends keyof typeof bodies>(path: Path) =>
    parse(bodies[path], await bodyOf(request, BODY_LIMIT)) as z.infer<(typeof bodies)[Path]>;
  switch (pathname as keyof typeof bodies) {
    case "/api/open":
      return sendJson(response, 200, room.open((await read("/api/open")).writer), headers);
    case "/api/say":
      return sendJson(response, 200, room.say(await read("/api/say")), headers);
    case "/api/take-back":
      return sendJson(response, 200, room.takeBack(await read("/api/take-back")), headers);
    case "/api/finish":
      return sendJson(response, 200, room.finish(await read("/api/finish")), headers);
    case "/api/answer": {
      const asked = await read("/api/answer");
      const gone = new AbortController();
      response.on("close", () => gone.abort());
      const state = await room.answer(asked, (event) => tell(response, event), gone.signal);
      if (state) tell(response, { state });
      return void response.end();
    }
  }
}

function parse(form: z.ZodType, text: string): unknown {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new RequestError(400, "invalid_request_error", `the body is no JSON: ${(error as Error).message}`);
  }
  const parsed = form.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new RequestError(400, "invalid_request_error", describeIssues(parsed.error, value, []).join("; "));
}

/** An event a line; the head goes out with the first, so that a request that is not taken still has its status. */
function tell(response: ServerResponse, event: AnswerEvent): void {
  if (response.destroyed) return;
  if (!response.headersSent)
    response.writeHead(200, { ...headers, "content-type": "application/x-ndjson; charset=utf-8" });
  response.write(`${JSON.stringify(event)}\n`);
}

function sendError(response: ServerResponse, error: unknown): void {
  if (response.destroyed) return;
  const { message } = error as Error;
  if (response.headersSent) {
    tell(response, { problem: message });
    return void response.end();
  }
  const known = error instanceof RequestError ? error : undefined;
  sendJson(response, known?.status ?? 500, { problem: message }, { ...headers, ...known?.headers });
}
