// What the operating system refuses: descriptors, memory, room for the log. The gateway says so, those who are there
// notice nothing, and it recovers by itself.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { get, post, readResponse } from "../lib/http.mjs";
import { gauge } from "../lib/metrics.mjs";
import { Onlooker } from "../lib/onlooker.mjs";
import { built } from "../lib/places.mjs";
import { Polling } from "../lib/polling.mjs";
import { startProgram } from "../lib/process.mjs";
import { isSanitized } from "../lib/sanitized.mjs";
import { startGateway } from "../lib/server.mjs";
import { TcpClient } from "../lib/tcp.mjs";
import { until } from "../lib/wait.mjs";

const ACCEPT_PAUSE_MS = 50;

const limit = ({ program }, what, value) =>
  execFileSync("prlimit", ["--pid", String(program.child.pid), `--${what}=${value}:`]);

// Asks over a connection that was there before.
async function ask(tcp, path) {
  tcp.send(get(path));
  return readResponse(tcp);
}

async function askGauge(tcp, name) {
  const { body } = await ask(tcp, "/metrics");
  return Number(body.split("\n").find((line) => line.startsWith(`${name} `)).split(" ").at(-1));
}

const ACCEPT = 'ridecast_refused_total{reason="accept"}';

test("descriptors are used up", async (t) => {
  const server = await startGateway(t, { transitionsPerSecond: 0 });
  const onlooker = await Onlooker.start(t, server);
  const operator = await TcpClient.connect(t, server.port);
  assert.equal((await ask(operator, "/readyz")).status, 200);

  const enough = await askGauge(operator, "process_max_fds");
  limit(server, "nofile", 10); // fewer than are open
  const begun = performance.now();
  const waiting = [];
  for (let i = 0; i < 20; i++) {
    waiting.push(await TcpClient.connect(t, server.port));
    waiting[i].send(get("/healthz"));
  }
  let refused;
  await until(async () => (refused = await askGauge(operator, ACCEPT)) >= 5, () => `waiting for ${ACCEPT} (${refused})`);
  const attempts = (performance.now() - begun) / ACCEPT_PAUSE_MS;
  assert.ok(refused <= attempts + 2, `${refused} attempts in the time for ${attempts}: it spins`);
  const ready = await ask(operator, "/readyz");
  assert.deepEqual([ready.status, ready.body], [503, "not ready: descriptors or memory are used up\n"]);
  const p99 = await onlooker.p99();
  assert.equal(server.program.stderr.match(/descriptors or memory are used up/g)?.length, 1);

  limit(server, "nofile", enough);
  for (const tcp of waiting) assert.equal((await readResponse(tcp)).status, 200);
  assert.equal((await ask(operator, "/readyz")).status, 200);
  await onlooker.stop();
  t.diagnostic(`onlooker's p99 ${p99.toFixed(1)} ms; ${refused} attempts to accept in the time for ${attempts.toFixed(0)}`);
});

// Two to each: without one, a connection that is lost does not come back until a client leaves.
test("clients leave enough descriptors for a Redis Cluster of a hundred primaries", async (t) => {
  const maxConnections = 50;
  const server = await startGateway(t, { maxConnections });
  const operator = await TcpClient.connect(t, server.port);
  const most = await askGauge(operator, "process_max_fds");
  const used = await askGauge(operator, "process_open_fds");
  assert.ok(most - maxConnections - used > 200, `${most} descriptors, ${used} of them in use`);
});

const addressSpace = ({ program }) =>
  Number(readFileSync(`/proc/${program.child.pid}/status`, "utf8").match(/VmSize:\s+(\d+)/)[1]) * 1024;

test("memory is refused", async (t) => {
  const MIB = 2 ** 20;
  // Sanitizers have their own address space and their own way to refuse: what is larger than a MiB.
  const env = { ASAN_OPTIONS: "max_allocation_size_mb=1:allocator_may_return_null=1" };
  const server = await startGateway(t, { maxPayload: 8 * MIB, transitionsPerSecond: 0, env });
  const onlooker = await Onlooker.start(t, server);
  const session = await Polling.open(t, server);
  const sanitized = isSanitized(server);
  if (!sanitized) limit(server, "as", addressSpace(server) + MIB);

  const large = `4${"x".repeat(6 * MIB)}`;
  const greedy = await TcpClient.connect(t, server.port);
  greedy.send(post(session.path, large));
  assert.equal((await readResponse(greedy)).status, 503);
  const p99 = await onlooker.p99();
  t.diagnostic(`onlooker's p99 ${p99.toFixed(1)} ms`);
  const other = await Polling.open(t, server);
  await other.send("3");

  if (!sanitized) {
    limit(server, "as", "unlimited");
    await other.send(large);
  }
  await onlooker.stop();
});

const LOST = "ridecast_log_lost_total";

test("nobody reads the log", async (t) => {
  const server = await startGateway(t, {
    logLevel: "debug",
    handshakesPerAddress: 0,
    maxConnectionsPerAddress: 0,
    transitionsPerSecond: 0,
  });
  const onlooker = await Onlooker.start(t, server);
  server.program.child.stderr.pause();
  await until(
    async () => {
      for (let i = 0; i < 100; i++) await Polling.open(t, server); // a line each
      return (await gauge(t, server, LOST)) > 0;
    },
    () => `waiting for ${LOST}`,
  );
  const p99 = await onlooker.p99();
  t.diagnostic(`onlooker's p99 ${p99.toFixed(1)} ms`);
  server.program.child.stderr.resume();
  await until(
    async () => (await Polling.open(t, server), /\d+ lines before this could not be written/.test(server.program.stderr)),
    () => "waiting for the log to say what it lost",
  );
  await onlooker.stop();
});

test("the log's disk is full", async (t) => {
  const gateway = built("gateway/ridecast-gateway");
  const args = ["-c", 'exec "$@" 2> /dev/full', "sh", gateway, "--listen", "127.0.0.1:0", "--log-level", "debug"];
  const program = startProgram(t, "/bin/sh", args);
  const [, port] = await program.printed(/^listening on .*:(\d+)$/m);
  const server = { program, port: Number(port), enginePath: "/socket.io/" };
  const onlooker = await Onlooker.start(t, server);
  assert.ok((await gauge(t, server, LOST)) > 0);
  await onlooker.p99();
  await onlooker.stop();
  await program.stop();
});
