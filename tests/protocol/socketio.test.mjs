// Socket.IO v5 on the conformance server: on connection it emits `auth` with the CONNECT payload; on / it answers
// `message` with `message-back` and `message-with-ack` with an ack, each with the same arguments.

import assert from "node:assert/strict";
import { test } from "node:test";
import { startSocketIo } from "../lib/server.mjs";
import { Polling } from "../lib/polling.mjs";
import { join } from "../lib/socketio.mjs";
import { BINARY, TEXT, frame, openEngine } from "../lib/websocket.mjs";

const connected = async (t, options) => openEngine(t, await startSocketIo(t, options));

// On / with the greeting read.
async function ready(t, options) {
  const client = await connected(t, options);
  client.socket = await join(client);
  assert.equal(await client.text(), '42["auth",{}]');
  return client;
}

async function assertAnswers(client) {
  client.send('42["message","still here"]');
  assert.equal(await client.text(), '42["message-back","still here"]');
}

test("joining the main namespace answers a socket id of its own", async (t) => {
  const client = await ready(t);
  assert.deepEqual(Object.keys(client.socket), ["sid"]);
  assert.match(client.socket.sid, /^[A-Za-z0-9_-]{20}$/);
  assert.notEqual(client.socket.sid, client.handshake.sid);
});

test("the CONNECT payload reaches the application", async (t) => {
  const client = await connected(t);
  await join(client, "/", '{"token":"123","deep":{"er":[1]}}');
  assert.equal(await client.text(), '42["auth",{"token":"123","deep":{"er":[1]}}]');
});

test("namespaces are joined side by side, with a socket id each", async (t) => {
  const client = await ready(t);
  const custom = await join(client, "/custom", '{"token":"abc"}');
  assert.notEqual(custom.sid, client.socket.sid);
  assert.equal(await client.text(), '42/custom,["auth",{"token":"abc"}]');
  await assertAnswers(client);
});

test("the comma after a namespace without a payload is optional", async (t) => {
  const client = await connected(t);
  client.send("40/custom");
  assert.match(await client.text(), /^40\/custom,\{"sid":"[^"]+"\}$/);
});

test("an unknown namespace is refused and the connection stays", async (t) => {
  const client = await connected(t);
  client.send("40/random");
  assert.equal(await client.text(), '44/random,{"message":"Invalid namespace"}');
  client.send("40/random?x=y,{}");
  assert.equal(await client.text(), '44/random?x=y,{"message":"Invalid namespace"}');
  await join(client);
});

test("events carry arguments of any type", async (t) => {
  const client = await ready(t);
  const args = '1,"2",{"3":[true,null]},[],{},-0.5,1e3,"\\u00e9\\ud83d\\ude00"';
  client.send(`42["message",${args}]`);
  assert.deepEqual(JSON.parse((await client.text()).slice(2)), JSON.parse(`["message-back",${args}]`));
});

test("an ack answers with the id asked for", async (t) => {
  const client = await ready(t);
  client.send('42456["message-with-ack",1,"2",{"3":[false]}]');
  assert.equal(await client.text(), '43456[1,"2",{"3":[false]}]');
  client.send('420["message-with-ack"]');
  assert.equal(await client.text(), "430[]");
});

test("binary events and acks carry their attachments", async (t) => {
  const client = await ready(t);
  const placeholders = '{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}';
  const parts = [Buffer.from([1, 2, 3]), Buffer.from([4, 5, 6])];
  for (const [sent, answered] of [
    [`452-["message",${placeholders}]`, `452-["message-back",${placeholders}]`],
    [`452-789["message-with-ack",${placeholders}]`, `462-789[${placeholders}]`],
  ]) {
    client.tcp.send(Buffer.concat([frame(TEXT, sent), ...parts.map((part) => frame(BINARY, part))]));
    assert.equal(await client.text(), answered);
    for (const part of parts) assert.deepEqual(await client.message(BINARY), part);
  }
});

test("heartbeats may come between a binary event and its attachments", async (t) => {
  const client = await ready(t);
  client.send('451-["message",{"_placeholder":true,"num":0}]');
  client.send("3");
  client.sendFrame(BINARY, Buffer.from([7]));
  assert.match(await client.text(), /^451-\["message-back"/);
  assert.deepEqual(await client.message(BINARY), Buffer.from([7]));
});

test("binary travels as base64 over polling", async (t) => {
  const session = await Polling.open(t, await startSocketIo(t));
  await session.send("40");
  const greeting = [];
  while (greeting.length < 2) greeting.push(...(await session.poll()));
  await session.send('451-["message",{"_placeholder":true,"num":0}]', "bAQIDBA==");
  const answer = [];
  while (answer.length < 2) answer.push(...(await session.poll()));
  assert.deepEqual(answer, ['451-["message-back",{"_placeholder":true,"num":0}]', "bAQIDBA=="]);
});

test("an event in the same batch as CONNECT is not lost", async (t) => {
  const session = await Polling.open(t, await startSocketIo(t));
  await session.send("40", '42["message","early"]');
  const packets = [];
  while (packets.length < 3) packets.push(...(await session.poll()));
  assert.match(packets[0], /^40\{"sid"/);
  assert.deepEqual(packets.slice(1), ['42["auth",{}]', '42["message-back","early"]']);
});

test("unknown events and unknown acks are ignored", async (t) => {
  const client = await ready(t);
  client.send('42["nobody-listens",1]');
  client.send("42[17]");
  client.send("43999[1]");
  await assertAnswers(client);
});

test("leaving a namespace is silent, the connection stays and may join again", async (t) => {
  const client = await ready(t);
  client.send("41");
  await client.tcp.staysSilent(200);
  const again = await join(client);
  assert.notEqual(again.sid, client.socket.sid);
  assert.equal(await client.text(), '42["auth",{}]');
  await assertAnswers(client);
});

test("leaving one namespace leaves the other as it was", async (t) => {
  const client = await ready(t);
  await join(client, "/custom");
  await client.text();
  client.send("41/custom,");
  await assertAnswers(client);
});

test("a client that joins nothing in time is closed", async (t) => {
  const client = await connected(t, { connectTimeout: 300 });
  await client.assertCloses();
});

test("a refused namespace does not count as joined", async (t) => {
  const client = await connected(t, { connectTimeout: 1000 });
  client.send("40/random");
  await client.text();
  await client.assertCloses();
});

test("a client that has joined outlives the connect timeout", async (t) => {
  const client = await ready(t, { connectTimeout: 1000 });
  await client.tcp.staysSilent(1200);
  await assertAnswers(client);
});

test("closing a polling session tells a pending GET, the session is gone", async (t) => {
  const session = await Polling.open(t, await startSocketIo(t));
  const pending = await session.hold();
  await session.post("4abc");
  assert.deepEqual(await pending.packets, ["1"]);
  assert.ok(await session.isGone());
});
