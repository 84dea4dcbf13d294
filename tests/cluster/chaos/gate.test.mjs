// In front of a server: each gateway is let through, or not, by itself.

import assert from "node:assert/strict";
import net from "node:net";
import { test } from "node:test";
import { onEnd } from "../../lib/cleanup.mjs";
import { Redis } from "../../lib/redis.mjs";
import { until, within } from "../../lib/wait.mjs";
import { Gate } from "./gate.mjs";

// What a client with this name (null: none) is told, before it is cut off or when it has been told `enough`.
function ask(t, gate, user, enough) {
  const socket = net.connect({ port: gate.port, host: "127.0.0.1" });
  onEnd(t, () => socket.destroy());
  const login = user === null ? "" : `*3\r\n$4\r\nAUTH\r\n$${user.length}\r\n${user}\r\n$3\r\nany\r\n`;
  socket.write(`${login}*1\r\n$4\r\nPING\r\n`);
  let told = "";
  const answer = new Promise((resolve) => {
    socket.on("error", () => {}); // told by close
    socket.on("close", () => resolve(told));
    socket.on("data", (bytes) => {
      told += bytes;
      if (told.includes(enough)) resolve(told);
    });
  });
  return within(answer, () => `an answer, so far ${told}`);
}

async function start(t) {
  const users = ["gateway-0", "gateway-1"];
  const config = users.flatMap((user) => ["--user", user, "on", "nopass", "+@all"]);
  const redis = await Redis.start(t, { config });
  return { redis, gate: await Gate.start(t, redis) };
}

test("one gateway is kept out, or answered with an error, and others are not", async (t) => {
  const { gate } = await start(t);
  for (const user of ["gateway-0", "gateway-1"]) assert.equal(await ask(t, gate, user, "PONG"), "+OK\r\n+PONG\r\n");
  gate.proxyOf("gateway-0").refuse();
  assert.equal(await ask(t, gate, "gateway-0", "PONG"), "");
  assert.equal(await ask(t, gate, "gateway-1", "PONG"), "+OK\r\n+PONG\r\n");
  gate.proxyOf("gateway-0").pass();
  gate.proxyOf("gateway-0").answer((name) => (name === "PING" ? "CLUSTERDOWN" : null));
  assert.equal(await ask(t, gate, "gateway-0", "DOWN\r\n"), "+OK\r\n-CLUSTERDOWN\r\n");
  assert.equal(await ask(t, gate, "gateway-1", "PONG"), "+OK\r\n+PONG\r\n");
});

test("what was stalled as it came goes on", async (t) => {
  const { gate } = await start(t);
  gate.proxyOf("gateway-0").stall();
  let told = null;
  const answer = ask(t, gate, "gateway-0", "PONG").then((text) => (told = text));
  assert.equal(await ask(t, gate, "gateway-1", "PONG"), "+OK\r\n+PONG\r\n");
  assert.equal(told, null);
  gate.proxyOf("gateway-0").pass();
  assert.equal(await answer, "+OK\r\n+PONG\r\n");
});

test("all gateways are kept out, and a replica is not", async (t) => {
  const { redis, gate } = await start(t);
  await ask(t, gate, "gateway-0", "PONG");
  gate.cut();
  assert.equal(await ask(t, gate, "gateway-0", "PONG"), "");
  assert.equal(await ask(t, gate, null, "PONG"), "+PONG\r\n");
  await redis.command("SET", "key", "kept");
  const config = ["--replicaof", "127.0.0.1", String(gate.port), "--repl-diskless-sync-delay", "0"];
  const replica = await Redis.start(t, { config });
  await until(
    async () => (await replica.command("GET", "key")) === "kept",
    () => `waiting for the replica\n${replica.program.stdout}`,
  );
  gate.leadTo();
  assert.equal(await ask(t, gate, "gateway-0", "PONG"), "+OK\r\n+PONG\r\n");
});
