// What once broke servers of this kind, row by row. The offender gets an error or is closed; meanwhile an onlooker hears
// every event, in order; memory stays bounded. Each row is printed with the offender's answer, the onlooker's 99th
// percentile, and memory before and after. What comes from Redis is in tests/cluster, origins in http.test.mjs.

import assert from "node:assert/strict";
import { test } from "node:test";
import { startGateway } from "../lib/server.mjs";
import { attacked } from "../lib/hostile.mjs";
import { get, post } from "../lib/http.mjs";
import { Nginx } from "../lib/nginx.mjs";
import { Onlooker } from "../lib/onlooker.mjs";
import { Polling } from "../lib/polling.mjs";
import { join } from "../lib/socketio.mjs";
import { TcpClient } from "../lib/tcp.mjs";
import { until } from "../lib/wait.mjs";
import { BINARY, CONTINUATION, TEXT, WebSocketClient, frame, openEngine, upgradeRequest } from "../lib/websocket.mjs";

const OPEN = "/socket.io/?EIO=4&transport=polling";
const OPEN_WS = "/socket.io/?EIO=4&transport=websocket";

// What a connection has been answered: a status, a close code, its end, or nothing as yet.
function answerOf(tcp) {
  const bytes = tcp.peek();
  const [, status] = bytes.toString("latin1", 0, 20).match(/^HTTP\/1\.1 (\d{3})/) ?? [];
  if (status) return `HTTP ${status}`;
  const close = bytes.lastIndexOf(Buffer.from([0x88, 2]));
  if (close >= 0) return `close ${bytes.readUInt16BE(close + 2)}`;
  if (bytes.subarray(-2).equals(Buffer.from([0x88, 0]))) return "close";
  if (tcp.ended) return "cut";
  return bytes.length > 0 ? "served" : "";
}

async function judged(tcp) {
  return await until(() => answerOf(tcp), () => "waiting for the answer");
}

const raw = (bytes) => async (t, server) => {
  const tcp = await TcpClient.connect(t, server.port);
  tcp.send(Buffer.from(bytes, "latin1"));
  return judged(tcp);
};

// On a WebSocket whose session has joined /victim.
const said = (...frames) => async (t, server) => {
  const client = await openEngine(t, server);
  await join(client, "/victim");
  for (const bytes of frames) client.tcp.send(typeof bytes === "string" ? frame(TEXT, bytes) : bytes);
  return judged(client.tcp);
};

const posted = (body) => async (t, server) => {
  const session = await Polling.open(t, server);
  const { status } = await session.post(body);
  return `HTTP ${status}`;
};

async function many(count, each) {
  const answers = [];
  for (let i = 0; i < count; i++) answers.push(await each(i));
  return answers;
}

const event = (value) => `42/victim,["message",${value}]`;

