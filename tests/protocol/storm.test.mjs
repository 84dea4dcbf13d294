// Thousands who stall, all at once: readers that read nothing, handshakes left half open, polling sessions abandoned.
// Meanwhile good clients board and exit, and each hears everything. Afterwards memory and descriptors are given back.

import assert from "node:assert/strict";
import { test } from "node:test";
import { startGateway } from "../lib/server.mjs";
import { gauge, gauges } from "../lib/metrics.mjs";
import { Onlooker } from "../lib/onlooker.mjs";
import { Polling } from "../lib/polling.mjs";
import { Rider, user } from "../lib/rider.mjs";
import { FREE_AT_ONCE, isSanitized } from "../lib/sanitized.mjs";
import { TcpClient } from "../lib/tcp.mjs";
import { usage } from "../lib/usage.mjs";
import { until } from "../lib/wait.mjs";
import { upgradeRequest } from "../lib/websocket.mjs";

const STORM = { stalled: 2000, halfOpen: 2000, abandoned: 1000, good: 500 };
// Memory is compared with that of a gateway that has met all these kinds, and is alone again: before its first client
// it lacks pages of its program and buffers that every gateway has after a minute.
const WARM_UP = { stalled: 20, halfOpen: 20, abandoned: 10, good: 50 };
const RIDE_SIZE = 50;
const EVENTS = 120; // of 3 KB: more than a client's socket, --send-buffer and --backlog-bytes take
const BATCH = 50;
const PATIENCE_MS = 120_000;
// What is allocated is freed but for the room of tables, which stay as large as they were needed. What of it is given
// back to the system is the allocator's, and the sanitizers' has no way to give back part of a page range.
const TABLES = 64; // bytes, for each that was there at once
const RESIDENT = 1.1;

const OPTIONS = {
  maxConnectionsPerAddress: 0,
  handshakesPerAddress: 0,
  pingInterval: 3000,
  pingTimeout: 45_000, // until then a busy machine has done all that comes before the end of those who stall
  headerTimeout: 60_000,
  sendBuffer: 4096,
  backlogBytes: 65_536,
  recoveryWindow: 0,
  bytesPerSecond: 0,
  transitionsPerSecond: 0,
};
const sum = (numbers) => numbers.reduce((a, b) => a + b, 0);

async function batches(count, make) {
  const made = [];
  while (made.length < count) {
    const size = Math.min(BATCH, count - made.length);
    made.push(...(await Promise.all(Array.from({ length: size }, (_, i) => make(made.length + i)))));
  }
  return made;
}

async function halfOpen(t, server, i) {
  const tcp = await TcpClient.connect(t, server.port);
  const bytes = upgradeRequest("/ws");
  await tcp.send(bytes.slice(0, i % bytes.length)); // nothing, one byte, and so on
  return tcp;
}

// Joins a ride and reads no more.
async function stalledReader(t, server) {
  const rider = await Rider.join(t, server, "/stalled");
  rider.client.tcp.socket.pause();
  return rider.client.tcp;
}

async function talk(t, server) {
  const talker = await Rider.join(t, server, "/stalled");
  for (let i = 0; i < EVENTS; i++) {
    const record = user("talker", "boarding", { i, more: "x".repeat(3000) });
    talker.say(record);
    await talker.hears("userBoarded", record);
  }
  talker.client.tcp.destroy();
}

// All of a ride board, then exit; each hears each of them once, in the same order, up to its own exit.
async function goodRide(t, server, number) {
  const riders = await batches(RIDE_SIZE, () => Rider.join(t, server, `/good-${number}`));
  const idOf = (i) => `${number}-${i}`;
  riders.forEach((rider, i) => rider.say(user(idOf(i), "boarding")));
  const boarded = await Promise.all(riders.map((rider) => hear(rider, "userBoarded", (ids) => ids.length === RIDE_SIZE)));
  assert.deepEqual([...boarded[0]].sort(), riders.map((_, i) => idOf(i)).sort());
  for (const ids of boarded) assert.deepEqual(ids, boarded[0]);
  riders.forEach((rider, i) => rider.say(user(idOf(i), "exiting")));
  const exited = await Promise.all(riders.map((rider, i) => hear(rider, "userExited", (ids) => ids.at(-1) === idOf(i))));
  const longest = exited.reduce((a, b) => (a.length > b.length ? a : b));
  assert.equal(new Set(longest).size, RIDE_SIZE);
  for (const ids of exited) assert.deepEqual(ids, longest.slice(0, ids.length));
  riders.forEach(({ client }) => client.tcp.destroy());
}

