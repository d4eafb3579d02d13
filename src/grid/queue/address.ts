/** Where a Redis is, and how it is entered. */
export interface RedisAddress {
  readonly host: string;
  readonly port: number;
  /** The number of the database. */
  readonly db: number;
  readonly username?: string;
  readonly password?: string;
  /** Whether it is spoken to through TLS. */
  readonly tls: boolean;
}

const HERE = "redis://127.0.0.1:6379";
const FORM = "an address of a Redis is redis://HOST:PORT or rediss://HOST:PORT, with /NUMBER for a database";

/**
 * The address that a command line names; without one that of `REDIS_URL`, or of a Redis on this machine.
 *
 * @throws {Error} if it is none, or if a password is in what a command line names, where every process of the machine can read it
 */
export function redisAddress(
  named?: string,
  fromEnvironment: string | undefined = process.env["REDIS_URL"],
): RedisAddress {
  const text = named ?? (fromEnvironment || HERE);
  const who = named === undefined ? "REDIS_URL" : "--redis";
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    throw new Error(`${who}: ${FORM}`); // what was given may hold a password
  }
  const db = /^\/?(\d*)$/.exec(url.pathname)?.[1];
  if (!["redis:", "rediss:"].includes(url.protocol) || url.hostname === "" || db === undefined)
    throw new Error(`${who}: ${FORM}`);
  if (named !== undefined && url.password !== "")
    throw new Error(
      "--redis: a password in a command line can be read by every process of the machine: put the address with it into REDIS_URL, and leave it out here",
    );
  const entered = named === undefined ? url : sameServer(url, fromEnvironment);
  return {
    host: url.hostname.replace(/^\[|\]$/g, ""),
    port: Number(url.port || 6379),
    db: Number(db),
    ...(entered.username !== "" && { username: decodeURIComponent(entered.username) }),
    ...(entered.password !== "" && { password: decodeURIComponent(entered.password) }),
    tls: url.protocol === "rediss:",
  };
}

/** The address of the environment where it is of the same server, for its password; otherwise the named one. */
function sameServer(named: URL, fromEnvironment: string | undefined): URL {
  const other = URL.canParse(fromEnvironment ?? "") ? new URL(fromEnvironment!) : undefined;
  return other && other.hostname === named.hostname && (other.port || "6379") === (named.port || "6379")
    ? other
    : named;
}

/** An address without who enters and with which password. */
export function shownAddress({ host, port, db, tls }: RedisAddress): string {
  const name = host.includes(":") ? `[${host}]` : host;
  return `${tls ? "rediss" : "redis"}://${name}:${port}${db === 0 ? "" : `/${db}`}`;
}