const rows = [
  ["libwebsockets CVE-2026-19773: Upgrade: h2c", raw(upgradeRequest(OPEN_WS, { Upgrade: "h2c" })), /HTTP 400/],
  ["libwebsockets CVE-2026-19773: HTTP/2 preface", raw("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04"), /HTTP 400/],
  ["libwebsockets CVE-2026-19773: TLS with ALPN h2", raw("\x16\x03\x01\0\x2f\x01\0\0\x2b\x03\x03\0\x10\0\x05\0\x03\x02h2"), /HTTP 400/],
  ["libwebsockets CVE-2025-11677: Upgrade: foo", raw(upgradeRequest(OPEN_WS, { Upgrade: "foo" })), /HTTP 400/],
  ["libwebsockets: CONNECT", raw("CONNECT x HTTP/1.1\r\nHost: x\r\n\r\n"), /HTTP 4\d\d/],
  ["engine.io CVE-2022-21676: RSV2 right after the upgrade", async (t, server) => {
    const client = await WebSocketClient.open(t, server, OPEN_WS, { behind: frame(TEXT, "40", { rsv: 2 }) });
    return until(() => /^c/.test(answerOf(client.tcp)) && answerOf(client.tcp), () => "the close");
  }, /close 1002/],
  ["engine.io CVE-2022-41940: an invalid upgrade, then a reset", async (t, server) => {
    for (let i = 0; i < 50; i++) {
      const tcp = await TcpClient.connect(t, server.port);
      await tcp.send(upgradeRequest(`${OPEN_WS}&sid=none`, { "Sec-WebSocket-Key": "short" }));
      tcp.reset();
    }
    return "reset";
  }, /reset/],
  ["engine.io CVE-2023-31125: transport=websocket without Upgrade", raw(get(OPEN_WS)), /HTTP 400/],
  ["engine.io CVE-2023-31125: duplicated parameters", raw(get(`${OPEN}&transport=x&EIO=9&EIO[]=4&sid=`)), /HTTP 200/],
  ["engine.io CVE-2023-31125: an enormous parameter", raw(get(`${OPEN}&sid=${"s".repeat(15_000)}`)), /HTTP 400/],
  ["engine.io CVE-2020-36048: a maximal POST of tiny packets", posted(Array(499_000).fill("3").join("\x1e")), /HTTP 200/],
  ["Phoenix CVE-2026-32689: a body of only record separators", posted("\x1e".repeat(900_000)), /HTTP 400/],
  ["python-engineio GHSA-cgwc-pv48-fhj5: unsolicited pongs", said(...Array(5000).fill("3")), /close|cut/],
  ["socket.io-parser CVE-2022-2421: a negative placeholder", said('451-/victim,["message",{"_placeholder":true,"num":-1}]', frame(BINARY, "x")), /close/],
  ["socket.io-parser CVE-2023-32695: a name that is no string", said('42/victim,[{"toString":1}]'), /close/],
  ["socket.io CVE-2024-38355: a reserved name", said('42/victim,["connect_error"]'), /close/],
  ["socket.io-parser CVE-2026-33151: millions of attachments", said('45999999-/victim,["message"]'), /close/],
  ["ws CVE-2024-37890: 2,000 headers", raw(get(OPEN, "a: b\r\n".repeat(2000))), /HTTP 431/],
  ["ws CVE-2024-37890: a thousand heads that trickle", async (t, server) => {
    const trickling = await many(1000, () => TcpClient.connect(t, server.port));
    for (const tcp of trickling) await tcp.send("GET / HTTP/1.1\r\nHos");
    await until(() => trickling.every((tcp) => tcp.ended), () => "waiting for --header-timeout");
    return "cut";
  }, /cut/],
  ["ws CVE-2021-32640: long blanks in Sec-WebSocket-Protocol", raw(upgradeRequest(OPEN_WS, { "Sec-WebSocket-Protocol": `a${" ".repeat(15_000)}b` })), /HTTP (101|400)/],
  ["ws GHSA-5v72-xg48-5rpm: hostile Sec-WebSocket-Extensions", raw(upgradeRequest(OPEN_WS, { "Sec-WebSocket-Extensions": `${"constructor, ".repeat(1000)}x; __proto__="` })), /HTTP (101|400)/],
  ["ws CVE-2026-48779: half a million empty fragments", async (t, server) => {
    const client = await openEngine(t, server);
    await join(client, "/victim");
    await client.sendFrame(TEXT, "42", { fin: false });
    const empty = Buffer.concat(Array.from({ length: 1000 }, () => frame(CONTINUATION, "", { fin: false })));
    for (let i = 0; i < 500; i++) await client.tcp.send(empty);
    client.sendFrame(CONTINUATION, "/victim,[]");
    return judged(client.tcp);
  }, /close/],
  ["ws CVE-2016-10542: a frame of 2^53 bytes", said(frame(TEXT, "", { length: 2 ** 53, wide: true })), /close 1009/],
  ["ws CVE-2016-10542: too much in many fragments", async (t, server) => {
    const client = await openEngine(t, server);
    client.sendFrame(TEXT, "4", { fin: false });
    for (let i = 0; i < 11; i++) client.sendFrame(CONTINUATION, "x".repeat(100_000), { fin: false });
    return judged(client.tcp);
  }, /close 1009/],
  ["socket.io CVE-2017-16031: session ids that are guessed", async (t, server) => {
    const ids = await many(200, async () => (await Polling.open(t, server)).sid);
    assert.equal(new Set(ids).size, ids.length);
    assert.ok(ids.every((id) => id.length >= 20));
    return raw(get(`${OPEN}&sid=${"A".repeat(20)}`))(t, server);
  }, /HTTP 400/],
  ["socket.io#3158: clients that stop reading, and speak", async (t, server) => {
    const clients = await many(200, () => openEngine(t, server));
    for (const client of clients) {
      await join(client, "/victim");
      client.tcp.socket.pause();
    }
    for (let i = 0; i < 50; i++) clients[i].send(event(JSON.stringify(JSON.stringify({ id: `r${i}`, name: "r".repeat(200), status: "boarding" }))));
    return "kept";
  }, /kept/],
  ["socketioxide#731: polling sessions abandoned, upgrades that stall", async (t, server) => {
    const sessions = await many(200, () => Polling.open(t, server));
    const probes = await many(100, (i) => WebSocketClient.open(t, server, sessions[i].upgradePath));
    await until(() => probes.every(({ tcp }) => answerOf(tcp)), () => "waiting for --upgrade-timeout");
    return answerOf(probes[0].tcp);
  }, /close/],
  ["JSON: a depth bomb", said(event(`${"[".repeat(400_000)}${"]".repeat(400_000)}`)), /close/],
  ["JSON: a name of a megabyte", said(event(JSON.stringify(JSON.stringify({ id: "x", name: "n".repeat(900_000), status: "boarding" })))), /served/],
  ["JSON: duplicate keys", said(event(JSON.stringify('{"id":"a","id":"b","name":"x","name":1,"status":"boarding"}'))), /served/],
  ["JSON: a lone surrogate", said(event('"{\\"id\\":\\"\\\\ud800\\",\\"name\\":\\"x\\",\\"status\\":\\"boarding\\"}"')), /served/],
  ["JSON: invalid UTF-8", said(frame(TEXT, Buffer.from([0x34, 0x32, 0xc3, 0x28]))), /close 1007/],
  ["JSON: a NUL byte", said(event('"\0"')), /close/],
  ["JSON: a number beyond 64 bits", said(event(`${"9".repeat(1000)}`)), /served/],
];

