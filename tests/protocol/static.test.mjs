// A web client's files, served from a folder.

import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { mkdir, readFile, symlink, writeFile } from "node:fs/promises";
import path from "node:path";
import { test } from "node:test";
import vm from "node:vm";
import { gzipSync } from "node:zlib";
import WebSocket from "ws";
import { onEnd } from "../lib/cleanup.mjs";
import { temporaryFolder } from "../lib/folder.mjs";
import { get, readResponse, request } from "../lib/http.mjs";
import { gauge } from "../lib/metrics.mjs";
import { Client } from "../lib/official.mjs";
import { user } from "../lib/rider.mjs";
import { runGateway, startGateway } from "../lib/server.mjs";
import { TcpClient } from "../lib/tcp.mjs";
import { until, within } from "../lib/wait.mjs";

const PAGE = "<!doctype html><title>ridecast</title>";
const SCRIPT = "console.log('ridecast');\n".repeat(200);
const BROWSER = { Accept: "text/html,application/xhtml+xml,*/*;q=0.8" };
const MIB = 1 << 20;

async function build(t, files = {}) {
  const top = temporaryFolder(t, "static");
  for (const [name, bytes] of Object.entries({ "index.html": PAGE, "assets/app-1a2b.js": SCRIPT, ...files })) {
    await mkdir(path.join(top, path.dirname(name)), { recursive: true });
    await writeFile(path.join(top, name), bytes);
  }
  return top;
}

const serve = async (t, files, options) => startGateway(t, { static: await build(t, files), ...options });

test("the page, its assets and its routes are served beside everything else", async (t) => {
  const server = await serve(t);
  const page = await request(t, server, { path: "/" });
  assert.deepEqual([page.status, page.body], [200, PAGE]);
  assert.equal(page.headers["content-type"], "text/html; charset=utf-8");
  assert.equal(page.headers["cache-control"], "no-cache");
  assert.equal(page.headers["x-content-type-options"], "nosniff");
  assert.match(page.headers["content-security-policy"], /default-src 'self'/);

  const script = await request(t, server, { path: "/assets/app-1a2b.js?v=1" });
  assert.deepEqual([script.status, script.body], [200, SCRIPT]);
  assert.match(script.headers["cache-control"], /immutable/);

  assert.equal((await request(t, server, { path: "/board", headers: BROWSER })).body, PAGE);
  assert.equal((await request(t, server, { path: "/board" })).status, 404);
  assert.equal((await request(t, server, { path: "/healthz", headers: BROWSER })).body, "ok\n");
  assert.equal((await request(t, server, { path: "/ws", headers: BROWSER })).status, 404);
  assert.equal((await request(t, server, { path: "/socket.io/", headers: BROWSER })).status, 400);
  assert.equal((await request(t, server, { method: "POST", path: "/", body: "x" })).status, 404);
  await Client.connect(t, server, "default transports");
});

test("HEAD has the same headers and no body", async (t) => {
  const server = await serve(t);
  for (const target of ["/", "/assets/app-1a2b.js"]) {
    const { headers } = await request(t, server, { path: target });
    const head = await request(t, server, { method: "HEAD", path: target });
    assert.deepEqual([head.status, head.body, head.headers], [200, "", headers]);
  }
});

test("what the browser has is confirmed, on one connection", async (t) => {
  const server = await serve(t);
  const tcp = await TcpClient.connect(t, server.port);
  tcp.send(get("/"));
  const { headers } = await readResponse(tcp);
  for (const line of [`If-None-Match: ${headers.etag}\r\n`, `If-Modified-Since: ${headers["last-modified"]}\r\n`]) {
    tcp.send(get("/", line));
    const answer = await readResponse(tcp, { hasBody: false });
    assert.deepEqual([answer.status, answer.headers.etag], [304, headers.etag]);
    assert.equal(answer.headers["content-length"], undefined);
  }
  tcp.send(get("/", 'If-None-Match: "other"\r\n'));
  assert.deepEqual([(await readResponse(tcp)).body, tcp.available], [PAGE, 0]);
});

