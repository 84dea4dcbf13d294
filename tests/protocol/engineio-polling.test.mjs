// Packets over HTTP long-polling, on a server that sends every message back.

import assert from "node:assert/strict";
import { test } from "node:test";
import { startEngine } from "../lib/server.mjs";
import { readResponse, request } from "../lib/http.mjs";
import { Polling, SEPARATOR } from "../lib/polling.mjs";
import { TcpClient } from "../lib/tcp.mjs";
import { until, within } from "../lib/wait.mjs";
import { openEngine } from "../lib/websocket.mjs";

async function opened(t, options) {
  const server = await startEngine(t, options);
  return { server, session: await Polling.open(t, server) };
}

const gone = (session) =>
  until(
    () => session.isGone(),
    () => "waiting for the session to end",
  );

test("what is buffered comes with the next GET, all of it, in order", async (t) => {
  const { session } = await opened(t);
  await session.send("4one", "4two");
  await session.send("4three");
  const { status, headers, body } = await session.get();
  assert.equal(status, 200);
  assert.equal(headers["content-type"], "text/plain; charset=UTF-8");
  assert.equal(headers["cache-control"], "no-store");
  assert.equal(body, "4one\x1e4two\x1e4three");
});

test("a GET is held until there is something to say", async (t) => {
  const { session } = await opened(t);
  const pending = await session.hold();
  await session.send("4hello");
  assert.deepEqual(await pending.packets, ["4hello"]);
});

test("POST is answered ok as HTML", async (t) => {
  const { session } = await opened(t);
  const { status, headers, body } = await session.post("4x");
  assert.deepEqual([status, headers["content-type"], headers["content-length"], body], [200, "text/html", "2", "ok"]);
});

test("lengths are counted in bytes", async (t) => {
  const { session } = await opened(t);
  await session.send("4é€😀\0 end");
  const { headers, body } = await session.get();
  assert.equal(body, "4é€😀\0 end");
  assert.equal(headers["content-length"], String(Buffer.byteLength(body)));
});

test("invalid UTF-8 in a POST becomes replacement characters", async (t) => {
  const { session } = await opened(t);
  assert.equal((await session.post(Buffer.from([0x34, 0x61, 0xff, 0x62]))).body, "ok");
  assert.deepEqual(await session.poll(), ["4a\ufffdb"]);
});

test("an empty message is a message", async (t) => {
  const { session } = await opened(t);
  await session.send("4");
  assert.deepEqual(await session.poll(), ["4"]);
});

test("binary travels as base64 between text", async (t) => {
  const { session } = await opened(t);
  await session.send("4before", "bAQIDBA==", "4after", "b");
  assert.deepEqual(await session.poll(), ["4before", "bAQIDBA==", "4after", "b"]);
});

test("the content type does not matter, but octet-stream ends the session", async (t) => {
  const { session } = await opened(t);
  for (const type of ["text/plain", "application/x-www-form-urlencoded", "application/json"]) {
    assert.equal((await session.post("3", { "Content-Type": type })).body, "ok");
  }
  assert.equal((await session.post("3", {})).body, "ok");
  const { status } = await session.post("3", { "Content-Type": "application/octet-stream" });
  assert.equal(status, 400);
  await gone(session);
});

test("a POST of exactly the largest payload passes", async (t) => {
  const { session } = await opened(t);
  const packet = "4" + "x".repeat(999_999);
  await session.send(packet);
  assert.deepEqual(await session.poll(), [packet]);
});

for (const [name, headers, encode] of [
  ["with a length", "Content-Length: 1000001\r\n", (body) => body],
  ["in chunks", "Transfer-Encoding: chunked\r\n", (body) => `f4241\r\n${body}\r\n0\r\n\r\n`],
]) {
  test(`a POST ${name} of one byte more is 413, empty, and the session goes on`, async (t) => {
    const { server, session } = await opened(t);
    const tcp = await TcpClient.connect(t, server.port);
    tcp.send(`POST ${session.path} HTTP/1.1\r\nHost: localhost\r\n${headers}\r\n`);
    tcp.send(encode("4".repeat(1_000_001)));
    const { status, body } = await readResponse(tcp);
    assert.deepEqual([status, body], [413, ""]);
    await session.assertAlive();
  });
}

test("what is buffered has no ceiling of a payload's size", async (t) => {
  const { session } = await opened(t);
  const packet = "4" + "x".repeat(600_000);
  for (let i = 0; i < 3; i++) await session.send(packet);
  assert.deepEqual(await session.poll(), [packet, packet, packet]);
});

