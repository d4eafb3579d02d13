import assert from "node:assert/strict";
import { execFileSync, spawn, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { inflateSync } from "node:zlib";
import { bars } from "../../src/figures/bars";
import { systemBrowsers } from "../../src/figures/browser";
import { closeBrowser } from "../../src/figures/page";
import { renderFigure } from "../../src/figures/render";
import { saveFigure } from "../../src/figures/save";
import type { Figure } from "../../src/figures/types";

const folder = mkdtempSync(join(tmpdir(), "figures-"));
test.after(async () => {
  await closeBrowser();
  rmSync(folder, { recursive: true, force: true });
});

const hostile = `<img src=x onerror="alert(1)"> & <a href="https://example.org">Zoë's 🐕</a>`;
const figure = bars({
  title: "Conversations",
  caption: hostile,
  categories: ["train", hostile],
  series: [{ name: "rows", values: [3, 5] }],
  x: { title: "split" },
  y: { title: "size", unit: "conversations" },
});

/** Skips a test where no browser can be had. */
async function needsBrowser(t: TestContext): Promise<boolean> {
  const problem = await renderFigure(figure).then(
    () => undefined,
    (error: Error) => error.message,
  );
  if (problem) t.skip(problem);
  return problem === undefined;
}

test("PNG, SVG, PDF and JSON of a figure", async (t) => {
  if (!(await needsBrowser(t))) return;
  const path = join(folder, "sub", "splits");
  assert.deepEqual(
    await saveFigure(figure, path),
    ["json", "png", "svg", "pdf"].map((extension) => `${path}.${extension}`),
  );
  assert.deepEqual(readdirSync(join(folder, "sub")).sort(), [
    "splits.json",
    "splits.pdf",
    "splits.png",
    "splits.svg",
  ]);
  assert.deepEqual(JSON.parse(readFileSync(`${path}.json`, "utf8")), JSON.parse(JSON.stringify(figure)));

  const png = readFileSync(`${path}.png`);
  assert.deepEqual([png.readUInt32BE(16), png.readUInt32BE(20)], [1520, 920]);
  assert.ok(new Set(pixels(png)).size > 30, "the picture is blank");

  const svg = readFileSync(`${path}.svg`, "utf8");
  assert.match(svg, /<svg[^>]* width="760" height="460"/);
  const texts = [...svg.matchAll(/<text[\s\S]*?<\/text>/g)].map(([text]) =>
    decode(text.replace(/<[^>]+>/g, "")),
  );
  assert.ok(texts.includes("size (conversations)"), texts.join(" | "));
  assert.ok(
    texts.some((text) => text.includes(hostile)),
    texts.join(" | "),
  );
  assert.doesNotMatch(svg, /<img|<a |<foreignObject/);

  const pdf = readFileSync(`${path}.pdf`, "latin1");
  assert.equal(pdf.match(/\/Type\s*\/Page\b/g)?.length, 1);
  const box = /\/MediaBox\s*\[([^\]]*)\]/.exec(pdf)![1]!.trim().split(/\s+/).map(Number);
  assert.ok(Math.abs(box[2]! - 570) < 1 && Math.abs(box[3]! - 345) < 1, box.join(" "));
  assert.match(pdf, /\/Type\s*\/Font\b/);
  assert.doesNotMatch(pdf, /\/Subtype\s*\/Image/);
  if (spawnSync("pdftotext", ["-v"]).status === 0) {
    const text = execFileSync("pdftotext", [`${path}.pdf`, "-"], { encoding: "utf8" });
    assert.match(text, /size \(conversations\)/);
  }
});

test("a figure without a size of its own, and one that plotly.js refuses", async (t) => {
  if (!(await needsBrowser(t))) return;
  const { png } = await renderFigure({ data: [], layout: { width: 100, height: 80 } });
  assert.deepEqual([Buffer.from(png).readUInt32BE(16), Buffer.from(png).readUInt32BE(20)], [200, 160]);
  const broken: Figure = { data: [], layout: { width: 0 } };
  const path = join(folder, "broken");
  await assert.rejects(saveFigure(broken, path), /plotly\.js cannot draw this figure: /);
  assert.deepEqual(
    readdirSync(folder).filter((name) => name.startsWith("broken")),
    [],
  );
  await assert.rejects(saveFigure(figure, join(folder, "a.png")), /give the path without an extension/);
});

test("the page fetches nothing", async (t) => {
  if (!(await needsBrowser(t))) return;
  const requests: string[] = [];
  const server = createServer((request, response) => {
    requests.push(request.url ?? "");
    response.end();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const source = `http://127.0.0.1:${(server.address() as AddressInfo).port}/picture.png`;
  await renderFigure({ data: [], layout: { images: [{ source, x: 0, y: 1, sizex: 1, sizey: 1 }] } });
  await new Promise((resolve) => server.close(resolve));
  assert.deepEqual(requests, []);
});

/**
 * A program that saves two figures in a process of its own.
 *
 * @param temporary its temporary folder once it runs: tsx keeps what it has compiled in the usual one
 */
function program(more: string, temporary = tmpdir()): string[] {
  const code = `
    process.env.TMPDIR = ${JSON.stringify(temporary)};
    const { bars, saveFigure } = require("./src/figures");
    const figure = bars({ title: "t", categories: ["a"], series: [{ name: "n", values: [1] }], x: { title: "x" }, y: { title: "y" } });
    (async () => {
      for (const name of ["one", "two"]) await saveFigure(figure, process.env.FOLDER + "/" + name);
      ${more}
    })();`;
  return ["--require", "tsx/cjs", "-e", code];
}

/** Browsers that run with a profile in this folder, by what /proc says. */
function browsers(temporary: string): string[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, "utf8").includes(`--user-data-dir=${temporary}`);
      } catch {
        return false;
      }
    });
}

