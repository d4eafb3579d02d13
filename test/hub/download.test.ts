import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import promises from "node:fs/promises";
import { createServer } from "node:http";
import { connect, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { after, before, beforeEach, test } from "node:test";
import { downloadFile, type DownloadOptions, type DownloadProgress } from "../../src/hub/download";
import { HubError, type HubErrorCode } from "../../src/hub/errors";
import { commit, FakeHub, gitBlobSha1, type Served } from "./fake-hub";

const hub = new FakeHub();
const folder = mkdtempSync(join(tmpdir(), "hub-"));
let cache = "";
before(() => hub.start());
after(async () => {
  await hub.stop();
  rmSync(folder, { recursive: true });
});
beforeEach(() => {
  hub.files.clear();
  hub.seen.length = 0;
  hub.revision = "main";
  cache = mkdtempSync(join(folder, "cache-"));
});

const content = randomBytes(100_000);
const fast = { firstWaitMs: 1, attempts: 3, stallMs: 5000 };
const modelUrl = "/google/tiny/resolve/main/model.safetensors";

function serve(served: Partial<Served>, url = modelUrl): Served {
  const file = { content, ...served };
  hub.files.set(url, file);
  return file;
}

function download(options: Partial<DownloadOptions> = {}): Promise<string> {
  return downloadFile({
    repo: "google/tiny",
    file: "model.safetensors",
    cacheDirectory: cache,
    access: { endpoint: hub.endpoint, offline: false },
    retry: fast,
    ...options,
  });
}

async function failure(code: HubErrorCode, download: Promise<string>): Promise<HubError> {
  const error = await download.then(
    (path) => assert.fail(`got ${path}`),
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof HubError, String(error));
  assert.equal(error.code, code, error.message);
  return error;
}

const filesLeft = () =>
  readdirSync(cache, { recursive: true, withFileTypes: true }).filter((f) => f.isFile());

test("a small file: fetched, verified by Git's blob hash, and not fetched again", async () => {
  serve({});
  const path = await download();
  assert.equal(path, join(cache, "models/google/tiny/main/model.safetensors"));
  assert.deepEqual(readFileSync(path), content);
  assert.equal(await download(), path);
  assert.equal(hub.requests("GET").length, 1);
  assert.equal(filesLeft().length, 1);
  assert.ok(hub.requests("GET")[0]!.url.includes(commit), "the bytes are those of the commit");
});

test("a dataset, a revision and a folder have their own addresses and places", async () => {
  serve({ content: Buffer.from("a,b") }, "/datasets/google/Synthetic/resolve/refs/pr/3/data/a b.csv");
  hub.revision = "refs/pr/3";
  const dataset = { repo: "google/Synthetic", type: "dataset", revision: "refs/pr/3" } as const;
  const path = await download({ ...dataset, file: "data/a b.csv" });
  assert.equal(path, join(cache, "datasets/google/Synthetic/refs%2Fpr%2F3/data/a b.csv"));
  assert.match(hub.seen[0]!.url, /^\/datasets\/google\/Synthetic\/resolve\/refs%2Fpr%2F3\/data\/a%20b\.csv$/);
});

test("a large file: SHA-256, from the CDN, to which the token does not go", async () => {
  serve({ lfs: true, token: "hf_secret" });
  const path = await download({ access: { endpoint: hub.endpoint, token: "hf_secret", offline: false } });
  assert.deepEqual(readFileSync(path), content);
  const cdn = hub.seen.filter(({ host }) => host === "cdn");
  assert.equal(cdn.length, 1);
  assert.ok(cdn.every(({ authorization }) => authorization === undefined));
  assert.ok(
    hub.seen.filter(({ host }) => host === "hub").every((seen) => seen.authorization === "Bearer hf_secret"),
  );
});

test("a cut connection is continued where it broke, with Range and If-Range", async () => {
  serve({ lfs: true, cuts: [30_000, 20_000, 1] });
  assert.deepEqual(readFileSync(await download()), content);
  const gets = hub.requests("GET").filter(({ host }) => host === "cdn");
  assert.deepEqual(
    gets.map(({ range, ifRange }) => [range, ifRange]),
    [
      [undefined, undefined],
      ["bytes=30000-", '"cdn-1"'],
      ["bytes=50000-", '"cdn-1"'],
      ["bytes=50001-", '"cdn-1"'],
    ],
  );
});

test("a server without ranges is asked again from the start", async () => {
  serve({ cuts: [99_999, 10], wholeOnly: true });
  assert.deepEqual(readFileSync(await download()), content);
});

test("a connection that stalls is dropped and continued", async () => {
  serve({ stalls: [40_000] });
  assert.deepEqual(readFileSync(await download({ retry: { ...fast, stallMs: 150 } })), content);
  assert.equal(hub.requests("GET")[1]!.range, "bytes=40000-");
});

test("after giving up, what has come is kept and a later download goes on", async () => {
  const served = serve({ cuts: [60_000, 0, 0, 0] });
  const error = await failure("interrupted", download());
  assert.match(error.message, /gave up after 3 attempts.*what has come is kept/);
  assert.equal(existsSync(join(cache, "models/google/tiny/main/model.safetensors")), false);
  served.cuts = [];
  assert.deepEqual(readFileSync(await download()), content);
  assert.equal(hub.requests("GET").at(-1)!.range, "bytes=60000-");
  assert.equal(filesLeft().length, 1);
});

test("a partial file of an ended process is taken over; one of another version is removed", async () => {
  serve({ lfs: true });
  const place = join(cache, "models/google/tiny/main");
  mkdirSync(place, { recursive: true });
  const ended = 2 ** 22 + 1;
  const sha256 = createHash("sha256").update(content).digest("hex");
  writeFileSync(join(place, `model.safetensors.${sha256}.${ended}.incomplete`), content.subarray(0, 70_000));
  writeFileSync(join(place, `model.safetensors.${"0".repeat(64)}.${ended}.incomplete`), "old");
  assert.deepEqual(readFileSync(await download()), content);
  assert.equal(hub.requests("GET").at(-1)!.range, "bytes=70000-");
  assert.equal(filesLeft().length, 1);
});

test("a partial file with wrong bytes is thrown away and fetched anew", async () => {
  serve({});
  const place = join(cache, "models/google/tiny/main");
  mkdirSync(place, { recursive: true });
  const partial = join(place, `model.safetensors.${gitBlobSha1(content)}.${process.pid}.incomplete`);
  for (const size of [500, content.length, content.length + 1]) {
    rmSync(join(place, "model.safetensors"), { force: true });
    writeFileSync(partial, Buffer.alloc(size));
    assert.deepEqual(readFileSync(await download()), content);
  }
});

test("damaged bytes: once more, then an error, and nothing is left", async () => {
  serve({ lfs: true, damaged: [Buffer.alloc(content.length)] });
  assert.deepEqual(readFileSync(await download()), content);
  rmSync(cache, { recursive: true });
  mkdirSync(cache);
  serve({ lfs: true, damaged: [Buffer.alloc(content.length), Buffer.alloc(content.length)] });
  const error = await failure("checksum", download());
  assert.match(
    error.message,
    /google\/tiny\/model\.safetensors arrived damaged: its checksum is [0-9a-f]{64}/,
  );
  assert.deepEqual(filesLeft(), []);
});

test("a file in the cache that was altered or is outdated is fetched again", async () => {
  serve({});
  const path = await download();
  writeFileSync(path, Buffer.alloc(content.length));
  assert.deepEqual(readFileSync(await download()), content);
  const newer = randomBytes(5);
  serve({ content: newer });
  assert.deepEqual(readFileSync(await download()), newer);
});

test("401, 403 and 404 say what to do, and never the token", async () => {
  serve({ token: "hf_right" });
  const unauthorized = await failure("unauthorized", download());
  assert.match(unauthorized.message, /private or gated: set HF_TOKEN/);
  const wrong = await failure(
    "unauthorized",
    download({ access: { endpoint: hub.endpoint, token: "hf_wrong", offline: false } }),
  );
  assert.match(wrong.message, /token in HF_TOKEN is not valid/);
  assert.ok(!wrong.message.includes("hf_wrong"));
  serve({ token: "hf_right", gated: true });
  assert.match((await failure("forbidden", download())).message, /accept its conditions/);
  assert.match((await failure("not found", download({ file: "other.json" }))).message, /no such file.*404/);
  assert.equal(hub.seen.length, 4, "none of these is tried again");
});

test("429 and 5xx are waited out, as long as the server says", async () => {
  serve({
    headStatuses: [[429, { "retry-after": "0" }], [503]],
    getStatuses: [[500], [429, { "retry-after": "0" }]],
  });
  assert.deepEqual(readFileSync(await download()), content);
  serve({ content: Buffer.from("x"), headStatuses: [[502], [502], [502]] });
  assert.match((await failure("interrupted", download())).message, /answered 502/);
});

test("no network: the cached file, or an error that says how to go on", async () => {
  const closed = createServer();
  await new Promise<void>((ready) => closed.listen(0, "127.0.0.1", ready));
  const nowhere = { endpoint: `http://127.0.0.1:${(closed.address() as AddressInfo).port}`, offline: false };
  await new Promise((done) => closed.close(done));
  const error = await failure("offline", download({ access: nowhere }));
  assert.match(error.message, /127\.0\.0\.1:\d+ cannot be reached \(ECONNREFUSED\).*HTTPS_PROXY/);
  serve({});
  const path = await download();
  assert.equal(await download({ access: nowhere }), path);
});

test("offline mode uses the cache and makes no request", async () => {
  const offline = { endpoint: hub.endpoint, offline: true };
  serve({});
  assert.match((await failure("offline", download({ access: offline }))).message, /HF_HUB_OFFLINE forbids/);
  assert.equal(hub.seen.length, 0);
  const path = await download();
  hub.seen.length = 0;
  assert.equal(await download({ access: offline }), path);
  assert.equal(hub.seen.length, 0);
});

test("a commit names unchanging files: a cached one needs no request", async () => {
  serve({});
  const path = await download({ revision: commit });
  const { length } = hub.seen;
  assert.equal(await download({ revision: commit }), path);
  assert.equal(hub.seen.length, length);
});

test("an answer that is no hub's is refused", async () => {
  const login = createServer((_, response) => response.end("<html>please log in"));
  await new Promise<void>((ready) => login.listen(0, "127.0.0.1", ready));
  const endpoint = `http://127.0.0.1:${(login.address() as AddressInfo).port}`;
  try {
    const error = await failure("refused", download({ access: { endpoint, offline: false } }));
    assert.match(error.message, /does not answer like the Hugging Face hub/);
  } finally {
    login.closeAllConnections();
    login.close();
  }
});

test("a mirror that redirects to the hub is followed, and the token stays with the mirror", async () => {
  for (const lfs of [false, true]) {
    serve({ lfs });
    hub.seen.length = 0;
    const tokens: (string | undefined)[] = [];
    const mirror = createServer((request, response) => {
      tokens.push(request.headers.authorization);
      response.writeHead(302, { location: hub.endpoint + request.url }).end();
    });
    await new Promise<void>((ready) => mirror.listen(0, "127.0.0.1", ready));
    const endpoint = `http://127.0.0.1:${(mirror.address() as AddressInfo).port}`;
    try {
      const cacheDirectory = join(cache, String(lfs));
      const path = await download({
        cacheDirectory,
        access: { endpoint, offline: false, token: "hf_secret" },
      });
      assert.deepEqual(readFileSync(path), content);
      assert.ok(tokens.length > 0 && tokens.every((token) => token === "Bearer hf_secret"));
      assert.ok(hub.seen.length > 0 && hub.seen.every(({ authorization }) => authorization === undefined));
    } finally {
      mirror.closeAllConnections();
      mirror.close();
    }
  }
});

test("an HTML page in place of the file is refused as one, and nothing is left", async () => {
  const tag = gitBlobSha1(content);
  const proxy = createServer((request, response) => {
    if (request.method === "HEAD")
      response.writeHead(200, { etag: `"${tag}"`, "content-length": String(content.length) }).end();
    else response.writeHead(200, { "content-type": "text/html; charset=utf-8" }).end("<html>log in</html>");
  });
  await new Promise<void>((ready) => proxy.listen(0, "127.0.0.1", ready));
  const endpoint = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
  try {
    const error = await failure("refused", download({ access: { endpoint, offline: false } }));
    assert.match(error.message, /an HTML page came instead of the file/);
  } finally {
    proxy.closeAllConnections();
    proxy.close();
  }
});

test("a mirror that says no sizes: fetched, continued, and checked by the checksum alone", async () => {
  for (const lfs of [false, true]) {
    const cacheDirectory = join(cache, String(lfs));
    const seen: DownloadProgress[] = [];
    serve({ lfs, unsized: true, cuts: [30_000] });
    hub.seen.length = 0;
    const path = await download({ cacheDirectory, onProgress: (progress) => seen.push(progress) });
    assert.deepEqual(readFileSync(path), content);
    assert.equal(hub.requests("GET").at(-1)!.range, "bytes=30000-");
    assert.equal(seen[0]!.totalBytes, null);
    assert.deepEqual([seen.at(-1)!.totalBytes, seen.at(-1)!.secondsLeft], [content.length, 0]);
    const { length } = hub.requests("GET");
    assert.equal(await download({ cacheDirectory }), path);
    assert.equal(hub.requests("GET").length, length, "what is in the cache has the checksum");

    const shorter = content.subarray(0, 500);
    serve({ lfs, unsized: true, content: shorter, damaged: [content] });
    assert.deepEqual(readFileSync(await download({ cacheDirectory })), shorter, "damaged, then right");
    serve({ lfs, unsized: true, damaged: [shorter, shorter] });
    await failure("checksum", download({ cacheDirectory }));
    serve({ lfs, unsized: true, content: Buffer.alloc(0) });
    assert.equal(readFileSync(await download({ cacheDirectory })).length, 0);
  }
});

test("a longer partial file of unknown size leaves nothing behind the right one", async () => {
  serve({ unsized: true });
  const place = join(cache, "models/google/tiny/main");
  mkdirSync(place, { recursive: true });
  const partial = join(place, `model.safetensors.${gitBlobSha1(content)}.${process.pid}.incomplete`);
  writeFileSync(partial, Buffer.alloc(content.length + 7));
  assert.deepEqual(readFileSync(await download()), content);
  assert.equal(filesLeft().length, 1);
});

test("a redirect within the host is followed, with the token, also where it is relative", async () => {
  for (const lfs of [false, true]) {
    for (const movedTo of [
      "/new/name/resolve/main/model.safetensors",
      "../../../../new/name/resolve/main/model.safetensors",
    ]) {
      serve({ movedTo });
      serve({ lfs, token: "hf_secret" }, "/new/name/resolve/main/model.safetensors");
      const path = await download({
        cacheDirectory: mkdtempSync(join(cache, "c")),
        access: { endpoint: hub.endpoint, token: "hf_secret", offline: false },
      });
      assert.deepEqual(readFileSync(path), content);
    }
  }
});

test("a mirror may describe a file where it redirects within itself, and may know no HEAD", async () => {
  const sha256 = createHash("sha256").update(content).digest("hex");
  const methods: string[] = [];
  const mirror = createServer((request, response) => {
    methods.push(request.method!);
    if (request.method === "HEAD") return void response.writeHead(405).end();
    if (request.url === "/store/1") return void response.writeHead(200, { etag: '"1-2"' }).end(content);
    response.writeHead(302, { location: "/store/1", "x-linked-etag": `"${sha256}"` }).end("Found");
  });
  await new Promise<void>((ready) => mirror.listen(0, "127.0.0.1", ready));
  const endpoint = `http://127.0.0.1:${(mirror.address() as AddressInfo).port}`;
  try {
    assert.deepEqual(readFileSync(await download({ access: { endpoint, offline: false } })), content);
    assert.deepEqual(methods, ["HEAD", "GET", "GET", "GET"]);
  } finally {
    mirror.closeAllConnections();
    mirror.close();
  }
});

test("without the hub's checksum a mirror is refused, with what it sent and the ways out", async () => {
  for (const [tag, said] of [
    [undefined, "has no header ETag or X-Linked-ETag"],
    ['"5f3a-1234"', 'has the ETag "5f3a-1234"'],
    [`"${"a".repeat(32)}"`, `has the ETag "${"a".repeat(32)}"`],
  ] as const) {
    const mirror = createServer((_, response) =>
      response.writeHead(200, tag ? { etag: tag } : {}).end(content),
    );
    await new Promise<void>((ready) => mirror.listen(0, "127.0.0.1", ready));
    const endpoint = `http://127.0.0.1:${(mirror.address() as AddressInfo).port}`;
    try {
      const { message } = await failure("refused", download({ access: { endpoint, offline: false } }));
      assert.ok(message.includes(said), message);
      for (const way of ["HF_ENDPOINT", "login page", "PERSONA_MODEL", "PERSONA_DATA"])
        assert.ok(message.includes(way), way);
      assert.doesNotMatch(message, /\n/);
      assert.deepEqual(filesLeft(), []);
    } finally {
      mirror.closeAllConnections();
      mirror.close();
    }
  }
});

test("the checksum is found in weak tags and in those of compressing servers, whose length is not the file's", async () => {
  for (const tag of [`W/"${gitBlobSha1(content)}"`, `"${gitBlobSha1(content)}-gzip"`]) {
    const mirror = createServer((request, response) => {
      const packed = gzipSync(content);
      const headers = { etag: tag, "content-encoding": "gzip", "content-length": String(packed.length) };
      response.writeHead(200, headers).end(request.method === "HEAD" ? undefined : packed);
    });
    await new Promise<void>((ready) => mirror.listen(0, "127.0.0.1", ready));
    const endpoint = `http://127.0.0.1:${(mirror.address() as AddressInfo).port}`;
    const cacheDirectory = mkdtempSync(join(cache, "c"));
    try {
      const path = await download({ cacheDirectory, access: { endpoint, offline: false } });
      assert.deepEqual(readFileSync(path), content);
    } finally {
      mirror.closeAllConnections();
      mirror.close();
    }
  }
});

test("more bytes than announced are refused", async () => {
  serve({ damaged: [Buffer.concat([content, content])] });
  assert.match((await failure("refused", download())).message, /more bytes came/);
});

test("progress rises to the whole size; two callers share one download", async () => {
  serve({ cuts: [50_000] });
  const seen: DownloadProgress[] = [];
  const [a, b] = await Promise.all([download({ onProgress: (progress) => seen.push(progress) }), download()]);
  assert.equal(a, b);
  assert.equal(hub.requests("HEAD").length, 1);
  assert.equal(seen.at(-1)!.receivedBytes, content.length);
  assert.equal(seen.at(-1)!.secondsLeft, 0);
  assert.ok(
    seen.every(({ totalBytes, bytesPerSecond }) => totalBytes === content.length && bytesPerSecond >= 0),
  );
});

test("a long download shows megabytes and the time left", async (context) => {
  serve({ content: Buffer.alloc(6_000_000, 1), stalls: [3_000_000], lfs: true });
  const lines: string[] = [];
  context.mock.method(process.stderr, "write", (text: string) => lines.push(text));
  await download({ retry: { ...fast, stallMs: 2500 } });
  context.mock.restoreAll();
  assert.match(lines.join(""), /Downloading google\/tiny\/model\.safetensors: .* MB/);
});

test("a stopped download keeps what has come", async () => {
  serve({ stalls: [10_000, 10_000] });
  const controller = new AbortController();
  const stopped = download({ signal: controller.signal, onProgress: () => controller.abort() });
  await assert.rejects(stopped, { name: "AbortError" });
  assert.match(filesLeft()[0]!.name, /\.incomplete$/);
});

test("a full disk is named before and during the download, and what has come is kept", async (context) => {
  serve({});
  const statfs = context.mock.method(promises, "statfs", async () => ({ bavail: 10, bsize: 4096 }));
  const before = await failure("disk full", download());
  assert.match(before.message, /1 MB more are needed in .*main; make room/);
  assert.equal(hub.requests("GET").length, 0);
  statfs.mock.restore();
  const probe = await promises.open(join(folder, "probe"), "w");
  const handles = Object.getPrototypeOf(probe) as { write: () => Promise<unknown> };
  await probe.close();
  const write = context.mock.method(handles, "write", async () => {
    throw Object.assign(new Error("ENOSPC: no space left on device, write"), { code: "ENOSPC" });
  });
  await failure("disk full", download());
  write.mock.restore();
  assert.deepEqual(readFileSync(await download()), content);
});

test("an empty file is a file", async () => {
  serve({ content: Buffer.alloc(0) });
  assert.equal(readFileSync(await download()).length, 0);
});

test("names that lead out of the cache are refused before any request", async () => {
  for (const file of ["../x", "a/../../x", "/etc/passwd", "a//b", "a\\..\\b", "", ".", "C:x", "a\0b", "a/"]) {
    await assert.rejects(async () => download({ file }), { code: "invalid" }, file);
  }
  for (const repo of ["..", "../a", "a/..", "a/b/c", "", "a b", "https://x"]) {
    await assert.rejects(async () => download({ repo }), { code: "invalid" }, repo);
  }
  await assert.rejects(async () => download({ revision: "../main" }), { code: "invalid" });
  assert.equal(hub.seen.length, 0);
});

test("requests go through the proxy that the environment names, unless NO_PROXY excepts the host", async () => {
  serve({});
  const asked: string[] = [];
  const proxy = createServer((request, response) => {
    asked.push(request.url!);
    response.writeHead(501).end();
  });
  proxy.on("connect", (request, socket) => {
    asked.push(request.url!);
    const [host, port] = request.url!.split(":");
    const upstream = connect(Number(port), host, () => {
      socket.write("HTTP/1.1 200 OK\r\n\r\n");
      upstream.pipe(socket).pipe(upstream);
    });
    upstream.on("error", () => socket.destroy());
    socket.on("error", () => upstream.destroy());
  });
  await new Promise<void>((ready) => proxy.listen(0, "127.0.0.1", ready));
  const address = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
  const run = (environment: Record<string, string>) => {
    rmSync(cache, { recursive: true });
    mkdirSync(cache);
    const code = `require("./src/hub").downloadFile({ repo: "google/tiny", file: "model.safetensors", cacheDirectory: ${JSON.stringify(cache)} }).then(console.log)`;
    return new Promise<string>((done, fail) =>
      execFile(
        process.execPath,
        ["--require", "tsx/cjs", "-e", code],
        {
          cwd: join(__dirname, "../.."),
          env: { PATH: process.env["PATH"], HF_ENDPOINT: hub.endpoint, ...environment },
        },
        (error, stdout, stderr) => (error ? fail(new Error(stderr)) : done(stdout.trim())),
      ),
    );
  };
  try {
    assert.deepEqual(readFileSync(await run({ HTTP_PROXY: address })), content);
    assert.ok(asked.length > 0 && asked.every((url) => hub.endpoint.endsWith(url)), asked.join());
    asked.length = 0;
    assert.deepEqual(readFileSync(await run({ HTTP_PROXY: address, NO_PROXY: "127.0.0.1" })), content);
    assert.equal(asked.length, 0);
  } finally {
    proxy.closeAllConnections();
    proxy.close();
  }
});
