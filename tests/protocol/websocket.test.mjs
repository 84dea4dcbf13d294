// WebSocket frames (RFC 6455, sections 5 and 7), right and wrong, on a server that sends every message back.

import assert from "node:assert/strict";
import { test } from "node:test";
import { startEngine } from "../lib/server.mjs";
import { BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT, closePayload, frame, openEngine } from "../lib/websocket.mjs";

const MAX = 1_000_000;

const opened = async (t, options) => openEngine(t, await startEngine(t, options));

async function assertEchoes(client, packet = "4hello") {
  client.send(packet);
  assert.equal(await client.text(), packet);
}

test("text and binary messages come back as they were", async (t) => {
  const client = await opened(t);
  await assertEchoes(client, "4é€😀\0");
  const bytes = Buffer.from([0, 1, 0xff, 0x1e, 0]);
  client.sendFrame(BINARY, bytes);
  assert.deepEqual(await client.message(BINARY), bytes);
  client.send("bAQIDBA==");
  assert.deepEqual(await client.message(BINARY), Buffer.from([1, 2, 3, 4]));
});

test("lengths of every form are read and written", async (t) => {
  const client = await opened(t);
  for (const length of [1, 124, 125, 126, 127, 65_535, 65_536, 70_000])
    await assertEchoes(client, "4".padEnd(length, "x"));
});

test("a length may be written wider than needed", async (t) => {
  const client = await opened(t);
  client.sendFrame(TEXT, "4x", { wide: true });
  assert.equal(await client.text(), "4x");
});

test("a message of exactly the largest payload passes", async (t) => {
  const client = await opened(t);
  await assertEchoes(client, "4".padEnd(MAX, "x"));
});

test("frames may arrive byte by byte and by the hundred at once", async (t) => {
  const client = await opened(t);
  for (const byte of frame(TEXT, "4slow")) await client.tcp.send(Buffer.from([byte]));
  assert.equal(await client.text(), "4slow");
  client.tcp.send(Buffer.concat(Array.from({ length: 500 }, (_, i) => frame(TEXT, `4${i}`))));
  for (let i = 0; i < 500; i++) assert.equal(await client.text(), `4${i}`);
});

test("fragments are joined, pings between them answered at once", async (t) => {
  const client = await opened(t);
  client.sendFrame(TEXT, "4on", { fin: false });
  client.sendFrame(PING, "now");
  assert.equal((await client.message(PONG)).toString(), "now");
  client.sendFrame(CONTINUATION, "", { fin: false });
  client.sendFrame(CONTINUATION, "e", { fin: true });
  assert.equal(await client.text(), "4one");
});

test("a letter may be cut by fragments", async (t) => {
  const client = await opened(t);
  const bytes = Buffer.from("4😀");
  client.sendFrame(TEXT, bytes.subarray(0, 3), { fin: false });
  client.sendFrame(CONTINUATION, bytes.subarray(3));
  assert.equal(await client.text(), "4😀");
});

test("fragments of one byte or none by the hundred thousand are joined in linear time", async (t) => {
  const client = await opened(t);
  const empty = frame(CONTINUATION, "", { fin: false });
  const letter = frame(CONTINUATION, "x", { fin: false });
  const pairs = Buffer.concat(Array.from({ length: 1000 }, () => Buffer.concat([empty, letter])));
  client.sendFrame(TEXT, "4", { fin: false });
  for (let i = 0; i < 50; i++) client.tcp.send(pairs);
  client.sendFrame(CONTINUATION, "");
  assert.equal(await client.text(), "4".padEnd(50_001, "x"));
});

test("a ping is answered with the same payload", async (t) => {
  const client = await opened(t);
  for (const payload of ["", "x", "x".repeat(125)]) {
    client.sendFrame(PING, payload);
    assert.equal((await client.message(PONG)).toString(), payload);
  }
});

test("a pong nobody asked for is ignored", async (t) => {
  const client = await opened(t);
  client.sendFrame(PONG, "x");
  await assertEchoes(client);
});

for (const code of [undefined, 1000, 1001, 1011, 3000, 4999]) {
  test(`a close with ${code ?? "no code"} is echoed and the connection ended`, async (t) => {
    const client = await opened(t);
    const payload = code === undefined ? Buffer.alloc(0) : closePayload(code, "because");
    client.sendFrame(CLOSE, payload);
    assert.deepEqual((await client.message(CLOSE)).subarray(0, 2), payload.subarray(0, 2));
    assert.equal((await client.tcp.readToEnd()).length, 0);
  });
}

test("what follows a close frame is ignored", async (t) => {
  const client = await opened(t);
  client.tcp.send(Buffer.concat([frame(CLOSE, closePayload(1000)), frame(TEXT, "4x"), frame(PING, "x")]));
  await client.message(CLOSE);
  assert.equal((await client.tcp.readToEnd()).length, 0);
});

