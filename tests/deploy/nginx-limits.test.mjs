// What one address may do through nginx, and that whoever is at another, or has begun already, notices nothing.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import http from "node:http";
import path from "node:path";
import { test } from "node:test";
import { onEnd } from "../lib/cleanup.mjs";
import { exchange, request } from "../lib/http.mjs";
import { Nginx } from "../lib/nginx.mjs";
import { ROOT } from "../lib/places.mjs";
import { Polling } from "../lib/polling.mjs";
import { startGateway } from "../lib/server.mjs";
import { until } from "../lib/wait.mjs";
import { WebSocketClient } from "../lib/websocket.mjs";

// A test comes from wherever it says.
const ANYWHERE = "set_real_ip_from 127.0.0.1;\nreal_ip_header X-Forwarded-For;\n";
const from = (address) => ({ headers: { "X-Forwarded-For": address } });

const limited = (t, gateways, change) =>
  Nginx.start(t, gateways, { edit: { "limits.conf": change, "server.conf": (text) => text + ANYWHERE } });

const seldom = (text) => text.replace("1000r/s", "1r/m").replace("burst=5000", "burst=5");
const few = (text) => text.replace("8192", "3");

const OPENING = "/socket.io/?EIO=4&transport=polling";
const BEGINNINGS = {
  "a session": OPENING,
  "a session, with an id in capitals": `${OPENING}&SID=0123456789abcdefghij`,
  "a page": "/board",
  "a page, with the id of a session": "/board?sid=0123456789abcdefghij",
  "a question": "/api/users",
  "a WebSocket's path": "/ws/line-7?sid=0123456789abcdefghij",
};

for (const [what, path] of Object.entries(BEGINNINGS))
  test(`${what} is a beginning, and an address has so many of them`, async (t) => {
    const nginx = await limited(t, [await startGateway(t, { trustedProxy: "127.0.0.1" })], seldom);
    const ask = async (address) => (await request(t, nginx, { path, ...from(address) })).status;
    for (let i = 0; i < 6; i++) assert.notEqual(await ask("192.0.2.1"), 429);
    assert.equal(await ask("192.0.2.1"), 429);
    assert.notEqual(await ask("192.0.2.2"), 429);
  });

test("an IPv6 address is its /64", async (t) => {
  const nginx = await limited(t, [await startGateway(t, { trustedProxy: "127.0.0.1" })], seldom);
  const ask = async (address) => (await request(t, nginx, { path: OPENING, ...from(address) })).status;
  for (let i = 0; i < 6; i++) assert.equal(await ask(`2001:db8:0:a0a::${i}`), 200);
  assert.equal(await ask("2001:db8:0:a0a:ffff:a0a:a0a:a0a"), 429);
  assert.equal(await ask("2001:db8:0:a0b::1"), 200);
});

test("what a session asks is no beginning", async (t) => {
  const nginx = await limited(t, [await startGateway(t, { trustedProxy: "127.0.0.1" })], seldom);
  const session = await Polling.open(t, nginx);
  for (let i = 0; i < 5; i++) await Polling.open(t, nginx);
  for (let i = 0; i < 20; i++) await session.assertAlive();
});

test("a session that is tried at many gateways has begun once", async (t) => {
  const draining = http.createServer((_, response) => response.writeHead(503).end());
  await new Promise((resolve) => draining.listen(0, "127.0.0.1", resolve));
  onEnd(t, () => draining.close());
  const nginx = await limited(t, [draining.address()], seldom);
  for (let i = 0; i < 6; i++) assert.equal((await request(t, nginx, { path: OPENING })).status, 503);
  assert.equal((await request(t, nginx, { path: OPENING })).status, 429);
});

test("an address has so many connections, WebSockets included", async (t) => {
  const gateway = await startGateway(t, { trustedProxy: "127.0.0.1" });
  const nginx = await limited(t, [gateway], few);
  const session = new Polling(t, nginx);
  const { body } = await request(t, nginx, { path: session.path, ...from("192.0.2.1") });
  const { response } = exchange(t, nginx, { path: `${session.path}&sid=${JSON.parse(body.slice(1)).sid}`, ...from("192.0.2.1") });
  for (let i = 0; i < 2; i++) await WebSocketClient.open(t, nginx, "/ws", from("192.0.2.1"));
  const ask = async (address) => (await request(t, nginx, { path: "/api/users", ...from(address) })).status;
  await until(async () => (await ask("192.0.2.1")) === 429, () => "waiting for the limit");
  assert.equal(await ask("192.0.2.2"), 200);
  response.catch(() => {});
});

test("the figures are those that the pages tell", async () => {
  const read = (name) => readFile(path.join(ROOT, name), "utf8");
  const limits = await read("deploy/nginx/site/limits.conf");
  const figures = [/^limit_conn connections (\d+);$/m, /rate=(\d+)r\/s;$/m, /^limit_req .* burst=(\d+) /m];
  const [connections, rate, burst] = figures.map((figure) => Number(limits.match(figure)[1]).toLocaleString("en"));
  for (const page of ["docs/operations.md", "docs/load.md"]) {
    const text = (await read(page)).replaceAll(/\s+/g, " ");
    assert.ok(text.includes(`${connections} connections, and ${rate} beginnings a second, or ${burst} at once`), page);
  }
});
