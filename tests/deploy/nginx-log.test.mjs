// A token in the query is written down by nobody, whatever goes wrong with its request. That something did is shown by
// another nginx, which says what it has to say of requests: there each of the tokens is in the log.

import assert from "node:assert/strict";
import net from "node:net";
import { test } from "node:test";
import { onEnd } from "../lib/cleanup.mjs";
import { exchange, get, readResponse, request } from "../lib/http.mjs";
import { Nginx } from "../lib/nginx.mjs";
import { freePort } from "../lib/port.mjs";
import { startGateway } from "../lib/server.mjs";
import { TcpClient } from "../lib/tcp.mjs";
import { tokenOptions } from "../lib/token.mjs";
import { until } from "../lib/wait.mjs";
import { upgradeRequest } from "../lib/websocket.mjs";

// A gateway's place, where `answer` does what it likes with a connection.
async function place(t, answer) {
  const server = net.createServer((socket) => {
    socket.on("error", () => {});
    socket.once("data", () => answer(socket));
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  onEnd(t, () => server.close());
  return server.address();
}

const GATEWAYS = {
  "a gateway that lives": (t) => startGateway(t, tokenOptions(t, { trustedProxy: "127.0.0.1", logLevel: "debug" })),
  "one that is dead": async () => ({ port: await freePort() }),
  "one that hangs up": (t) => place(t, (socket) => socket.destroy()),
  "one that says nothing": (t) => place(t, () => {}),
  "one that babbles": (t) => place(t, (socket) => socket.end("what?\r\n\r\n")),
  "one with a head without end": (t) => place(t, (socket) => socket.end(`HTTP/1.1 200 OK\r\nX: ${"x".repeat(20_000)}\r\n\r\n`)),
  "one that stops within its answer": (t) =>
    place(t, (socket) => socket.end("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")),
};

// Bytes as they are, until nginx hangs up or has answered.
async function says(t, nginx, bytes) {
  const tcp = await TcpClient.connect(t, nginx.port);
  tcp.send(bytes);
  await until(() => tcp.ended || tcp.available > 0, () => `waiting for an answer to ${bytes.slice(0, 200)}`);
}

const ask = (path) => async (t, nginx, query) => void (await request(t, nginx, { path: `${path}${query}` }).catch(() => {}));
const head = (line, headers = "Host: a\r\n") => (t, nginx, query) => says(t, nginx, `${line(query)}\r\n${headers}\r\n`);

const ENGINE = "/socket.io/?EIO=4&transport=polling&";
const ALWAYS = {
  api: ask("/api/users?"),
  page: ask("/?"),
  opening: ask(ENGINE),
  polling: ask(`${ENGINE}sid=0123456789abcdefghij&`),
  websocket: (t, nginx, query) => says(t, nginx, upgradeRequest(`/ws?${query}`)),
};
// What nginx refuses by itself.
const SPOILT = {
  method: head((query) => `get /ws?${query} HTTP/1.1`),
  version: head((query) => `GET /ws?${query} HTTP/7.1`),
  nohost: head((query) => `GET /ws?${query} HTTP/1.1`, ""),
  hosts: head((query) => `GET /ws?${query} HTTP/1.1`, "Host: a\r\nHost: b\r\n"),
  length: head((query) => `POST ${ENGINE}${query} HTTP/1.1`, "Host: a\r\nContent-Length: x\r\n"),
  longheader: head((query) => `GET /ws?${query} HTTP/1.1`, `Host: a\r\nX: ${"x".repeat(9000)}\r\n`),
  longline: head((query) => `GET /ws?${query}&${"x".repeat(9000)} HTTP/1.1`),
  dots: head((query) => `GET /../?${query} HTTP/1.1`),
  connect: head((query) => `CONNECT /ws?${query} HTTP/1.1`),
  large: head((query) => `POST ${ENGINE}${query} HTTP/1.1`, `Host: a\r\nContent-Length: ${2 ** 21}\r\n`),
  slowhead: (t, nginx, query) => says(t, nginx, `GET /ws?${query} HTTP/1.1\r\nHost:`),
  slowbody: head((query) => `POST ${ENGINE}${query} HTTP/1.1`, "Host: a\r\nContent-Length: 10\r\n"),
};
const REFERER = {
  referer: (t, nginx, query) => request(t, nginx, { path: "/", headers: { Referer: `http://a/?${query}` } }),
};

const HASTE = { "server.conf": (text) => `${text}client_header_timeout 200ms;\nclient_body_timeout 200ms;\nproxy_read_timeout 200ms;\n` };
const TELLING = { "log.conf": (text) => text.replace("stderr emerg", "stderr info") };

const tokenOf = (name) => `eyJ-${name}-0123456789`;

// Both nginx are asked the same. Some is said by neither, and need not be.
async function compare(t, gateway, provocations, { edit, said = Object.keys(provocations) } = {}) {
  const silent = await Nginx.start(t, [gateway], { edit: { ...HASTE, ...edit } });
  const telling = await Nginx.start(t, [gateway], { edit: { ...HASTE, ...TELLING, ...edit } });
  for (const [name, provoke] of Object.entries(provocations))
    for (const nginx of [silent, telling]) await provoke(t, nginx, `token=${tokenOf(name)}`);
  for (const nginx of [silent, telling]) await nginx.stop();
  for (const name of said) assert.ok(telling.log.includes(tokenOf(name)), `${name}\n${telling.log}`);
  assert.doesNotMatch(silent.log, /eyJ|token/);
  if (gateway.program) assert.doesNotMatch(gateway.program.stderr, /eyJ/);
  return silent.log.replace(/^.* setrlimit\(RLIMIT_NOFILE.*\n/gm, ""); // which takes root
}

// What is written instead, of those that nginx itself had to fail.
const FAILED = ["one that is dead", "one that hangs up", "one that says nothing", "one with a head without end"];

for (const [what, make] of Object.entries(GATEWAYS))
  test(`with ${what} no token is written down`, async (t) => {
    const gateway = await make(t);
    const log = await compare(t, gateway, ALWAYS, { said: gateway.program ? [] : undefined });
    if (!FAILED.includes(what)) return;
    const failed = log.matchAll(/^\S+ 127\.0\.0\.1 ([\w.]+): 50[234] after \S+ s; gateways 127\.0\.0\.1:.* said 50[24]\b/gm);
    assert.deepEqual([...new Set(Array.from(failed, ([, kind]) => kind))].sort(), ["api", "page", "socket.io", "websocket"], log);
  });

test("nor is one of a request that nginx refuses", async (t) => {
  const gateway = await startGateway(t, { trustedProxy: "127.0.0.1", logLevel: "debug" });
  const said = Object.keys(SPOILT).filter((name) => name !== "slowbody");
  assert.equal(await compare(t, gateway, SPOILT, { said }), "");
});

test("nor one of a page that a request refers to", async (t) => {
  await compare(t, { port: await freePort() }, REFERER);
});

test("nor when a limit is met, or nginx has no connections left", async (t) => {
  const mute = await place(t, () => {});
  const hold = async (t, nginx, query) => {
    exchange(t, nginx, { path: `/api/users?${query}` });
    await ALWAYS.api(t, nginx, query);
  };
  await compare(t, mute, { again: hold }, { edit: { "limits.conf": (text) => text.replace("8192", "1") } });
  await compare(t, mute, { often: hold }, { edit: { "limits.conf": (text) => text.replace("burst=5000 ", "").replace("1000r/s", "1r/m") } });
  const few = { "../nginx.conf": (text) => text.replace("auto;", "1;").replace("65536", "8") };
  await compare(t, mute, { crowd: (...args) => Promise.all(Array.from({ length: 8 }, () => ALWAYS.api(...args))) }, { edit: few });
});
