import { build } from "esbuild";

/**
 * A TypeScript (or CSS) file with all that it imports as one file for a browser: a module that loads nothing else. Licences that
 * are stated in what it holds stand at its end.
 *
 * @param alias modules that others take the place of, by their names
 * @throws {Error} naming file and line, if something cannot be resolved or read
 */
export async function bundleForBrowser(
  path: string,
  alias: Readonly<Record<string, string>> = {},
): Promise<Uint8Array> {
  const { outputFiles } = await build({
    entryPoints: [path],
    bundle: true,
    write: false,
    format: "esm",
    platform: "browser",
    target: "es2022",
    minify: true,
    legalComments: "eof",
    alias: { ...alias },
    logLevel: "silent",
  });
  return outputFiles[0]!.contents;
}
