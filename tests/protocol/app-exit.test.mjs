// Exiting: the event reaches the rider, then the server ends the connection for good.

import assert from "node:assert/strict";
import { test } from "node:test";
import { startGateway } from "../lib/server.mjs";
import { Rider, user } from "../lib/rider.mjs";
import { Polling } from "../lib/polling.mjs";
import { join } from "../lib/socketio.mjs";
import { CLOSE, WebSocketClient, closePayload, openEngine } from "../lib/websocket.mjs";

const packetOf = (record) => `42["message",${JSON.stringify(JSON.stringify(record))}]`;
const EXIT = packetOf(user("u", "exiting"));
const EXITED = /^42\["userExited",\{"id":"u","name":"Rider u","status":"exiting"\}\]$/;

test("over WebSocket the event comes first, then DISCONNECT, then an empty close frame if the client stays", async (t) => {
  const server = await startGateway(t, { recoveryWindow: 0 });
  const rider = await Rider.join(t, server);
  const other = await Rider.join(t, server);
  rider.say(user("u"));
  await rider.hears("userBoarded", user("u"));
  rider.say(user("u", "exiting"));
  assert.match(await rider.client.text(), EXITED);
  assert.equal(await rider.client.text(), "41");
  await rider.client.assertCloses();
  await other.hears("userBoarded", user("u"));
  await other.hears("userExited", user("u", "exiting"));
  assert.deepEqual((await other.activeUsers()).users, []);
});

// What the server's close frame holds, where the client sends one with 1000 as soon as it hears DISCONNECT.
async function closesFirst(t, server) {
  const rider = await Rider.join(t, server);
  rider.say(user("u", "exiting"));
  await rider.hears("userExited", user("u", "exiting"));
  assert.equal(await rider.client.text(), "41");
  rider.client.sendFrame(CLOSE, closePayload(1000));
  const payload = await rider.client.message(CLOSE);
  assert.equal((await rider.client.tcp.readToEnd()).length, 0);
  return payload;
}

// Clients that handle packets in threads, or drop those that come together with a close, would take that for a loss.
test("over WebSocket no close comes with DISCONNECT: a client that closes then hears its own close frame", async (t) => {
  const server = await startGateway(t);
  const answers = [];
  const echo = closePayload(1000);
  // A busy machine may keep one from closing in time.
  while (answers.length < 10 && !answers.at(-1)?.equals(echo)) answers.push(await closesFirst(t, server));
  assert.deepEqual(answers.at(-1), echo);
});

test("an exit is told once, no userDisconnected follows", async (t) => {
  const server = await startGateway(t, { recoveryWindow: 0 });
  const rider = await Rider.join(t, server);
  const other = await Rider.join(t, server);
  rider.say(user("u"));
  rider.say(user("u", "exiting"));
  await other.hears("userBoarded", user("u"));
  await other.hears("userExited", user("u", "exiting"));
  while ((await rider.client.frame()).opcode !== CLOSE);
  rider.client.tcp.reset();
  await other.client.tcp.staysSilent();
});

test("what an exiting rider says afterwards is ignored", async (t) => {
  const server = await startGateway(t, { recoveryWindow: 0 });
  const rider = await Rider.join(t, server);
  const other = await Rider.join(t, server);
  rider.say(user("u", "exiting"));
  assert.match(await rider.client.text(), EXITED);
  rider.say(user("ghost"));
  await other.hears("userExited", user("u", "exiting"));
  await other.client.tcp.staysSilent();
});

test("an exit asked for with an ack is acknowledged before the end", async (t) => {
  const rider = await Rider.join(t, await startGateway(t));
  const ack = rider.ask('"message"', JSON.stringify(JSON.stringify(user("u", "exiting"))));
  const offset = await rider.hears("userExited", user("u", "exiting"));
  assert.deepEqual(await ack(), { ok: true, offset });
  assert.equal(await rider.client.text(), "41");
  await rider.client.assertCloses();
});