test("a compressed file beside the other is sent to who takes it", async (t) => {
  const compressed = gzipSync(SCRIPT);
  const server = await serve(t, { "assets/app-1a2b.js.gz": compressed });
  const tcp = await TcpClient.connect(t, server.port);
  tcp.send(get("/assets/app-1a2b.js", "Accept-Encoding: br, gzip\r\n"));
  const head = (await tcp.readUntil("\r\n\r\n")).toString();
  assert.match(head, /^Content-Encoding: gzip\r$/im);
  assert.match(head, /^Vary: Accept-Encoding\r$/im);
  assert.match(head, /^Content-Type: text\/javascript/im);
  assert.deepEqual(await tcp.read(compressed.length), compressed);
  assert.equal((await request(t, server, { path: "/assets/app-1a2b.js" })).body, SCRIPT);
});

test("no path leads out of the folder", async (t) => {
  const top = temporaryFolder(t, "static");
  await mkdir(path.join(top, "build"));
  await writeFile(path.join(top, "build/index.html"), PAGE);
  await writeFile(path.join(top, "secret.txt"), "secret");
  await symlink("../secret.txt", path.join(top, "build/link.txt"));
  const server = await startGateway(t, { static: path.join(top, "build") });
  for (const target of [
    "/../secret.txt",
    "/%2e%2e/secret.txt",
    "/..%2fsecret.txt",
    "/%2e%2e%2fsecret.txt",
    "/..%5csecret.txt",
    "//secret.txt",
    "/./../secret.txt",
    "/link.txt",
    "/index.html%00",
    "/%",
    "/assets/",
  ]) {
    const tcp = await TcpClient.connect(t, server.port);
    tcp.send(get(target, `Accept: ${BROWSER.Accept}\r\n`));
    const { status, body } = await readResponse(tcp);
    assert.deepEqual([target, status, body], [target, 404, ""]);
  }
});

// Memory of the process, in bytes.
async function resident(server) {
  const status = await readFile(`/proc/${server.program.child.pid}/status`, "utf8");
  return Number(status.match(/^VmRSS:\s+(\d+) kB$/m)[1]) * 1024;
}

test("a large file arrives whole, costs no copy for those who do not read it, and holds up nobody", async (t) => {
  const large = randomBytes(48 * MIB);
  const server = await serve(t, { "large.bin": large });
  const before = await resident(server);
  const idle = [];
  for (let i = 0; i < 20; i++) {
    const tcp = await TcpClient.connect(t, server.port);
    tcp.socket.pause();
    await tcp.send(get("/large.bin"));
    idle.push(tcp);
  }
  for (let i = 0; i < 10; i++) assert.equal((await request(t, server, { path: "/healthz" })).status, 200);
  const grown = (await resident(server)) - before;
  assert.ok(grown < 40 * MIB, `20 clients that read nothing cost ${grown} bytes`);

  idle[0].socket.resume();
  const { headers } = await readResponse(idle[0], { hasBody: false });
  assert.equal(Number(headers["content-length"]), large.length);
  const got = await idle[0].read(large.length);
  const digest = (bytes) => createHash("sha256").update(bytes).digest("hex");
  assert.equal(digest(got), digest(large));
});

test("requests behind a large file are answered after it, and a connection that is to close closes after it", async (t) => {
  const large = randomBytes(8 * MIB);
  const server = await serve(t, { "large.bin": large });
  const tcp = await TcpClient.connect(t, server.port);
  await tcp.send(get("/large.bin") + get("/healthz") + get("/large.bin", "Connection: close\r\n") + get("/healthz"));
  const readLarge = async () => {
    await readResponse(tcp, { hasBody: false });
    assert.ok((await tcp.read(large.length)).equals(large));
  };
  await readLarge();
  assert.equal((await readResponse(tcp)).body, "ok\n");
  await readLarge();
  assert.equal((await tcp.readToEnd()).length, 0);
});

test("a client that leaves in the middle of a file leaves nothing behind", async (t) => {
  const server = await serve(t, { "large.bin": randomBytes(32 * MIB) });
  for (let i = 0; i < 20; i++) {
    const tcp = await TcpClient.connect(t, server.port);
    tcp.send(get("/large.bin"));
    await tcp.read(1000);
    if (i % 2) tcp.reset();
    else tcp.destroy();
  }
  await until(
    async () => (await gauge(t, server, "ridecast_connections")) === 1,
    () => "waiting for the connections to end",
  );
});

const LIBRARY = ["socket.io.js", "socket.io.js.map", "socket.io.min.js", "socket.io.esm.min.js"];
const ENGINE = "EIO=4&transport=polling";