async function hear(rider, expected, complete) {
  const ids = [];
  do {
    const [name, { id }] = await rider.event();
    assert.equal(name, expected);
    ids.push(id);
  } while (!complete(ids));
  return ids;
}

// Sockets of those who stall; polling sessions have none.
async function offenders(t, server, counts) {
  const sockets = await batches(counts.halfOpen, (i) => halfOpen(t, server, i));
  sockets.push(...(await batches(counts.stalled, () => stalledReader(t, server))));
  const sessions = await batches(counts.abandoned, () => Polling.open(t, server));
  return { sockets, sessions };
}

const good = (t, server, counts) =>
  Promise.all([
    talk(t, server),
    ...Array.from({ length: counts.good / RIDE_SIZE }, (_, i) => goodRide(t, server, i)),
  ]);

const POLLING = 'ridecast_sessions{protocol="socket.io",transport="polling"}';
const WEBSOCKET = 'ridecast_sessions{protocol="socket.io",transport="websocket"}';
const PROCESS = ["process_resident_memory_bytes", "ridecast_allocated_bytes", "process_open_fds"];
const CUT_OFF = 'ridecast_slow_clients_total{action="closed"}';

const inWords = ({ memory, allocated }) => `${memory.toFixed(1)} MiB, ${allocated.toFixed(2)} of it allocated`;

// What a gateway takes when nobody is there but whoever asks.
async function alone(t, server) {
  const names = [POLLING, WEBSOCKET, "ridecast_rides", "ridecast_connections"];
  let left, memory, allocated, descriptors;
  await until(
    async () => {
      [memory, allocated, descriptors, ...left] = await gauges(t, server, ...PROCESS, ...names);
      return sum(left) === 1;
    },
    () => `waiting for the end of ${names} (${left})`,
    PATIENCE_MS,
  );
  return { memory: memory / 2 ** 20, allocated: allocated / 2 ** 20, descriptors };
}

test("thousands stall at once, and nobody else notices", { timeout: 590_000 }, async (t) => {
  const server = await startGateway(t, { ...OPTIONS, env: FREE_AT_ONCE });
  const resident = isSanitized(server) ? Infinity : RESIDENT;
  const tables = (sum(Object.values(STORM)) * TABLES) / 2 ** 20;
  const begun = performance.now();
  const step = (what) => t.diagnostic(`${((performance.now() - begun) / 1000).toFixed(1)} s: ${what}`);

  const warm = await offenders(t, server, WARM_UP);
  const calm = await Onlooker.start(t, server);
  await good(t, server, WARM_UP);
  const calmP99 = await calm.p99();
  await calm.stop();
  for (const tcp of warm.sockets) tcp.destroy();
  for (const session of warm.sessions) await session.send("1");
  const before = await alone(t, server);
  step("warm, and alone");

  const { sockets } = await offenders(t, server, STORM);
  const [polling, websocket, connections, descriptors] = await gauges(
    t,
    server,
    POLLING,
    WEBSOCKET,
    "ridecast_connections",
    "process_open_fds",
  );
  assert.equal(polling, STORM.abandoned);
  assert.equal(websocket, STORM.stalled);
  assert.equal(connections, STORM.stalled + STORM.halfOpen + 1);
  step("all offenders are there");
  const onlooker = await Onlooker.start(t, server);
  await good(t, server, STORM);
  const p99 = await onlooker.p99();
  await onlooker.stop();
  step("all good clients have boarded and exited");
  const height = { memory: usage(server.program.child.pid).peak / 2 ** 20, descriptors };
  const cutOff = await gauge(t, server, CUT_OFF);
  assert.equal(cutOff, WARM_UP.stalled + STORM.stalled); // so each has let its connection fill up

  for (const tcp of sockets) tcp.destroy(); // the polling sessions end by themselves
  let after = await alone(t, server);
  step("alone again");
  assert.equal(after.descriptors, before.descriptors);
  await until(
    async () => {
      after = await alone(t, server);
      return after.allocated <= before.allocated + tables && after.memory <= before.memory * resident;
    },
    () => `waiting for memory: ${inWords(before)} -> ${inWords(after)}`,
  );
  step("memory is back");

  const row = (...cells) => t.diagnostic(cells.map((cell) => String(cell).padStart(12)).join(""));
  row("", "before", "at most", "after");
  row("memory, MiB", ...[before, height, after].map(({ memory }) => memory.toFixed(1)));
  row("allocated", before.allocated.toFixed(2), "", after.allocated.toFixed(2));
  row("descriptors", ...[before, height, after].map((at) => at.descriptors));
  row("p99, ms", calmP99.toFixed(1), p99.toFixed(1), "");
  t.diagnostic(`${cutOff} readers were cut off`);
});
