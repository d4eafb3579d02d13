import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";

/**
 * A file's checksum of the kind that `checksum` is: SHA-256 where that has 64 digits (Git LFS), else Git's blob SHA-1,
 * the SHA-1 of `blob <size>\0` and the contents.
 */
export async function checksumOf(path: string, checksum: string): Promise<string> {
  const { size } = await stat(path);
  const hash = checksum.length === 64 ? createHash("sha256") : createHash("sha1").update(`blob ${size}\0`);
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 })) hash.update(chunk as Buffer);
  return hash.digest("hex");
}

/** Whether a file is there, has the checksum, and the size where that is known. */
export async function fileMatches(
  path: string,
  { checksum, size }: { checksum: string; size: number | null },
): Promise<boolean> {
  const found = await stat(path).catch(() => undefined);
  if (!found?.isFile() || (size !== null && found.size !== size)) return false;
  return (await checksumOf(path, checksum)) === checksum;
}
