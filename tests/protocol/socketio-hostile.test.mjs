// Socket.IO packets that end the connection: an empty close frame, no DISCONNECT, and nobody else notices.

import assert from "node:assert/strict";
import { test } from "node:test";
import { startSocketIo } from "../lib/server.mjs";
import { join } from "../lib/socketio.mjs";
import { BINARY, openEngine } from "../lib/websocket.mjs";

const placeholder = (num) => `{"_placeholder":true,"num":${num}}`;

const beforeJoining = {
  "an event": '42["message"]',
  "an ack": "430[]",
  "a leave": "41",
  "an event for a namespace not joined": '42/custom,["message"]',
  "CONNECT with an array": "40[]",
  "CONNECT with null": "40null",
  "CONNECT with a string": '40"auth"',
  "CONNECT with broken JSON": "40{",
  "CONNECT with trailing text": "40{}x",
  CONNECT_ERROR: '44{"message":"x"}',
  "no type": "4",
  "a letter as type": "4abc",
  "type 7": "47",
};

const afterJoining = {
  "a second CONNECT": "40",
  "a packet for another namespace": '42/custom,["message"]',
  CONNECT_ERROR: '44{"message":"x"}',
  "a leave with a payload": '41{"x":1}',
  "an unknown type": "48",
  "an event without payload": "42",
  "an event with broken JSON": '42["message"',
  "an event with trailing text": '42["message"]x',
  "an event with garbage before the array": '42abc["message"]',
  "an empty array": "42[]",
  "an object": "42{}",
  "a string": '42"message"',
  null: "42null",
  "a name that is null": "42[null]",
  "a name that is an object": '42[{"toString":"x"}]',
  "a name that is an array": '42[["message"]]',
  "a name that is true": "42[true]",
  "an ack that is no array": "430{}",
  "a binary event without attachments": '45["message"]',
  "a binary event with an open count": '451["message"]',
  "a binary event with eleven attachments": `4511-["message",${placeholder(0)}]`,
  "a binary event with millions of attachments": '45999999-["message"]',
  "a binary event with a negative count": '45-1-["message"]',
  "a placeholder beyond the attachments": `451-["message",${placeholder(1)}]`,
  "a negative placeholder": `451-["message",${placeholder(-1)}]`,
  "a placeholder that is a string": `451-["message",${placeholder('"0"')}]`,
  "a placeholder that is no integer": `451-["message",${placeholder("0.5")}]`,
  "a placeholder that is a method": `451-["message",${placeholder('"splice"')}]`,
};

for (const name of ["connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener"]) {
  afterJoining[`the reserved name ${name}`] = `42["${name}"]`;
}
afterJoining["a reserved name in escapes"] = '42["\\u0063onnect"]';

async function closesOn(t, { joining, packet, attachments = 0 }) {
  const server = await startSocketIo(t);
  const other = await openEngine(t, server);
  await join(other);
  const client = await openEngine(t, server);
  if (joining) {
    await join(client);
    assert.equal(await client.text(), '42["auth",{}]');
  }
  client.send(packet);
  // A server may judge placeholders only once the attachments are there.
  for (let i = 0; i < attachments; i++) client.sendFrame(BINARY, "x");
  await client.assertCloses();
  assert.equal(await other.text(), '42["auth",{}]');
  other.send('42["message"]');
  assert.equal(await other.text(), '42["message-back"]');
}

for (const [name, packet] of Object.entries(beforeJoining)) {
  test(`before CONNECT, ${name} closes the connection`, (t) => closesOn(t, { packet }));
}

for (const [name, packet] of Object.entries(afterJoining)) {
  const attachments = packet.includes("_placeholder") ? 1 : 0;
  test(`after CONNECT, ${name} closes the connection`, (t) => closesOn(t, { joining: true, packet, attachments }));
}

async function ready(t, server) {
  const client = await openEngine(t, server ?? (await startSocketIo(t)));
  await join(client);
  assert.equal(await client.text(), '42["auth",{}]');
  return client;
}

test("binary nobody announced closes the connection", async (t) => {
  const client = await ready(t);
  client.sendFrame(BINARY, "x");
  await client.assertCloses();
});

test("text where an attachment is due closes the connection", async (t) => {
  const client = await ready(t);
  client.send(`451-["message",${placeholder(0)}]`);
  client.send('42["message"]');
  await client.assertCloses();
});

test("JSON nested a hundred thousand deep closes the connection", async (t) => {
  const client = await ready(t);
  client.send(`42["message",${"[".repeat(100_000)}${"]".repeat(100_000)}]`);
  await client.assertCloses();
});

test("invalid JSON close to valid closes the connection", async (t) => {
  const server = await startSocketIo(t);
  for (const value of [
    "01",
    "1.",
    ".5",
    "+1",
    "1e",
    "NaN",
    "'x'",
    '"\\x"',
    '"\\u12"',
    "tru",
    "[1,]",
    '{"a":1,}',
    "{a:1}",
    '"\n"',
    '"\0"',
  ]) {
    const client = await ready(t, server);
    client.send(`42["message",${value}]`);
    await client.assertCloses();
  }
});

test("a namespace's name of a megabyte harms nobody", async (t) => {
  const server = await startSocketIo(t);
  const client = await openEngine(t, server);
  client.send(`40/${"x".repeat(900_000)},`);
  await client.frame();
  const other = await openEngine(t, server);
  await join(other);
});
