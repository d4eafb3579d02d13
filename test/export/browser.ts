import { createReadStream, existsSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { dirname, extname, join, normalize, sep } from "node:path";
import { LocalPage } from "../local-page";

const modules = join(__dirname, "../../node_modules");
const transformers = join(modules, "@huggingface/transformers/dist");
/** The one that Transformers.js was made with, which may lie below it. */
const ortWeb = dirname(require.resolve("onnxruntime-web", { paths: [transformers] }));
const ortCommon = join(dirname(require.resolve("onnxruntime-common", { paths: [ortWeb] })), "..");

const types: Record<string, string> = {
  ".js": "text/javascript",
  ".mjs": "text/javascript",
  ".wasm": "application/wasm",
  ".json": "application/json",
};

/** A page without a bundler: names of packages are paths of this server. */
const page = `<!doctype html><meta charset="utf-8"><script type="importmap">${JSON.stringify({
  imports: {
    "@huggingface/transformers": "/transformers/transformers.web.js",
    "onnxruntime-web/webgpu": "/ort/ort.webgpu.bundle.min.mjs",
    "onnxruntime-common": "/common/esm/index.js",
  },
})}</script>`;

/** A page of a browser in which Transformers.js finds the models of a folder by their names, and nothing else. */
export class BrowserPage {
  private constructor(
    private readonly page: LocalPage,
    private readonly server: Server,
  ) {}

  static async open(models: string): Promise<BrowserPage> {
    const roots: Record<string, string> = {
      transformers,
      ort: ortWeb,
      common: ortCommon,
      models,
    };
    const server = createServer(({ url = "/" }, response) => {
      const [, first = "", ...rest] = decodeURIComponent(url.split("?")[0]!).split("/");
      const root = roots[first];
      const path = root && normalize(join(root, ...rest));
      // What makes memory that threads share allowed.
      response.setHeader("Cross-Origin-Opener-Policy", "same-origin");
      response.setHeader("Cross-Origin-Embedder-Policy", "require-corp");
      if (first === "") response.setHeader("Content-Type", "text/html").end(page);
      else if (path?.startsWith(root + sep) && existsSync(path)) {
        response.setHeader("Content-Type", types[extname(path)] ?? "application/octet-stream");
        createReadStream(path).pipe(response);
      } else response.writeHead(404).end();
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
    return new BrowserPage(await LocalPage.open(origin), server);
  }

  /** The value of the body of an asynchronous function; `transformers` is the module, set up. */
  async run(body: string, seconds = 240): Promise<unknown> {
    const expression = `(async () => {
      while (document.readyState !== "complete") await new Promise((done) => setTimeout(done, 20));
      const transformers = await import("@huggingface/transformers");
      const { env } = transformers;
      Object.assign(env, { allowLocalModels: true, allowRemoteModels: false, localModelPath: "/models/", useBrowserCache: false });
      env.backends.onnx.wasm.wasmPaths = "/ort/";
      ${body}
    })()`;
    return this.page.evaluate(expression, seconds);
  }

  close(): void {
    this.page.close();
    this.server.closeAllConnections();
    this.server.close();
  }
}
