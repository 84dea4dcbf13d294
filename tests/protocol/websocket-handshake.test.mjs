// The WebSocket opening handshake (RFC 6455, section 4).

import assert from "node:assert/strict";
import { test } from "node:test";
import { startEngine } from "../lib/server.mjs";
import { readResponse } from "../lib/http.mjs";
import { TcpClient } from "../lib/tcp.mjs";
import { TEXT, acceptOf, frame, openEngine, upgradeRequest } from "../lib/websocket.mjs";

const PATH = "/engine.io/?EIO=4&transport=websocket";

async function answerTo(t, server, headers) {
  const tcp = await TcpClient.connect(t, server.port);
  tcp.send(upgradeRequest(PATH, headers));
  return { ...(await readResponse(tcp)), tcp };
}

test("the answer proves that the key was read", async (t) => {
  const server = await startEngine(t);
  const key = Buffer.from("sixteen bytes...").toString("base64");
  const { status, headers } = await answerTo(t, server, { "Sec-WebSocket-Key": key });
  assert.equal(status, 101);
  assert.equal(headers.upgrade.toLowerCase(), "websocket");
  assert.equal(headers.connection.toLowerCase(), "upgrade");
  assert.equal(headers["sec-websocket-accept"], acceptOf(key));
});

test("names of protocols and connection options are read in any case and list", async (t) => {
  const server = await startEngine(t);
  const { status } = await answerTo(t, server, { Upgrade: "WebSocket", Connection: "keep-alive, UPGRADE" });
  assert.equal(status, 101);
});

test("version 8 is accepted", async (t) => {
  const server = await startEngine(t);
  assert.equal((await answerTo(t, server, { "Sec-WebSocket-Version": "8" })).status, 101);
});

for (const version of ["12", "14", "0", "x", null]) {
  test(`version ${version} is refused and the known ones are named`, async (t) => {
    const server = await startEngine(t);
    const { status, headers, tcp } = await answerTo(t, server, { "Sec-WebSocket-Version": version });
    assert.equal(status, 400);
    assert.equal(headers["sec-websocket-version"], "13, 8");
    await tcp.readToEnd();
  });
}

const keys = {
  "no key": null,
  "a short key": "c2hvcnQ=",
  "a long key": "dGhpcyBrZXkgaXMgdG9vIGxvbmc=",
  "a key that is no base64": "!!!!!!!!!!!!!!!!!!!!!!==",
};

for (const [name, key] of Object.entries(keys)) {
  test(`${name} is refused`, async (t) => {
    const server = await startEngine(t);
    const { status, tcp } = await answerTo(t, server, { "Sec-WebSocket-Key": key });
    assert.equal(status, 400);
    await tcp.readToEnd();
  });
}

test("the first subprotocol offered is chosen", async (t) => {
  const server = await startEngine(t);
  assert.equal(
    (await answerTo(t, server, { "Sec-WebSocket-Protocol": "a, b" })).headers["sec-websocket-protocol"],
    "a",
  );
  assert.equal((await answerTo(t, server, {})).headers["sec-websocket-protocol"], undefined);
});

test("no extension is agreed to", async (t) => {
  const server = await startEngine(t);
  for (const offer of [
    "permessage-deflate; client_max_window_bits",
    'permessage-deflate; a="',
    ",;=,;=",
    `x${";y".repeat(2000)}`,
  ]) {
    const { status, headers } = await answerTo(t, server, { "Sec-WebSocket-Extensions": offer });
    assert.equal(status, 101, offer);
    assert.equal(headers["sec-websocket-extensions"], undefined);
  }
});

test("long blanks among the subprotocols cost no time", async (t) => {
  const server = await startEngine(t);
  const { status } = await answerTo(t, server, { "Sec-WebSocket-Protocol": `a${" ".repeat(10_000)}b` });
  assert.ok([101, 400].includes(status), String(status));
});

test("frames right behind the handshake are processed", async (t) => {
  const server = await startEngine(t);
  const behind = Buffer.concat([frame(TEXT, "4one"), frame(TEXT, "4two")]);
  const client = await openEngine(t, server, { behind });
  assert.equal(await client.text(), "4one");
  assert.equal(await client.text(), "4two");
});

test("reserved bits right behind the handshake close that connection alone", async (t) => {
  const server = await startEngine(t);
  const other = await openEngine(t, server);
  const client = await openEngine(t, server, { behind: frame(TEXT, "4x", { rsv: 3 }) });
  await client.assertCloses(1002);
  other.send("4x");
  assert.equal(await other.text(), "4x");
});
