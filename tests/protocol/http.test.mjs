// HTTP/1.1 as the gateway speaks it: what is served, CORS, and how requests may be framed.

import assert from "node:assert/strict";
import { once } from "node:events";
import net from "node:net";
import { test } from "node:test";
import { onEnd } from "../lib/cleanup.mjs";
import { startGateway } from "../lib/server.mjs";
import { get, post, readResponse, request } from "../lib/http.mjs";
import { gauge } from "../lib/metrics.mjs";
import { Polling } from "../lib/polling.mjs";
import { TcpClient } from "../lib/tcp.mjs";
import { until } from "../lib/wait.mjs";
import { upgradeRequest } from "../lib/websocket.mjs";

const OPEN = "/socket.io/?EIO=4&transport=polling";

async function connected(t) {
  const server = await startGateway(t);
  return { server, tcp: await TcpClient.connect(t, server.port) };
}

test("anything outside the known paths is 404 and empty", async (t) => {
  const server = await startGateway(t);
  for (const path of [
    "/",
    "/socket.io",
    "/socket.io?EIO=4&transport=polling",
    "/socket.iox/",
    "/SOCKET.IO/",
    "/x/socket.io/",
  ]) {
    const { status, body } = await request(t, server, { path });
    assert.deepEqual({ path, status, body }, { path, status: 404, body: "" });
  }
});

test("whatever follows /socket.io/ in the path is ignored", async (t) => {
  const server = await startGateway(t);
  const { status, body } = await request(t, server, { path: "/socket.io/any/thing?EIO=4&transport=polling" });
  assert.equal(status, 200);
  assert.match(body, /^0\{/);
});

test("every kind of answer allows any origin", async (t) => {
  const server = await startGateway(t);
  const session = await Polling.open(t, server);
  const headers = { Origin: "http://elsewhere.example" };
  const answers = {
    200: { path: OPEN },
    400: { path: "/socket.io/?EIO=4&transport=none" },
    500: { path: session.path, method: "PUT" },
    413: { path: session.path, method: "POST", body: "4".repeat(1_000_001) },
  };
  for (const [status, options] of Object.entries(answers)) {
    const answer = await request(t, server, { headers, ...options });
    assert.equal(answer.status, Number(status));
    assert.equal(answer.headers["access-control-allow-origin"], "*", status);
    assert.equal(answer.headers["access-control-allow-credentials"], undefined, status);
  }
  const tcp = await TcpClient.connect(t, server.port);
  tcp.send(upgradeRequest("/socket.io/?EIO=4&transport=websocket", headers));
  const upgraded = await readResponse(tcp);
  assert.equal(upgraded.status, 101);
  assert.equal(upgraded.headers["access-control-allow-origin"], "*");
});

test("a preflight is answered 204 and echoes the headers asked for", async (t) => {
  const server = await startGateway(t);
  const headers = { Origin: "http://elsewhere.example", "Access-Control-Request-Headers": "x-one, x-two" };
  for (const path of [OPEN, "/socket.io/", "/socket.io/?EIO=9&sid=none"]) {
    const answer = await request(t, server, { method: "OPTIONS", path, headers });
    assert.equal(answer.status, 204);
    assert.equal(answer.body, "");
    assert.equal(answer.headers["access-control-allow-origin"], "*");
    assert.equal(answer.headers["access-control-allow-methods"], "GET,HEAD,PUT,PATCH,POST,DELETE");
    assert.equal(answer.headers["access-control-allow-headers"], "x-one, x-two");
    assert.equal(answer.headers.vary, "Access-Control-Request-Headers");
    assert.equal(answer.headers["content-length"], "0");
  }
});

test("a preflight that asks for no headers is told of none", async (t) => {
  const server = await startGateway(t);
  const answer = await request(t, server, { method: "OPTIONS", path: OPEN });
  assert.equal(answer.status, 204);
  assert.equal(answer.headers["access-control-allow-headers"], undefined);
});

test("a connection is kept for the next request", async (t) => {
  const { tcp } = await connected(t);
  for (let i = 0; i < 3; i++) {
    tcp.send(get(OPEN));
    assert.equal((await readResponse(tcp)).status, 200);
  }
});

test("Connection: close ends the connection after the answer", async (t) => {
  const { tcp } = await connected(t);
  tcp.send(get(OPEN, "Connection: close\r\n"));
  const answer = await readResponse(tcp);
  assert.equal(answer.status, 200);
  assert.equal(answer.headers.connection, "close");
  assert.equal((await tcp.readToEnd()).length, 0);
});

test("an HTTP/1.0 request is answered and the connection ended", async (t) => {
  const { tcp } = await connected(t);
  tcp.send(`GET ${OPEN} HTTP/1.0\r\n\r\n`);
  assert.equal((await readResponse(tcp)).status, 200);
  assert.equal((await tcp.readToEnd()).length, 0);
});

test("pipelined requests are answered in order", async (t) => {
  const { server, tcp } = await connected(t);
  const session = await Polling.open(t, server);
  tcp.send(get(OPEN) + post(session.path, "3") + get("/nothing-here") + get(OPEN));
  const answers = [];
  for (let i = 0; i < 4; i++) answers.push(await readResponse(tcp));
  assert.deepEqual(
    answers.map(({ status }) => status),
    [200, 200, 404, 200],
  );
  assert.match(answers[0].body, /^0\{/);
  assert.equal(answers[1].body, "ok");
  assert.match(answers[3].body, /^0\{/);
});

test("a request may arrive byte by byte", async (t) => {
  const { server, tcp } = await connected(t);
  const session = await Polling.open(t, server);
  for (const byte of post(session.path, "3\x1e3")) await tcp.send(byte);
  assert.equal((await readResponse(tcp)).body, "ok");
});

test("a chunked body is put together again", async (t) => {
  const { server, tcp } = await connected(t);
  const session = await Polling.open(t, server);
  const head = `POST ${session.path} HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n`;
  await tcp.send(`${head}1\r\n4\r\n1;name=value\r\n0\r\n`);
  await tcp.send("0\r\nTrailer: x\r\n\r\n");
  assert.equal((await readResponse(tcp)).body, "ok");
  assert.match((await session.poll())[0], /^40\{"sid":/);
});

test("Expect: 100-continue is answered before the body is sent", async (t) => {
  const { server, tcp } = await connected(t);
  const session = await Polling.open(t, server);
  tcp.send(`POST ${session.path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nExpect: 100-continue\r\n\r\n`);
  assert.equal((await readResponse(tcp)).status, 100);
  tcp.send("3");
  const answer = await readResponse(tcp);
  assert.deepEqual([answer.status, answer.body], [200, "ok"]);
});

test("HEAD gets the headers without the body", async (t) => {
  const { tcp } = await connected(t);
  tcp.send(`HEAD ${OPEN} HTTP/1.1\r\nHost: localhost\r\n\r\n` + get("/nothing-here"));
  const answer = await readResponse(tcp, { hasBody: false });
  assert.equal(answer.status, 400);
  assert.equal((await readResponse(tcp)).status, 404);
});

test("a connection that the gateway has closed is gone, though its client keeps its side open", async (t) => {
  const server = await startGateway(t);
  const client = net.connect({ port: server.port, host: "127.0.0.1", allowHalfOpen: true });
  onEnd(t, () => client.destroy());
  client.write(get("/healthz", "Connection: close\r\n"));
  await once(client.resume(), "end");
  const asking = 1;
  await until(async () => (await gauge(t, server, "ridecast_connections")) === asking, () => "it is connected still");
});
