// Pings, pongs, and the end of who does not answer, in their order. When each is due is shown by a clock that tests set
// (unit/test_engineio.c).

import assert from "node:assert/strict";
import { test } from "node:test";
import { startEngine } from "../lib/server.mjs";
import { Polling } from "../lib/polling.mjs";
import { sleep, until } from "../lib/wait.mjs";
import { CLOSE, TEXT, WebSocketClient, frame, openEngine } from "../lib/websocket.mjs";

const SOON = 50;
// Time enough for a client to do something first, and time without end.
const LATER = 1500;
const NEVER = 600_000;

const start = (t, pingTimeout) => startEngine(t, { pingInterval: SOON, pingTimeout });

// Asked seldom, since what is asked is a pong.
const becomesGone = (session) =>
  until(
    async () => (await sleep(4 * SOON), session.isGone()),
    () => "waiting for the end of the session",
  );

test("pings come and go on while they are answered", async (t) => {
  const client = await openEngine(t, await start(t, NEVER));
  for (let i = 0; i < 3; i++) {
    assert.equal(await client.text(), "2");
    client.send("3");
  }
});

test("pings and pongs work over polling", async (t) => {
  const session = await Polling.open(t, await start(t, NEVER));
  for (let i = 0; i < 3; i++) {
    assert.deepEqual(await session.poll(), ["2"]);
    await session.send("3");
  }
});

test("no ping comes before the pong to the one before it", async (t) => {
  const client = await openEngine(t, await start(t, NEVER));
  assert.equal(await client.text(), "2");
  await sleep(4 * SOON);
  client.send("4x");
  assert.equal(await client.text(), "4x");
  client.send("3");
  assert.equal(await client.text(), "2");
});

test("without a pong a WebSocket is closed", async (t) => {
  const client = await openEngine(t, await start(t, SOON));
  assert.equal(await client.text(), "2");
  await client.assertCloses();
});

test("without a pong a pending GET is told the close and the session is gone", async (t) => {
  const session = await Polling.open(t, await start(t, LATER));
  assert.deepEqual(await session.poll(), ["2"]);
  assert.deepEqual(await session.poll(), ["1"]);
  assert.ok(await session.isGone());
});

test("a session nobody polls goes", async (t) => {
  await becomesGone(await Polling.open(t, await start(t, SOON)));
});

test("the ping waits for the next GET", async (t) => {
  const session = await Polling.open(t, await start(t, NEVER));
  await sleep(4 * SOON);
  assert.deepEqual(await session.poll(), ["2"]);
  await session.send("3");
  await session.assertAlive();
});

test("another packet in the place of the pong does not keep a connection for good", async (t) => {
  const client = await openEngine(t, await start(t, LATER));
  assert.equal(await client.text(), "2");
  client.send("4x");
  assert.equal(await client.text(), "4x");
  await client.assertCloses();
});

test("a flood of pongs nobody asked for is ignored", async (t) => {
  const client = await openEngine(t, await startEngine(t));
  client.tcp.send(Buffer.concat(Array.from({ length: 10_000 }, () => frame(TEXT, "3"))));
  client.send("4x");
  assert.equal(await client.text(), "4x");
});

test("a pong before the ping does not answer it", async (t) => {
  const client = await openEngine(t, await start(t, SOON), { behind: frame(TEXT, "3") });
  assert.equal(await client.text(), "2");
  await client.assertCloses();
});

test("an upgrade does not forget a pong that is due", async (t) => {
  const server = await start(t, LATER);
  const session = await Polling.open(t, server);
  assert.deepEqual(await session.poll(), ["2"]);
  const client = await WebSocketClient.open(t, server, session.upgradePath);
  client.send("2probe");
  assert.equal(await client.text(), "3probe");
  client.send("5");
  assert.equal((await client.frame()).opcode, CLOSE);
});

test("pings go on over the WebSocket after an upgrade", async (t) => {
  const server = await start(t, NEVER);
  const session = await Polling.open(t, server);
  const client = await WebSocketClient.open(t, server, session.upgradePath);
  client.send("2probe");
  assert.equal(await client.text(), "3probe");
  client.send("5");
  for (let i = 0; i < 2; i++) {
    assert.equal(await client.text(), "2");
    client.send("3");
  }
});

test("many sessions that fall silent are all ended", async (t) => {
  const server = await start(t, SOON);
  const sessions = [];
  for (let i = 0; i < 50; i++) sessions.push(await Polling.open(t, server));
  await Promise.all(sessions.map(becomesGone));
});
