import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { readJson } from "../../src/io";
import type { Manifest } from "../../src/notebook";
import type { MapRow } from "./row";

/** A row for each notebook: how long its last run took, by the manifest that it left. Nothing is run. */
export function notebookRows(notebooks: string, outputs: string): MapRow[] {
  const names = readdirSync(notebooks)
    .filter((file) => file.endsWith(".ipynb"))
    .map((file) => file.slice(0, -".ipynb".length))
    .sort();
  return names.map((name) => {
    const row = { group: "notebooks", job: name, unit: "s" } as const;
    const path = join(outputs, name, "manifest.json");
    if (!existsSync(path)) return { ...row, size: "", missing: "no run of it has left its manifest" };
    const { profile, seconds, started } = readJson(path) as Manifest;
    return { ...row, size: `profile ${profile}, run on ${started.slice(0, 10)}`, ours: Math.round(seconds) };
  });
}