test("a second GET ends both and the session", async (t) => {
  const { session } = await opened(t);
  const first = await session.hold();
  const { status, body } = await session.get();
  assert.deepEqual([status, body], [400, ""]);
  assert.deepEqual(await first.packets, ["1"]);
  assert.ok(await session.isGone());
});

test("a second POST while one is uploading ends both, a pending GET and the session", async (t) => {
  const { server, session } = await opened(t);
  const pending = await session.hold();
  const upload = await TcpClient.connect(t, server.port);
  await upload.send(`POST ${session.path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\n4half`);
  await request(t, server, { path: "/nothing-here" });
  await request(t, server, { path: "/nothing-here" });
  const { status, body } = await session.post("4other");
  assert.deepEqual([status, body], [400, ""]);
  assert.deepEqual(await pending.packets, ["1"]);
  assert.equal((await upload.readToEnd()).length, 0);
  assert.ok(await session.isGone());
});

test("a pending GET that is dropped ends the session", async (t) => {
  const { session } = await opened(t);
  (await session.hold()).abort();
  await gone(session);
});

test("a POST dropped half-way ends the session", async (t) => {
  const { server, session } = await opened(t);
  const upload = await TcpClient.connect(t, server.port);
  await upload.send(`POST ${session.path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\n4half`);
  await request(t, server, { path: "/nothing-here" });
  upload.destroy();
  await gone(session);
});

const broken = {
  "an unknown type": "9",
  "a type that is no digit": "x",
  "an empty body": "",
  "only a separator": SEPARATOR,
  "only separators": SEPARATOR.repeat(1000),
  "a trailing separator": `3${SEPARATOR}`,
  "a leading separator": `${SEPARATOR}3`,
};

for (const [name, body] of Object.entries(broken)) {
  test(`a POST with ${name} ends the session`, async (t) => {
    const { session } = await opened(t);
    const pending = await session.hold();
    const { status } = await session.post(body);
    assert.ok([200, 400].includes(status), String(status));
    assert.deepEqual(await pending.packets, ["1"]);
    assert.ok(await session.isGone());
  });
}

test("packets before a broken one are processed, those after it are not", async (t) => {
  const { session } = await opened(t);
  const pending = await session.hold();
  await session.post(["4before", "9", "4after"].join(SEPARATOR));
  const packets = await pending.packets;
  assert.equal(packets[0], "4before");
  assert.ok(!packets.includes("4after"));
  await gone(session);
});

test("a close packet ends the session, a pending GET gets a noop", async (t) => {
  const { session } = await opened(t);
  const pending = await session.hold();
  await session.send("1");
  assert.deepEqual(await pending.packets, ["6"]);
  assert.ok(await session.isGone());
});

test("a ping from the client ends the session", async (t) => {
  for (const packet of ["2", "2probe"]) {
    const { session } = await opened(t);
    await session.post(packet);
    await gone(session);
  }
});

test("open, upgrade, noop and unsolicited pong packets are ignored", async (t) => {
  const { session } = await opened(t);
  await session.send("0", "0{}", "5", "6", "3", "3probe", "4still here");
  assert.deepEqual(await session.poll(), ["4still here"]);
});

test("a maximal POST of tiny packets takes no more than linear time", async (t) => {
  const { server, session } = await opened(t);
  const flood = "3\x1e".repeat(499_999) + "4x";
  const { body } = await within(session.post(flood), () => "the answer to the flood", 5_000);
  assert.equal(body, "ok");
  assert.deepEqual(await session.poll(), ["4x"]);
  assert.ok((await openEngine(t, server)).handshake.sid);
});

test("sessions abandoned by the hundred hold up nobody", async (t) => {
  const { server, session } = await opened(t);
  for (let i = 0; i < 300; i++) (await Polling.open(t, server)).get().catch(() => {});
  await session.send("4hello");
  assert.deepEqual(await session.poll(), ["4hello"]);
});

test("one connection may carry a whole session", async (t) => {
  const { server, session } = await opened(t);
  const tcp = await TcpClient.connect(t, server.port);
  for (let i = 0; i < 20; i++) {
    tcp.send(`POST ${session.path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${`4${i}`.length}\r\n\r\n4${i}`);
    assert.equal((await readResponse(tcp)).body, "ok");
    tcp.send(`GET ${session.path} HTTP/1.1\r\nHost: localhost\r\n\r\n`);
    assert.equal((await readResponse(tcp)).body, `4${i}`);
  }
});
