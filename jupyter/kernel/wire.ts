/** The Jupyter wire protocol 5.3: messages as ZeroMQ frames, signed with HMAC-SHA256. */
import { createHmac, randomUUID, timingSafeEqual } from "node:crypto";
import { wellFormedJson } from "../../src/text";

/** What a connection file says; written by whoever starts the kernel. */
export interface ConnectionInfo {
  transport: string;
  ip: string;
  shell_port: number;
  iopub_port: number;
  stdin_port: number;
  control_port: number;
  hb_port: number;
  key: string;
  signature_scheme: string;
}

export interface Header {
  msg_id: string;
  msg_type: string;
  session: string;
  username: string;
  date: string;
  version: string;
}

export type Content = Record<string, unknown>;

export interface Message {
  /** Routing prefix: who asked. Empty for what a client sends; a topic on iopub. */
  identities: Buffer[];
  header: Header;
  /** The header of the request that this answers; empty if there is none. */
  parent: Partial<Header>;
  metadata: Content;
  content: Content;
}

const delimiter = Buffer.from("<IDS|MSG>");

/** A message of `session`, in answer to `parent` where there is one. */
export function createMessage(session: string, type: string, content: Content, parent?: Message): Message {
  return {
    identities: parent?.identities ?? [],
    header: {
      msg_id: randomUUID(),
      msg_type: type,
      session,
      username: parent?.header.username ?? "kernel",
      date: new Date().toISOString(),
      version: "5.3",
    },
    parent: parent?.header ?? {},
    metadata: {},
    content,
  };
}

/** The message as ZeroMQ frames. An empty key means that messages are not signed. */
export function encodeMessage(message: Message, key: string): Buffer[] {
  const parts = [message.header, message.parent, message.metadata, message.content].map((part) =>
    Buffer.from(wellFormedJson(part)),
  );
  return [...message.identities, delimiter, Buffer.from(sign(parts, key)), ...parts];
}

/** @throws {Error} if the frames are no message or the signature is not that of `key` */
export function decodeMessage(frames: readonly Buffer[], key: string): Message {
  const start = frames.findIndex((frame) => frame.equals(delimiter));
  const [signature, ...parts] = frames.slice(start + 1);
  if (start < 0 || !signature || parts.length < 4) throw new Error("not a Jupyter message");
  const expected = Buffer.from(sign(parts.slice(0, 4), key));
  if (expected.length !== signature.length || !timingSafeEqual(expected, signature)) {
    throw new Error("a message with a wrong signature");
  }
  const [header, parent, metadata, content] = parts
    .slice(0, 4)
    .map((part) => JSON.parse(part.toString()) as unknown);
  return {
    identities: frames.slice(0, start),
    header: header as Header,
    parent: parent as Partial<Header>,
    metadata: metadata as Content,
    content: content as Content,
  };
}

function sign(parts: readonly Buffer[], key: string): string {
  if (key === "") return "";
  const hmac = createHmac("sha256", key);
  for (const part of parts) hmac.update(part);
  return hmac.digest("hex");
}