test("one browser draws all figures and is gone when the process ends by itself", async (t) => {
  if (!(await needsBrowser(t))) return;
  const own = mkdtempSync(join(folder, "process-"));
  const list = `console.log(require("node:fs").readdirSync(process.env.TMPDIR).filter((name) => name.startsWith("persona-browser-")).length)`;
  const { status, stdout, stderr } = spawnSync(process.execPath, program(list, own), {
    env: { ...process.env, FOLDER: own },
    encoding: "utf8",
    timeout: 60_000,
  });
  assert.equal(status, 0, stderr);
  assert.equal(stdout.trim(), "1");
  assert.deepEqual(
    readdirSync(own).filter((name) => name.startsWith("persona-browser-")),
    [],
  );
  assert.ok(existsSync(join(own, "two.png")));
});

for (const signal of ["SIGKILL", "SIGINT"] as const) {
  test(`no browser outlives a process that ${signal} ends`, async (t) => {
    if (process.platform !== "linux") return t.skip("looks into /proc");
    if (!(await needsBrowser(t))) return;
    const own = mkdtempSync(join(folder, "process-"));
    const child = spawn(
      process.execPath,
      program(`console.log("drawn"); setInterval(() => {}, 1000);`, own),
      {
        env: { ...process.env, FOLDER: own },
        stdio: ["ignore", "pipe", "inherit"],
      },
    );
    await new Promise((resolve) => child.stdout.once("data", resolve));
    assert.ok(browsers(own).length > 0);
    const ended = new Promise((resolve) => child.once("exit", resolve));
    child.kill(signal);
    await ended;
    const deadline = Date.now() + 10_000;
    while (browsers(own).length > 0 && Date.now() < deadline)
      await new Promise((resolve) => setTimeout(resolve, 50));
    assert.deepEqual(browsers(own), []);
    // What a killed process left in the temporary folder is removed by the next one.
    const env = { ...process.env, FOLDER: own };
    const next = spawnSync(process.execPath, program("", own), { env, encoding: "utf8" });
    assert.equal(next.status, 0, next.stderr);
    assert.deepEqual(
      readdirSync(own).filter((name) => name.startsWith("persona-browser-")),
      [],
    );
  });
}

test("the browser from npm draws text, with a font of its own", (t) => {
  if (process.platform !== "linux" || process.arch !== "x64") return t.skip("it is for Linux on x64");
  const own = mkdtempSync(join(folder, "process-"));
  const { status, stderr } = spawnSync(process.execPath, program(""), {
    env: { ...process.env, FOLDER: own, PERSONA_BROWSER: "npm" },
    encoding: "utf8",
  });
  assert.equal(status, 0, stderr);
  assert.match(readFileSync(join(own, "two.pdf"), "latin1"), /\/FontName\s*\/[A-Z]{6}\+OpenSans/);
});

test("without a browser the JSON is saved, and it is said once what to install", () => {
  const own = mkdtempSync(join(folder, "process-"));
  const { status, stderr } = spawnSync(process.execPath, program(""), {
    env: { ...process.env, FOLDER: own, PERSONA_BROWSER: "/nowhere/chrome" },
    encoding: "utf8",
  });
  assert.equal(status, 0, stderr);
  assert.deepEqual(readdirSync(own), ["one.json", "two.json"]);
  assert.equal(stderr.match(/Figures are saved as JSON only/g)?.length, 1);
  assert.match(stderr, /apt install chromium.*PERSONA_BROWSER is \/nowhere\/chrome/s);
});

test("browsers are looked for where each system has them", () => {
  assert.deepEqual(systemBrowsers("linux", { PATH: "/usr/bin:relative" }).slice(0, 3), [
    "/usr/bin/google-chrome",
    "/usr/bin/google-chrome-stable",
    "/usr/bin/chromium",
  ]);
  const windows = systemBrowsers("win32", { PROGRAMFILES: "C:\\Programs" });
  assert.ok(windows.includes("C:\\Programs\\Microsoft\\Edge\\Application\\msedge.exe"));
  const mac = systemBrowsers("darwin", { HOME: "/Users/zoe" });
  assert.ok(mac.includes("/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"));
  assert.ok(mac.includes("/Users/zoe/Applications/Chromium.app/Contents/MacOS/Chromium"));
});

/** The bytes of a PNG's rows. */
function pixels(png: Buffer): Uint8Array {
  const data: Buffer[] = [];
  for (let at = 8; at < png.length;) {
    const length = png.readUInt32BE(at);
    if (png.toString("latin1", at + 4, at + 8) === "IDAT") data.push(png.subarray(at + 8, at + 8 + length));
    at += 12 + length;
  }
  return inflateSync(Buffer.concat(data));
}

function decode(text: string): string {
  const names: Record<string, string> = { amp: "&", lt: "<", gt: ">", quot: '"', nbsp: " " };
  return text
    .replace(/&(\w+);/g, (entity, name: string) => names[name] ?? entity)
    .replace(/&#(\d+);/g, (_, code: string) => String.fromCodePoint(Number(code)));
}
