// node serve.mjs [PORT]: serves the folder that this file lies in, to this machine alone.
import { createReadStream, realpathSync, statSync } from "node:fs";
import { createServer } from "node:http";
import { dirname, extname, join, sep } from "node:path";
import { fileURLToPath } from "node:url";

const root = realpathSync(dirname(fileURLToPath(import.meta.url)));
const port = Number(process.argv[2] ?? 8000);
const types = {
  ".html": "text/html; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".json": "application/json",
  ".md": "text/plain; charset=utf-8",
  ".wasm": "application/wasm",
};

/** The file of an address, if it lies in the folder. */
function fileOf(url) {
  try {
    const { pathname } = new URL(url, "http://127.0.0.1");
    const path = realpathSync(join(root, decodeURIComponent(pathname.replace(/\/$/, "/index.html"))));
    return path.startsWith(root + sep) && statSync(path).isFile() ? path : undefined;
  } catch {
    return undefined;
  }
}

const server = createServer(({ url, method }, response) => {
  const path = fileOf(url);
  if (method !== "GET" && method !== "HEAD") return response.writeHead(405, { allow: "GET, HEAD" }).end();
  if (path === undefined) return response.writeHead(404).end();
  response.writeHead(200, {
    "content-type": types[extname(path)] ?? "application/octet-stream",
    "content-length": statSync(path).size,
    "cache-control": "no-cache",
    "x-content-type-options": "nosniff",
  });
  if (method === "HEAD") return response.end();
  createReadStream(path).pipe(response);
});
server.on("error", ({ code, message }) => {
  console.error(code === "EADDRINUSE" ? `${message}: name another port, node serve.mjs PORT` : message);
  process.exit(1);
});
server.listen(port, "127.0.0.1", () => {
  console.log(`http://127.0.0.1:${server.address().port}/ (Ctrl-C ends it)`);
});
