// Clients that read slowly or not at all while events flow: no frame is torn, and nobody waits for them.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { UNLIMITED, startGateway } from "../lib/server.mjs";
import { Polling } from "../lib/polling.mjs";
import { Rider, user } from "../lib/rider.mjs";
import { until } from "../lib/wait.mjs";
import { TEXT } from "../lib/websocket.mjs";

// More than the kernel buffers for one connection, so that writes are cut short.
const FLOW_BYTES = 6_000_000;
const WINDOW_BYTES = 50_000;

// Heartbeats would only get in the way of counting.
const start = (t, options) => startGateway(t, { pingInterval: 600_000, recoveryWindow: 0, ...UNLIMITED, ...options });

const record = (i, size) => user("flow", "boarding", { i, more: "x".repeat(size) });

// Boards again and again, never more than a window ahead of what it has heard itself; `each` is called with every
// event.
async function flow(rider, size, count, each = () => {}) {
  for (let sent = 0; sent < count; ) {
    const end = Math.min(count, sent + Math.ceil(WINDOW_BYTES / (size + 120)));
    for (let i = sent; i < end; i++) rider.say(record(i, size));
    while (sent < end) {
      const [name, heard] = await rider.event();
      each(name, heard);
      if (name === "userBoarded" && heard.id === "flow") assert.equal(heard.i, sent++);
    }
  }
}

async function assertHearsFlow(rider, size, count) {
  for (let i = 0; i < count; i++) await rider.hears("userBoarded", record(i, size));
}

// One piece at a time with a pause after each.
function readSlowly({ socket }) {
  socket.on("data", () => {
    socket.pause();
    setTimeout(() => socket.resume(), 1);
  });
}

for (const size of [1, 150, 1000, 3900]) {
  test(`slow readers get every frame of records padded by ${size} bytes intact and in order`, async (t) => {
    const count = Math.floor(FLOW_BYTES / (size + 120));
    const server = await start(t, { backlogBytes: 64 * 1024 * 1024 });
    const rider = await Rider.join(t, server);
    const slow = await Rider.join(t, server);
    const stalled = await Rider.join(t, server);
    readSlowly(slow.client.tcp);
    stalled.client.tcp.socket.pause();
    await flow(rider, size, count);
    stalled.client.tcp.socket.resume();
    await assertHearsFlow(slow, size, count);
    await assertHearsFlow(stalled, size, count);
    // What is private keeps its place behind the events.
    assert.deepEqual((await stalled.activeUsers()).users, [record(count - 1, size)]);
  });
}

// Left to itself the kernel takes megabytes for each.
test("the kernel holds no more for a stalled reader than --send-buffer allows", async (t) => {
  const server = await start(t, { sendBuffer: 65_536, backlogBytes: 64 * 1024 * 1024 });
  const rider = await Rider.join(t, server);
  const stalled = await Rider.join(t, server);
  const { socket } = stalled.client.tcp;
  socket.pause();
  const size = 1000;
  const count = Math.floor(FLOW_BYTES / size);
  await flow(rider, size, count);
  const held = await sendQueue(server.port, socket.localPort);
  assert.ok(held > 0 && held <= 4 * 65_536, `${held} bytes are held`);
  socket.resume();
  await assertHearsFlow(stalled, size, count);
});

// What the kernel holds of a connection's bytes for its peer, in /proc/net/tcp: addresses, state, tx_queue:rx_queue.
async function sendQueue(port, peerPort) {
  const hex = (number) => number.toString(16).toUpperCase().padStart(4, "0");
  const line = (await readFile("/proc/net/tcp", "utf8"))
    .split("\n")
    .map((text) => text.trim().split(/\s+/))
    .find(([, local, peer]) => local?.endsWith(`:${hex(port)}`) && peer.endsWith(`:${hex(peerPort)}`));
  return parseInt(line[4].split(":")[0], 16);
}

const SMALL_BACKLOG = 65_536;

test("a reader that stalls past the backlog is closed while others notice nothing", async (t) => {
  const server = await start(t, { backlogBytes: SMALL_BACKLOG });
  const rider = await Rider.join(t, server);
  const other = await Rider.join(t, server);
  const stalled = await Rider.join(t, server);
  const size = 3900;
  const count = 4 * Math.floor(FLOW_BYTES / size);
  stalled.say(user("stalled"));
  for (const client of [rider, other, stalled]) await client.hears("userBoarded", user("stalled"));
  stalled.client.tcp.socket.pause();
  const gone = [];
  const listen = async () => {
    for (let i = 0; i < count; ) {
      const [name, heard] = await other.event();
      if (name === "userBoarded") assert.equal(heard.i, i++);
    }
  };
  const note = (name, heard) => name === "userDisconnected" && gone.push(heard);
  await Promise.all([listen(), flow(rider, size, count, note)]);
  assert.deepEqual(gone, [user("stalled")]);

  stalled.client.tcp.socket.resume();
  await until(
    () => stalled.client.tcp.ended,
    () => "waiting for the end of the stalled connection",
  );
  const heard = await framesLeft(stalled.client);
  assert.ok(heard.length < count);
  heard.forEach(([name, { i }], at) => assert.deepEqual([name, i], ["userBoarded", at]));
});

// Whole frames received before the connection ended; the last one may be cut by the end.
async function framesLeft(client) {
  const events = [];
  try {
    for (;;) {
      const { opcode, payload } = await client.frame();
      if (opcode !== TEXT) return events;
      events.push(JSON.parse(payload.toString().slice(2)));
    }
  } catch (error) {
    if (!/the peer ended/.test(error.message)) throw error;
    return events;
  }
}

test("a polling client that never polls past the backlog is closed", async (t) => {
  const server = await start(t, { backlogBytes: SMALL_BACKLOG });
  const rider = await Rider.join(t, server);
  const session = await Polling.open(t, server);
  await session.send("40");
  assert.match((await session.poll())[0], /^40\{"sid":/);
  await flow(rider, 1000, 10 * Math.ceil(SMALL_BACKLOG / 1000));
  await until(
    () => session.isGone(),
    () => "waiting for the session to end",
  );
});

test("a polling client behind by less gets everything in one payload", async (t) => {
  const server = await start(t);
  const rider = await Rider.join(t, server);
  const session = await Polling.open(t, server);
  await session.send("40");
  assert.match((await session.poll())[0], /^40\{"sid":/);
  await flow(rider, 1000, 300);
  const packets = await session.poll();
  assert.deepEqual(
    packets.map((packet) => JSON.parse(packet.slice(2))[1].i),
    Array.from({ length: 300 }, (_, i) => i),
  );
});