test("every row is refused, and the onlooker notices nothing", async (t) => {
  const server = await startGateway(t, { headerTimeout: 1500, upgradeTimeout: 500, connectTimeout: 10_000, transitionsPerSecond: 0 });
  const onlooker = await Onlooker.start(t, server);
  for (const row of rows) await attacked(t, server, onlooker, row);
  await onlooker.stop();
});

// Each is one request to nginx; what reaches the gateway must not be read as two.
const smuggled = {
  "two lengths": `POST ${OPEN} HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 60\r\n\r\n3`,
  "chunks and a length": `POST ${OPEN} HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
  "an encoding with a blank": `POST ${OPEN} HTTP/1.1\r\nHost: a\r\nTransfer-Encoding : chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n`,
  "an unknown encoding": `POST ${OPEN} HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n`,
  "a bare LF in a chunk": `POST ${OPEN} HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\n3\r\n0\r\n\r\n`,
  "a bare CR in a header": `GET ${OPEN} HTTP/1.1\r\nHost: a\rContent-Length: 60\r\n\r\n`,
};

test("requests that two servers could read differently", async (t) => {
  const server = await startGateway(t, { trustedProxy: "127.0.0.1" });
  const nginx = await Nginx.start(t, [server]);
  const next = get("/smuggled");
  for (const [name, bytes] of Object.entries(smuggled))
    for (const [place, { port }] of Object.entries({ directly: server, "through nginx": nginx }))
      await t.test(`${name}, ${place}`, async (row) => {
        const tcp = await TcpClient.connect(row, port);
        tcp.send(bytes + next);
        tcp.end();
        const answers = (await tcp.readToEnd()).toString("latin1").match(/HTTP\/1\.1 \d{3}/g) ?? [];
        row.diagnostic(answers.join(", ") || "cut");
        assert.ok(answers.length <= 2, "one request more than was sent is answered");
        assert.doesNotMatch(answers[0] ?? "", / 20\d/);
        await Polling.open(row, nginx);
      });
});

test("a POST that is well-formed passes through nginx", async (t) => {
  const server = await startGateway(t, { trustedProxy: "127.0.0.1" });
  const nginx = await Nginx.start(t, [server]);
  const session = await Polling.open(t, nginx);
  const tcp = await TcpClient.connect(t, nginx.port);
  tcp.send(post(session.path, "40"));
  assert.equal(await judged(tcp), "HTTP 200");
});