async function withLibrary(t, options) {
  const folder = new URL("../node_modules/socket.io-client/dist/", import.meta.url);
  const files = {};
  for (const name of LIBRARY) files[`socket.io/${name}`] = await readFile(new URL(name, folder));
  return { files, server: await serve(t, files, options) };
}

test("Socket.IO's client is served below its path from the folder's socket.io/", async (t) => {
  const { files, server } = await withLibrary(t);
  for (const name of LIBRARY) {
    const type = name.endsWith(".map") ? /^application\/json/ : /^text\/javascript/;
    for (const query of ["", "?v=4.8.4", "?"]) {
      const { status, headers, body } = await request(t, server, { path: `/socket.io/${name}${query}` });
      assert.deepEqual([status, body], [200, files[`socket.io/${name}`].toString()]);
      assert.match(headers["content-type"], type);
      assert.equal(headers["cache-control"], "no-cache");
      assert.equal(headers["access-control-allow-origin"], "*");
    }
    const { headers } = await request(t, server, { method: "HEAD", path: `/socket.io/${name}` });
    const same = { "If-None-Match": headers.etag };
    assert.equal((await request(t, server, { path: `/socket.io/${name}`, headers: same })).status, 304);
  }
});

test("the client that is served connects, boards and hears it", async (t) => {
  const { server } = await withLibrary(t);
  for (const name of ["socket.io.js", "socket.io.min.js"]) {
    const { body } = await request(t, server, { path: `/socket.io/${name}` });
    const page = vm.createContext({ WebSocket, setTimeout, clearTimeout, console });
    vm.runInContext(`var self = globalThis, window = self;\n${body}`, page);
    const socket = page.io(server.url, { transports: ["websocket"] });
    onEnd(t, () => socket.disconnect());
    const heard = new Promise((resolve) => socket.once("userBoarded", resolve));
    socket.emit("message", JSON.stringify(user(name)));
    assert.deepEqual({ ...(await within(heard, () => "what was boarded")) }, user(name));
  }
});

test("all else below Socket.IO's path stays Engine.IO's", async (t) => {
  const { server } = await withLibrary(t, { corsOrigin: "https://app.example.com" });
  const ask = (path, more) => request(t, server, { path, ...more });
  for (const name of ["", "socket.io.js", "socket.io.min.js", "index.html"])
    assert.match((await ask(`/socket.io/${name}?${ENGINE}`)).body, /^0\{"sid"/);
  for (const name of ["", "socket.io.jsx", "socket.io", "xsocket.io.js", "socket.io/socket.io.js", "index.html"])
    assert.match((await ask(`/socket.io/${name}`)).body, /"code":0/);
  assert.match((await ask("/socket.io/socket.io.js", { method: "POST", body: "x" })).body, /"code":0/);
  assert.equal((await ask("/socket.io/socket.io.js", { method: "OPTIONS" })).status, 204);
  const allowed = await ask("/socket.io/socket.io.esm.min.js", { headers: { Origin: "https://app.example.com" } });
  assert.deepEqual(
    [allowed.status, allowed.headers["access-control-allow-origin"]],
    [200, "https://app.example.com"],
  );
  const other = await ask("/socket.io/socket.io.esm.min.js", { headers: { Origin: "https://evil.example" } });
  assert.deepEqual([other.status, JSON.parse(other.body).code], [403, 4]);
});

test("where Socket.IO's client is not, 404 says where it would be", async (t) => {
  const { server } = await withLibrary(t);
  const missing = await request(t, server, { path: "/socket.io/socket.io.msgpack.min.js" });
  const none = await request(t, await startGateway(t), { path: "/socket.io/socket.io.js" });
  for (const { status, headers, body } of [missing, none]) {
    assert.deepEqual([status, headers["cache-control"]], [404, "no-store"]);
    assert.match(headers["content-type"], /^text\/plain/);
    assert.match(body, /--static/);
  }
});

test("a folder that cannot be served stops the start with one line", async (t) => {
  const empty = temporaryFolder(t, "static");
  for (const wrong of [path.join(empty, "nothing"), empty, "/etc/hostname"]) {
    const program = runGateway(t, ["--listen", "127.0.0.1:0", "--static", wrong]);
    const { code } = await within(program.exited, () => "the gateway should not have started");
    assert.ok(code > 0);
    assert.match(program.stderr, /^ridecast-gateway: --static: .*\n$/);
  }
});
