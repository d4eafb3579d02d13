import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { delimiter, dirname, join, resolve } from "node:path";
import { after, test } from "node:test";
import { BrowserMissingError } from "../../src/figures/browser";
import { writeTinyChat } from "../chat/tiny-chat";
import { LocalPage } from "../local-page";

const program = (process.env["PATH"] ?? "")
  .split(delimiter)
  .map((place) => join(place, process.platform === "win32" ? "jupyter-lab.exe" : "jupyter-lab"))
  .find((path) => existsSync(path));
const folder = mkdtempSync(join(tmpdir(), "lab-page-"));
after(() => rmSync(folder, { recursive: true, force: true, maxRetries: 8 }));

function writeNotebook(path: string, sources: readonly string[]): void {
  const cells = sources.map((source, i) => ({
    ...{ cell_type: "code", execution_count: null, id: `cell-${i}` },
    ...{ metadata: {}, outputs: [], source },
  }));
  const kernelspec = { name: "tslab", display_name: "TypeScript", language: "typescript" };
  writeFileSync(path, JSON.stringify({ cells, metadata: { kernelspec }, nbformat: 4, nbformat_minor: 5 }));
}

/** A JupyterLab that knows this project's kernel and nothing of what its user has set. */
async function startLab(notebooks: string): Promise<{ address: string; stop: () => Promise<void> }> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  await new Promise((done) => server.close(done));
  const settings = { ip: "127.0.0.1", port, port_retries: 0, open_browser: "False", allow_root: "True" };
  const own = Object.entries({ ...settings, root_dir: notebooks });
  const child = spawn(
    program!,
    own.map(([name, value]) => `--ServerApp.${name}=${value}`),
    {
      cwd: folder,
      stdio: ["ignore", "ignore", "pipe"],
      env: {
        ...process.env,
        JUPYTER_TOKEN: "token",
        JUPYTER_PATH: resolve(__dirname, "../../jupyter"),
        JUPYTER_CONFIG_DIR: join(folder, "config"),
        JUPYTER_DATA_DIR: join(folder, "data"),
        JUPYTER_RUNTIME_DIR: join(folder, "runtime"),
        JUPYTERLAB_SETTINGS_DIR: join(folder, "settings"),
        JUPYTERLAB_WORKSPACES_DIR: join(folder, "workspaces"),
        PATH: [dirname(process.execPath), process.env["PATH"]].join(delimiter),
      },
    },
  );
  let said = "";
  child.stderr.on("data", (data: Buffer) => (said = (said + data.toString()).slice(-2000)));
  const ended = once(child, "exit");
  const address = `http://127.0.0.1:${port}`;
  const deadline = Date.now() + 120_000;
  for (;;) {
    if (child.exitCode !== null || Date.now() > deadline)
      throw new Error(`JupyterLab did not start\n${said}`);
    const reply = await fetch(`${address}/api`).catch(() => undefined);
    if (reply?.ok) break;
    await new Promise((done) => setTimeout(done, 200));
  }
  return {
    address,
    stop: async () => {
      child.kill(); // it ends its kernels
      await ended;
    },
  };
}

const RUN = '[data-command="notebook:run-cell-and-select-next"]';
const prompt = (cell: number) =>
  `.jp-Notebook .jp-CodeCell[data-windowed-list-index="${cell}"] .jp-InputArea-prompt`;
const STOP = '[data-command="notebook:interrupt-kernel"]';
const output = (cell: number) =>
  `[...document.querySelectorAll(".jp-Notebook .jp-CodeCell")][${cell}].querySelector(".jp-OutputArea").innerText`;
const typed = (cell: number, turn: string) =>
  `${output(cell)}.replace(/\\s+/g, " ").includes(${JSON.stringify(`You: ${turn}`)})`;
// An answered field stays for a moment.
const field =
  'document.activeElement?.matches(".jp-Stdin-input") && document.querySelectorAll(".jp-Stdin-input").length === 1 && document.activeElement.value === ""';
const idle = `document.querySelector('.jp-Notebook-ExecutionIndicator[data-status="idle"]')`;

test(
  "a talk in JupyterLab's page: typed turns, answers as they come, ■ ends one, and the kernel goes on",
  { skip: program === undefined && "jupyter-lab is not on the PATH" },
  async (t) => {
    const notebooks = join(folder, "notebooks");
    mkdirSync(notebooks);
    const model = writeTinyChat(join(folder, "model"), { maxPositions: 200_000 });
    const talk = (options: object) =>
      `import { chat } from "./src/index";\nawait chat(${JSON.stringify({ model, temperature: 0, ...options })});`;
    writeNotebook(join(notebooks, "talk.ipynb"), [
      talk({ maxNewTokens: 8, persona: "train-1/2" }),
      talk({ maxNewTokens: 100_000 }),
      "1 + 41",
    ]);
    const lab = await startLab(notebooks);
    let page: LocalPage | undefined;
    try {
      page = await LocalPage.open(`${lab.address}/lab/tree/talk.ipynb?token=token`);
      await page.until(
        'document.querySelector("#jp-main-statusbar")?.innerText.includes("TypeScript (tslab) | Idle")',
        "the notebook with its kernel",
      );

      await page.click(prompt(0));
      await page.click(RUN);
      for (const turn of ["Hello <b>you</b>", "And you?", "/quit"]) {
        await page.until(field, `a field for ${turn}`);
        await page.typeLine(turn);
        // JupyterLab puts the prompt and what was typed in the field's place.
        await page.until(typed(0, turn), `the turn ${turn}`);
      }
      await page.until(idle, "the end of the talk");
      const said = String(await page.evaluate(output(0)));
      assert.match(said, /, a Llama .*\nThe model is train-1\/2 /s);
      assert.equal(said.match(/\(Cut after 8 tokens\.\)/g)?.length, 2, said);

      await page.click(prompt(1));
      await page.click(RUN);
      await page.until(field, "a field of the second talk");
      await page.typeLine("Hello");
      const length = `${output(1)}.length`;
      await page.until(`${typed(1, "Hello")} && ${length} > 500`, "an answer that begins");
      const begun = Number(await page.evaluate(length));
      await page.until(`${length} > ${begun}`, "an answer that goes on");
      await page.click(STOP);
      await page.until(`${output(1)}.includes("(Stopped.)")`, "the word that it stopped");
      await page.until(idle, "a kernel that waits");
      assert.match(String(await page.evaluate(output(1))), /Interrupted/);

      await page.click(prompt(2));
      await page.click(RUN);
      await page.until(`${output(2)}.includes("42")`, "the next cell's value");
    } catch (error) {
      if (error instanceof BrowserMissingError) return t.skip(error.message);
      throw error;
    } finally {
      page?.close();
      await lab.stop();
    }
  },
);