const errors = [
  ["an unmasked frame", 1002, [frame(TEXT, "4x", { mask: false })]],
  ["a first reserved bit", 1002, [frame(TEXT, "4x", { rsv: 4 })]],
  ["a second reserved bit", 1002, [frame(TEXT, "4x", { rsv: 2 })]],
  ["a third reserved bit", 1002, [frame(TEXT, "4x", { rsv: 1 })]],
  ["opcode 3", 1002, [frame(3, "4x")]],
  ["opcode 7", 1002, [frame(7, "4x")]],
  ["opcode 11", 1002, [frame(11, "4x")]],
  ["opcode 15", 1002, [frame(15, "4x")]],
  ["a ping of 126 bytes", 1002, [frame(PING, "x".repeat(126))]],
  ["a fragmented ping", 1002, [frame(PING, "x", { fin: false })]],
  ["a fragmented close", 1002, [frame(CLOSE, "", { fin: false })]],
  ["a continuation of nothing", 1002, [frame(CONTINUATION, "x")]],
  ["a new message inside another", 1002, [frame(TEXT, "4a", { fin: false }), frame(TEXT, "4b")]],
  ["a close of one byte", 1002, [frame(CLOSE, "x")]],
  ["close code 0", 1002, [frame(CLOSE, closePayload(0))]],
  ["close code 999", 1002, [frame(CLOSE, closePayload(999))]],
  ["close code 1004", 1002, [frame(CLOSE, closePayload(1004))]],
  ["close code 1005", 1002, [frame(CLOSE, closePayload(1005))]],
  ["close code 1006", 1002, [frame(CLOSE, closePayload(1006))]],
  ["close code 2999", 1002, [frame(CLOSE, closePayload(2999))]],
  ["close code 5000", 1002, [frame(CLOSE, closePayload(5000))]],
  ["a close reason that is not UTF-8", 1007, [frame(CLOSE, closePayload(1000, Buffer.from([0xff])))]],
  ["text that is not UTF-8", 1007, [frame(TEXT, Buffer.from([0x34, 0xff]))]],
  ["an overlong form", 1007, [frame(TEXT, Buffer.from([0x34, 0xc0, 0xaf]))]],
  ["a surrogate in UTF-8", 1007, [frame(TEXT, Buffer.from([0x34, 0xed, 0xa0, 0x80]))]],
  ["a letter beyond Unicode", 1007, [frame(TEXT, Buffer.from([0x34, 0xf4, 0x90, 0x80, 0x80]))]],
  ["a letter cut by the message's end", 1007, [frame(TEXT, Buffer.from([0x34, 0xf0, 0x9f]))]],
  ["a message that announces one byte too many", 1009, [frame(TEXT, "", { length: MAX + 1 })]],
  ["a message that announces 2^40 bytes", 1009, [frame(TEXT, "", { length: 2 ** 40 })]],
  [
    "fragments of one byte too many in sum",
    1009,
    [frame(TEXT, "4".padEnd(MAX, "x"), { fin: false }), frame(CONTINUATION, "x")],
  ],
];

for (const [name, code, frames] of errors) {
  test(`${name} closes with ${code}`, async (t) => {
    const server = await startEngine(t);
    const other = await openEngine(t, server);
    const client = await openEngine(t, server);
    client.tcp.send(Buffer.concat(frames));
    await client.assertCloses(code);
    await assertEchoes(other);
  });
}

test("a length beyond 63 bits closes with an error", async (t) => {
  const client = await opened(t);
  client.sendFrame(TEXT, "", { length: 2n ** 63n });
  const payload = await client.message(CLOSE);
  assert.ok([1002, 1009].includes(payload.readUInt16BE()), String(payload.readUInt16BE()));
});

for (const packet of ["", "9", "x", "2", "2probe", "b!"]) {
  test(`the packet ${JSON.stringify(packet)} closes without a code`, async (t) => {
    const client = await opened(t);
    client.send(packet);
    await client.assertCloses();
  });
}

test("a close packet closes at once", async (t) => {
  const client = await opened(t);
  client.send("1");
  await client.assertCloses();
});

test("messages before an error are processed, those after it are not", async (t) => {
  const client = await opened(t);
  client.tcp.send(Buffer.concat([frame(TEXT, "4before"), frame(TEXT, "9"), frame(TEXT, "4after")]));
  assert.equal(await client.text(), "4before");
  await client.assertCloses();
});

test("a client that ends its side without a close frame is let go", async (t) => {
  const client = await opened(t);
  client.tcp.end();
  assert.equal((await client.tcp.readToEnd()).length, 0);
});
