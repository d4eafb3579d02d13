import { createHash, type Hash } from "node:crypto";
import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";

/**
 * A hash that ends in the hub's checksum of a file: SHA-256 where that has 64 digits (Git LFS), else Git's blob SHA-1,
 * the SHA-1 of `blob <size>\0` and the contents.
 */
export function startChecksum({ checksum, size }: { checksum: string; size: number }): Hash {
  return checksum.length === 64 ? createHash("sha256") : createHash("sha1").update(`blob ${size}\0`);
}

/** Feeds a file to a hash. */
export async function hashFile(path: string, hash: Hash): Promise<Hash> {
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 })) hash.update(chunk as Buffer);
  return hash;
}

/** Whether a file is there, has the size and the checksum. */
export async function fileMatches(
  path: string,
  remote: { checksum: string; size: number },
): Promise<boolean> {
  const found = await stat(path).catch(() => undefined);
  if (!found?.isFile() || found.size !== remote.size) return false;
  return (await hashFile(path, startChecksum(remote))).digest("hex") === remote.checksum;
}
