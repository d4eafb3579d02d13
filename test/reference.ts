import { existsSync, readdirSync, readFileSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";

/** The folder with what reference implementations computed: the one that `PERSONA_FIXTURES` names, else test/fixtures. */
export const fixtures = resolve(process.env["PERSONA_FIXTURES"] || join(__dirname, "fixtures"));
if (!existsSync(fixtures)) throw new Error(`PERSONA_FIXTURES is ${fixtures}, where no folder is`);

/** Why a test that needs these files of `folder` is skipped, or false if all are there. */
export function lacking(folder: string, ...files: string[]): string | false {
  const missing = files.filter((file) => !existsSync(join(folder, file)));
  return missing.length > 0 && `${folder} has no ${missing.join(", no ")}`;
}

/** The folders that hold a T5, wherever they lie below {@link fixtures}, by their name there. */
export function t5Folders(): { name: string; directory: string }[] {
  return readdirSync(fixtures, { recursive: true, encoding: "utf8" })
    .filter((file) => basename(file) === "config.json")
    .map((file) => ({ name: dirname(file), directory: dirname(join(fixtures, file)) }))
    .filter(({ directory }) => {
      const config = JSON.parse(readFileSync(join(directory, "config.json"), "utf8")) as {
        model_type?: string;
      };
      return config.model_type === "t5" || (config.model_type === undefined && "d_kv" in config);
    })
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}
