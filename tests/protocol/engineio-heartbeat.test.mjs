// Pings, pongs and the deadlines between them. Times are the contract here, so these tests wait by the clock.

import assert from "node:assert/strict";
import { test } from "node:test";
import { startEngine } from "../lib/server.mjs";
import { Polling } from "../lib/polling.mjs";
import { sleep } from "../lib/wait.mjs";
import { CLOSE, TEXT, WebSocketClient, frame, openEngine } from "../lib/websocket.mjs";

const INTERVAL = 300;
const TIMEOUT = 200;
// What a loaded machine may add to a deadline; nothing may come early by more than a timer's rounding.
const LATE = 150;
const EARLY = 20;

const start = (t) => startEngine(t, { pingInterval: INTERVAL, pingTimeout: TIMEOUT });

function assertTook(since, expected) {
  const took = performance.now() - since;
  assert.ok(took > expected - EARLY && took < expected + LATE, `took ${took} ms instead of ${expected}`);
}

test("a ping comes after the interval, and again that long after each pong", async (t) => {
  const client = await openEngine(t, await start(t));
  let since = performance.now();
  for (let i = 0; i < 3; i++) {
    assert.equal(await client.text(), "2");
    assertTook(since, INTERVAL);
    since = performance.now();
    client.send("3");
  }
});

test("pings and pongs work over polling", async (t) => {
  const session = await Polling.open(t, await start(t));
  let since = performance.now();
  for (let i = 0; i < 3; i++) {
    assert.deepEqual(await session.poll(), ["2"]);
    assertTook(since, INTERVAL);
    since = performance.now();
    await session.send("3");
  }
});

test("a late pong delays the next ping", async (t) => {
  const client = await openEngine(t, await start(t));
  assert.equal(await client.text(), "2");
  await sleep(TIMEOUT / 2);
  const since = performance.now();
  client.send("3");
  assert.equal(await client.text(), "2");
  assertTook(since, INTERVAL);
});

test("without a pong a WebSocket is closed after the timeout", async (t) => {
  const client = await openEngine(t, await start(t));
  const since = performance.now();
  assert.equal(await client.text(), "2");
  await client.assertCloses();
  assertTook(since, INTERVAL + TIMEOUT);
});

test("without a pong a pending GET is told the close and the session is gone", async (t) => {
  const session = await Polling.open(t, await start(t));
  const since = performance.now();
  assert.deepEqual(await session.poll(), ["2"]);
  assert.deepEqual(await session.poll(), ["1"]);
  assertTook(since, INTERVAL + TIMEOUT);
  assert.ok(await session.isGone());
});

test("a session nobody polls is gone as soon as interval and timeout have passed", async (t) => {
  const session = await Polling.open(t, await start(t));
  await sleep(INTERVAL + TIMEOUT + EARLY);
  assert.ok(await session.isGone());
});

test("the ping waits for the next GET", async (t) => {
  const session = await Polling.open(t, await start(t));
  await sleep(INTERVAL + TIMEOUT / 2);
  assert.deepEqual(await session.poll(), ["2"]);
  await session.send("3");
  await sleep(TIMEOUT);
  await session.assertAlive();
});

test("another packet before the pong extends the deadline once", async (t) => {
  const client = await openEngine(t, await start(t));
  assert.equal(await client.text(), "2");
  const since = performance.now();
  await sleep(TIMEOUT / 2);
  client.send("4x");
  assert.equal(await client.text(), "4x");
  await client.assertCloses();
  assertTook(since, TIMEOUT / 2 + TIMEOUT);
});

test("a flood of pongs nobody asked for is ignored", async (t) => {
  const client = await openEngine(t, await startEngine(t));
  client.tcp.send(Buffer.concat(Array.from({ length: 10_000 }, () => frame(TEXT, "3"))));
  client.send("4x");
  assert.equal(await client.text(), "4x");
});

test("a pong before the ping does not answer it", async (t) => {
  const client = await openEngine(t, await start(t));
  client.send("3");
  assert.equal(await client.text(), "2");
  await client.assertCloses();
});

test("an upgrade does not forget a pong that is due", async (t) => {
  const server = await start(t);
  const session = await Polling.open(t, server);
  const opened = performance.now();
  assert.deepEqual(await session.poll(), ["2"]);
  const client = await WebSocketClient.open(t, server, session.upgradePath);
  client.send("2probe");
  assert.equal(await client.text(), "3probe");
  client.send("5");
  assert.equal((await client.frame()).opcode, CLOSE);
  const took = performance.now() - opened;
  // The upgrade packet may count as the one packet that extends the deadline.
  assert.ok(took < INTERVAL + 2 * TIMEOUT + LATE, `took ${took} ms`);
});

test("pings go on over the WebSocket after an upgrade", async (t) => {
  const server = await start(t);
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
  const server = await start(t);
  const sessions = [];
  for (let i = 0; i < 50; i++) sessions.push(await Polling.open(t, server));
  await sleep(INTERVAL + TIMEOUT + LATE);
  for (const session of sessions) assert.ok(await session.isGone());
});
