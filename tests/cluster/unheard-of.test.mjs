// Rides on which nothing has happened: whoever asks about them or joins them leaves nothing in Redis, and hears all that
// happens from then on.

import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import http from "node:http";
import { test } from "node:test";
import { startCluster } from "../lib/cluster.mjs";
import { Client } from "../lib/official.mjs";
import { assertRecovered } from "../lib/recovery.mjs";
import { Rider, user } from "../lib/rider.mjs";
import { join } from "../lib/socketio.mjs";
import { UNLIMITED } from "../lib/server.mjs";
import { openEngine } from "../lib/websocket.mjs";

const randomRide = () => `/${randomBytes(12).toString("hex")}`;

async function ask(agent, { port }, ride) {
  const request = http.get({ port, host: "127.0.0.1", path: `/api/users?ride=${ride}`, agent });
  const [response] = await new Promise((resolve, reject) =>
    request.on("response", (...args) => resolve(args)).on("error", reject),
  );
  let body = "";
  for await (const part of response) body += part;
  assert.equal(response.statusCode, 200);
  assert.deepEqual(JSON.parse(body).users, []);
}

async function askAboutMany(server, count) {
  const agent = new http.Agent({ keepAlive: true, maxSockets: 50 });
  await Promise.all(Array.from({ length: count }, () => ask(agent, server, randomRide())));
  agent.destroy();
}

async function keysOfRides(redis) {
  return (await redis.command("KEYS", "ridecast:{*")).sort();
}

test("10,000 rides that are asked about, and 1,000 that are joined, leave no key in Redis", async (t) => {
  const { a, redis } = await startCluster(t, UNLIMITED);
  await askAboutMany(a, 10_000);
  for (let i = 0; i < 20; i++) {
    const engine = await openEngine(t, a);
    for (let j = 0; j < 50; j++) await join(engine, randomRide());
  }
  assert.deepEqual(await keysOfRides(redis), []);
});

test("the first event is told to all who joined before it, and who comes back elsewhere has missed nothing", async (t) => {
  const { a, b } = await startCluster(t, UNLIMITED);
  const ride = randomRide();
  const listener = await Rider.join(t, a, ride);
  const other = await Client.connect(t, a, "WebSocket only", { ride });
  const boards = await Client.connect(t, b, "WebSocket only", { ride });
  listener.client.tcp.destroy();
  boards.say(user("u"));
  for (const client of [other, boards]) {
    const [event] = await client.heard(1);
    assert.match(event.offset, /^1\.[0-9a-f]{8}-00000000$/);
  }
  const back = await Rider.join(t, b, ride, { pid: listener.pid });
  assertRecovered(back, listener);
  await back.hears("userBoarded", user("u"));
});
