import { existsSync } from "node:fs";
import { join } from "node:path";
import { makeFolder, readJson, sha256, shownPath, writeJson } from "../io";

/** What a step gave, and how long it took when it was taken. */
export interface Taken<T> {
  readonly value: T;
  readonly seconds: number;
}

/**
 * Steps of a study, each kept in a file of its own when it is done: a run that was killed reads those, and does the one that was under
 * way again. The file is named after the step and after what the step was given, so that nothing of other settings is found.
 */
export class Steps {
  constructor(private readonly directory: string) {
    makeFolder(directory);
  }

  /** Reads what a step left, or takes it and keeps what it gives, which must be such that JSON holds it as it is. */
  async step<T>(name: string, given: unknown, take: () => Promise<T>): Promise<Taken<T>> {
    const key = sha256(JSON.stringify(given));
    const path = join(this.directory, `${name}-${key.slice(0, 12)}.json`);
    if (existsSync(path)) {
      const saved = readJson(path) as Partial<Taken<T>> & { key?: unknown };
      if (saved.key !== key || saved.value === undefined || typeof saved.seconds !== "number")
        throw new Error(`${shownPath(path)}: no step of this study wrote it: remove it`);
      return { value: saved.value, seconds: saved.seconds };
    }
    const began = performance.now();
    const value = await take();
    const seconds = (performance.now() - began) / 1000;
    writeJson(path, { key, seconds, value });
    return { value, seconds };
  }
}
