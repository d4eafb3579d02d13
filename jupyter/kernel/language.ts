/** What the kernel says about its language. Jupyter keeps it in every notebook that it saves. */
import { readFileSync } from "node:fs";
import type { Content } from "./wire";

/** Version of a package that the kernel is made of. */
export function versionOf(name: string): string {
  return (JSON.parse(readFileSync(require.resolve(`${name}/package.json`), "utf8")) as { version: string })
    .version;
}

/** `language_info` of the protocol and of a notebook's metadata. */
export const languageInfo: Content = {
  name: "typescript",
  version: versionOf("@tslab/typescript-for-tslab"),
  mimetype: "text/typescript",
  file_extension: ".ts",
  pygments_lexer: "typescript",
  nbconvert_exporter: "script",
  codemirror_mode: { name: "javascript", mode: "typescript", typescript: true },
};
