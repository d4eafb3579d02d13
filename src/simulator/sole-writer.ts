import { closeSync, openSync, readFileSync, rmSync, writeSync } from "node:fs";
import { join } from "node:path";
import { makeFolder, onDisk, shownPath } from "../io";

/**
 * Does something in a folder in which no other process does so at the same time. What a killed process left there to say so does not
 * count.
 *
 * @throws {Error} if another one is at work there
 */
export async function asSoleWriter<T>(directory: string, act: () => Promise<T>): Promise<T> {
  makeFolder(directory);
  const path = join(directory, ".writer.lock");
  take(path, directory);
  try {
    return await act();
  } finally {
    rmSync(path, { force: true });
  }
}

function take(path: string, directory: string): void {
  for (let attempt = 0; ; attempt++) {
    try {
      const file = openSync(path, "wx");
      writeSync(file, String(process.pid));
      return closeSync(file);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST" || attempt > 0)
        onDisk(path, () => {
          throw error;
        });
      const holder = Number(readFileSync(path, "utf8"));
      if (isAlive(holder))
        throw new Error(
          `${shownPath(directory)}: process ${holder} writes there; wait for it, or remove ${shownPath(path)} if it is none of this project's`,
          { cause: error },
        );
      rmSync(path, { force: true });
    }
  }
}

function isAlive(pid: number): boolean {
  if (!Number.isInteger(pid) || pid <= 0) return false;
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}