test("an exit on one ride ends the whole connection and its other rides", async (t) => {
  const server = await startGateway(t, { recoveryWindow: 0 });
  const watcher = await Rider.join(t, server, "/line-7");
  const main = await Rider.join(t, server);
  await join(main.client, "/line-7");
  const seven = new Rider(main.client, "/line-7");
  seven.say(user("seven"));
  await seven.hears("userBoarded", user("seven"));
  await watcher.hears("userBoarded", user("seven"));
  main.say(user("u", "exiting"));
  const said = [];
  let frame;
  while ((frame = await main.client.frame()).opcode !== CLOSE) said.push(frame.payload.toString());
  assert.match(said[0], EXITED);
  assert.ok(said.includes("41"));
  await watcher.hears("userDisconnected", user("seven"));
});

async function polling(t) {
  const server = await startGateway(t, { recoveryWindow: 0 });
  const session = await Polling.open(t, server);
  await session.send("40");
  assert.match((await session.poll())[0], /^40\{"sid":/);
  return { server, session };
}

// Reads on until the session is refused, one payload per GET.
async function readToEnd(session, first) {
  const payloads = first ? [await first] : [];
  for (;;) {
    const { status, body } = await session.get();
    if (status !== 200) {
      assert.equal(body, '{"code":1,"message":"Session ID unknown"}');
      return payloads;
    }
    payloads.push(body.split("\x1e"));
  }
}

// A client that reads a close packet drops what came with it and reconnects, so events and DISCONNECT must travel
// without one.
function assertEnds(payloads) {
  const [event, ...rest] = payloads.flat();
  assert.match(event, EXITED);
  assert.deepEqual(rest, ["41", "6", "1"]);
  assert.deepEqual(payloads.at(-1), ["6", "1"]);
}

test("over polling with a GET pending the event, DISCONNECT and the close come in turn", async (t) => {
  const { session } = await polling(t);
  const pending = await session.hold();
  await session.send(EXIT);
  assertEnds(await readToEnd(session, pending.packets));
});

test("over polling without a GET pending the event and DISCONNECT wait, then comes the close", async (t) => {
  const { server, session } = await polling(t);
  const other = await Rider.join(t, server);
  await session.send(EXIT);
  await other.hears("userExited", user("u", "exiting"));
  const payloads = await readToEnd(session);
  assertEnds(payloads);
  assert.equal(payloads.length, 2);
});

test("over polling a POST after the exit is answered ok and ignored", async (t) => {
  const { server, session } = await polling(t);
  const other = await Rider.join(t, server);
  await session.send(EXIT);
  await other.hears("userExited", user("u", "exiting"));
  await session.send(packetOf(user("ghost")));
  assertEnds(await readToEnd(session));
  await other.client.tcp.staysSilent();
});

test("a close packet from the client ends what is left of the session", async (t) => {
  const { server, session } = await polling(t);
  const other = await Rider.join(t, server);
  await session.send(EXIT);
  await other.hears("userExited", user("u", "exiting"));
  assert.match((await session.poll())[0], EXITED);
  await session.post("1");
  assert.ok(await session.isGone());
});

test("an exit during an upgrade is delivered over the WebSocket after the switch", async (t) => {
  const { server, session } = await polling(t);
  const other = await Rider.join(t, server);
  const client = await WebSocketClient.open(t, server, session.upgradePath);
  client.send("2probe");
  assert.equal(await client.text(), "3probe");
  await session.send(EXIT);
  await other.hears("userExited", user("u", "exiting"));
  client.send("5");
  assert.match(await client.text(), EXITED);
  assert.equal(await client.text(), "41");
  await client.assertCloses();
});

test("a rider on polling who closes the session is told as userDisconnected", async (t) => {
  const { server, session } = await polling(t);
  const other = await Rider.join(t, server);
  await session.send(packetOf(user("u")));
  await other.hears("userBoarded", user("u"));
  await session.send("1");
  await other.hears("userDisconnected", user("u"));
});

test("a bad packet closes without DISCONNECT, so that the client may come back", async (t) => {
  const client = await openEngine(t, await startGateway(t, { recoveryWindow: 0 }));
  await join(client);
  client.send('42["connect"]');
  await client.assertCloses();
});
