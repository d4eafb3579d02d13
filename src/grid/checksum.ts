import { existsSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { sha256, sha256File } from "../io";

/** Of a file's content, or of a model's or an adapter's files; a model of the hub is its name. */
export async function checksumOf(path: string): Promise<string> {
  if (!existsSync(path)) return path;
  if (statSync(path).isFile()) return sha256File(path);
  const parts = readdirSync(path).filter((name) => /\.(safetensors|json)$/.test(name));
  const sums = await Promise.all(parts.sort().map((name) => sha256File(join(path, name))));
  return sha256(sums.join());
}
