import { mkdir, readdir, rename, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";

/**
 * Where the unfinished download of a file lies: beside the file, named after the checksum and this process. One that
 * an ended process left with the same checksum is taken over (by rename, so that only one process gets it); leftovers
 * of other versions of the file are removed.
 */
export async function claimPartial(path: string, checksum: string): Promise<string> {
  const folder = dirname(path);
  await mkdir(folder, { recursive: true });
  const own = join(folder, `${basename(path)}.${checksum}.${process.pid}.incomplete`);
  for (const name of await readdir(folder)) {
    const match = partialName.exec(name);
    if (
      !match ||
      match[1] !== basename(path) ||
      (Number(match[3]) !== process.pid && isRunning(Number(match[3])))
    ) {
      continue;
    }
    const left = join(folder, name);
    if (match[2] !== checksum) await rm(left, { force: true });
    else if (left !== own) await rename(left, own).catch(() => undefined);
  }
  return own;
}

const partialName = /^(.*)\.([0-9a-f]{40,64})\.(\d+)\.incomplete$/;

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}
