import { execFile } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, posix, resolve, win32 } from "node:path";
import { promisify } from "node:util";
import { writeFileWhole } from "../io";
import { type BrowserCommand, DevTools } from "./devtools";

/** No browser can draw figures here; the message says why and what to install. */
export class BrowserMissingError extends Error {
  override readonly name = "BrowserMissingError";
}

/** Where browsers lie by default, by platform: Chrome, Chromium and Edge, all of which print and draw the same way. */
export function systemBrowsers(
  platform: NodeJS.Platform = process.platform,
  environment: NodeJS.ProcessEnv = process.env,
): string[] {
  if (platform === "win32") {
    const roots = [
      environment["PROGRAMFILES"],
      environment["PROGRAMFILES(X86)"],
      environment["LOCALAPPDATA"],
    ];
    return roots
      .filter((root): root is string => root !== undefined && root !== "")
      .flatMap((root) =>
        ["Google\\Chrome", "Chromium", "Microsoft\\Edge"].map((name) =>
          win32.join(root, name, "Application", name.endsWith("Edge") ? "msedge.exe" : "chrome.exe"),
        ),
      );
  }
  if (platform === "darwin") {
    return ["Google Chrome", "Chromium", "Microsoft Edge"].flatMap((name) =>
      ["", environment["HOME"] ?? ""].map(
        (root) => `${root}/Applications/${name}.app/Contents/MacOS/${name}`,
      ),
    );
  }
  const names = ["google-chrome", "google-chrome-stable", "chromium", "chromium-browser", "microsoft-edge"];
  const folders = (environment["PATH"] ?? "").split(":").filter((folder) => posix.isAbsolute(folder));
  return names.flatMap((name) => folders.map((folder) => posix.join(folder, name)));
}

/**
 * Starts the first browser that works: the program that `PERSONA_BROWSER` names; else an installed Chrome, Chromium or
 * Edge; else, on Linux, the Chromium of the npm package @sparticuz/chromium, unpacked on first use.
 * `PERSONA_BROWSER=npm` takes the last one at once.
 *
 * @throws {BrowserMissingError} with what was tried and what to install
 */
export async function startBrowser(environment: NodeJS.ProcessEnv = process.env): Promise<DevTools> {
  const chosen = environment["PERSONA_BROWSER"];
  const tried: string[] = [];
  const candidates: (() => Promise<BrowserCommand>)[] = [];
  if (chosen && chosen !== "npm") {
    candidates.push(async () => {
      if (!existsSync(chosen)) throw new Error(`PERSONA_BROWSER is ${chosen}, where no file is`);
      return { path: chosen };
    });
  } else {
    const installed = chosen
      ? []
      : systemBrowsers(process.platform, environment).filter((path) => existsSync(path));
    candidates.push(...installed.map((path) => async () => ({ path })), unpackBrowser);
  }
  for (const candidate of candidates) {
    let browser: DevTools | undefined;
    try {
      browser = new DevTools(await candidate());
      await browser.send("Browser.getVersion", {}, undefined, 30);
      return browser;
    } catch (error) {
      browser?.close();
      tried.push((error as Error).message);
    }
  }
  throw new BrowserMissingError(
    `no browser to draw figures with. Install Chrome, Chromium or Edge (Debian and Ubuntu: apt install chromium), ` +
      `or set PERSONA_BROWSER to such a program.\nTried: ${tried.join("\nTried: ")}`,
  );
}

/** The Chromium that comes from npm, unpacked once (200 MB) beside the package, whole or not at all. */
export async function unpackBrowser(): Promise<BrowserCommand> {
  if (process.platform !== "linux" || process.arch !== "x64")
    throw new Error(
      `@sparticuz/chromium is for Linux on x64, not for ${process.platform} on ${process.arch}`,
    );
  const entry = createRequire(join(process.cwd(), "package.json")).resolve("@sparticuz/chromium");
  const packageFolder = resolve(dirname(entry), "../..");
  const { version } = JSON.parse(readFileSync(join(packageFolder, "package.json"), "utf8")) as {
    version: string;
  };
  const cache = resolve(packageFolder, "../../.cache");
  const folder = join(cache, `chromium-${version}`);
  if (!existsSync(folder)) {
    mkdirSync(cache, { recursive: true });
    const temporary = mkdtempSync(join(cache, "unpacking-"));
    try {
      await inflate(entry, temporary);
      renameSync(temporary, folder);
    } catch (error) {
      if (!existsSync(folder)) throw error;
    } finally {
      rmSync(temporary, { recursive: true, force: true });
    }
  }
  const fonts = join(folder, "persona-fonts.conf");
  if (!existsSync(fonts)) writeFileWhole(fonts, fontConfiguration(folder));
  const libraries = [join(folder, "al2023", "lib"), process.env["LD_LIBRARY_PATH"]].filter(Boolean).join(":");
  return {
    path: join(folder, "chromium"),
    arguments: ["--no-zygote"],
    environment: { LD_LIBRARY_PATH: libraries, FONTCONFIG_FILE: fonts },
  };
}

/**
 * Lets the package unpack itself in a process of its own: it writes into that process' temporary folder, and gives its
 * shared libraries only where it believes to run on Amazon's Lambda.
 */
async function inflate(entry: string, folder: string): Promise<void> {
  const script =
    "require(process.argv[1]).executablePath().catch((e) => { console.error(e); process.exit(1); })";
  await promisify(execFile)(process.execPath, ["-e", script, entry], {
    env: { ...process.env, TMPDIR: folder, AWS_EXECUTION_ENV: "AWS_Lambda_nodejs22.x" },
  });
}

/** The fonts of the system, if it has any, and the unpacked ones. */
function fontConfiguration(folder: string): string {
  return `<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig>
  <include ignore_missing="yes">/etc/fonts/fonts.conf</include>
  <dir>${join(folder, "fonts")}</dir>
  <cachedir>${join(folder, "font-cache")}</cachedir>
</fontconfig>
`;
}
