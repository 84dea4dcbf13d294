// HTTP that is wrong, oversized, slow or means another protocol: refused, while everybody else is served.

import assert from "node:assert/strict";
import { test } from "node:test";
import { startGateway } from "../lib/server.mjs";
import { get, readResponse, request } from "../lib/http.mjs";
import { Polling } from "../lib/polling.mjs";
import { TcpClient } from "../lib/tcp.mjs";
import { WebSocketClient, upgradeRequest } from "../lib/websocket.mjs";

const OPEN = "/socket.io/?EIO=4&transport=polling";

async function connected(t) {
  const server = await startGateway(t);
  return { server, tcp: await TcpClient.connect(t, server.port) };
}

// Some of these are refused before the last byte is sent: a reset is an end too.
async function refusal(tcp) {
  const answer = (await tcp.readToEnd()).toString("latin1");
  const [, status] = answer.match(/^HTTP\/1\.1 (\d{3}) /) ?? [];
  return Number(status);
}

async function assertServes(t, server) {
  assert.equal((await request(t, server, { path: OPEN })).status, 200);
}

const malformed = {
  "no request at all": "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
  "a header without a colon": `GET ${OPEN} HTTP/1.1\r\nHost localhost\r\n\r\n`,
  "a NUL in a header": `GET ${OPEN} HTTP/1.1\r\nHost: local\0host\r\n\r\n`,
  "a control byte in Origin": `GET ${OPEN} HTTP/1.1\r\nHost: localhost\r\nOrigin: http://a\x01b\r\n\r\n`,
  "a blank in a header's name": `GET ${OPEN} HTTP/1.1\r\nHost : localhost\r\n\r\n`,
  "two different lengths": `POST ${OPEN} HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n33`,
  "both a length and chunks": `POST ${OPEN} HTTP/1.1\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
  "a negative length": `POST ${OPEN} HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n`,
  "a length beyond 64 bits": `POST ${OPEN} HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999999\r\n\r\n`,
};

for (const [name, bytes] of Object.entries(malformed)) {
  test(`${name} is answered 400 and the connection ended`, async (t) => {
    const { server, tcp } = await connected(t);
    tcp.send(Buffer.from(bytes, "latin1"));
    assert.equal(await refusal(tcp), 400);
    await assertServes(t, server);
  });
}

test("a chunk size that is no number ends the connection", async (t) => {
  const { server, tcp } = await connected(t);
  const session = await Polling.open(t, server);
  tcp.send(
    `POST ${session.path} HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n3\r\n0\r\n\r\n`,
  );
  assert.ok([400, NaN].includes(await refusal(tcp)));
  await assertServes(t, server);
});

test("2,000 headers are refused", async (t) => {
  const { server, tcp } = await connected(t);
  tcp.send(get(OPEN, "a: b\r\n".repeat(2000)));
  assert.ok([400, 431].includes(await refusal(tcp)));
  await assertServes(t, server);
});

test("an enormous header is refused", async (t) => {
  const { server, tcp } = await connected(t);
  tcp.send(get(OPEN, `X-Long: ${"x".repeat(20_000)}\r\n`));
  assert.ok([400, 431].includes(await refusal(tcp)));
  await assertServes(t, server);
});

test("an enormous request line is refused", async (t) => {
  const { server, tcp } = await connected(t);
  tcp.send(get(`${OPEN}&${"x".repeat(100_000)}`));
  assert.ok([400, 414, 431].includes(await refusal(tcp)));
  await assertServes(t, server);
});

test("headers and bodies that trickle hold up nobody else", async (t) => {
  const { server, tcp: head } = await connected(t);
  const session = await Polling.open(t, server);
  const body = await TcpClient.connect(t, server.port);
  await head.send(`GET ${OPEN} HTTP/1.1\r\nHos`);
  await body.send(`POST ${session.path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\n\r\n3`);
  await assertServes(t, server);
  head.send("t: localhost\r\n\r\n");
  body.send("\x1e3");
  assert.equal((await readResponse(head)).status, 200);
  assert.equal((await readResponse(body)).body, "ok");
});

for (const protocol of ["foo", "h2c", "websocket2", "h2c, websocket3"]) {
  test(`Upgrade: ${protocol} never switches protocols`, async (t) => {
    const { server, tcp } = await connected(t);
    const headers = { Upgrade: protocol, "HTTP2-Settings": "AAMAAABkAAQAAP__", Connection: "Upgrade, HTTP2-Settings" };
    tcp.send(upgradeRequest("/socket.io/?EIO=4&transport=websocket", headers));
    assert.equal((await readResponse(tcp)).status, 400);
    const other = await TcpClient.connect(t, server.port);
    other.send(upgradeRequest("/nothing-here", { ...headers, Connection: "Upgrade, HTTP2-Settings, close" }));
    assert.match((await other.readToEnd()).toString("latin1"), /^(HTTP\/1\.1 40[04] |$)/);
    await assertServes(t, server);
  });
}

test("the HTTP/2 preface is refused as HTTP/1.1", async (t) => {
  const { server, tcp } = await connected(t);
  tcp.send(Buffer.concat([Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0])]));
  const answer = (await tcp.readToEnd()).toString("latin1");
  assert.match(answer, /^(HTTP\/1\.1 (400|505) |$)/);
  await assertServes(t, server);
});

test("CONNECT opens no tunnel", async (t) => {
  const { server, tcp } = await connected(t);
  tcp.send("CONNECT localhost:80 HTTP/1.1\r\nHost: localhost\r\n\r\nraw bytes of a tunnel");
  const answer = (await tcp.readToEnd()).toString("latin1");
  assert.match(answer, /^(HTTP\/1\.1 [45]\d\d |$)/);
  assert.doesNotMatch(answer, /raw bytes/);
  await assertServes(t, server);
});

test("an invalid upgrade followed by a reset is survived", async (t) => {
  const server = await startGateway(t);
  for (const path of ["/socket.io/?EIO=4&transport=none", "/socket.io/?EIO=4&transport=websocket&sid=none", "/ws"]) {
    const tcp = await TcpClient.connect(t, server.port);
    await tcp.send(upgradeRequest(path, { "Sec-WebSocket-Key": "short" }));
    tcp.reset();
  }
  await assertServes(t, server);
});

test("connections that send nothing are no obstacle", async (t) => {
  const server = await startGateway(t);
  for (let i = 0; i < 100; i++) await TcpClient.connect(t, server.port);
  await assertServes(t, server);
  await WebSocketClient.open(t, server, "/socket.io/?EIO=4&transport=websocket");
});
