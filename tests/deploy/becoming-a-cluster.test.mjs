// From one Redis to a cluster with everybody aboard, as docs/operations.md says.

import assert from "node:assert/strict";
import path from "node:path";
import { test } from "node:test";
import { becomes, startCluster } from "../lib/cluster.mjs";
import { request } from "../lib/http.mjs";
import { Client } from "../lib/official.mjs";
import { ROOT } from "../lib/places.mjs";
import { freePort } from "../lib/port.mjs";
import { startProgram } from "../lib/process.mjs";
import { assertUnbroken, told } from "../lib/recovery.mjs";
import { Redis } from "../lib/redis.mjs";
import { Relay } from "../lib/relay.mjs";
import { user } from "../lib/rider.mjs";
import { UNLIMITED, startGateway } from "../lib/server.mjs";
import { sleep, until } from "../lib/wait.mjs";

const CLUSTER = "--cluster-enabled yes --cluster-require-full-coverage no --cluster-node-timeout 2000 --repl-diskless-sync-delay 0";
const GONE = "/line-99"; // whose rider does not come back
const RIDES = Array.from({ length: 12 }, (_, i) => `/line-${i}`);

const startRedis = async (t, config = []) => Redis.start(t, { port: await freePort({ further: 10_000 }), config });

async function usersOf(t, gateway, ride) {
  const { status, body } = await request(t, gateway, { path: `/api/users?ride=${ride}` });
  return status === 200 ? JSON.parse(body).users.map(({ id }) => id) : null;
}

test("one Redis becomes a cluster while riders are aboard, and nobody hears of it", async (t) => {
  const redis = await startRedis(t);
  const old = await startCluster(t, { redis, drainTimeout: 200 });
  const relays = [await Relay.start(t, old.a), await Relay.start(t, old.b)];
  const riders = await Promise.all(RIDES.map((ride) => Client.connect(t, relays[0], "WebSocket only", { ride })));
  const watchers = await Promise.all(RIDES.map((ride) => Client.connect(t, relays[1], "WebSocket only", { ride })));
  for (const [i, rider] of riders.entries()) assert.equal((await rider.ask(user(`rider ${i}`))).ok, true);

  const gone = await Client.connect(t, old.a, "WebSocket only", { ride: GONE });
  gone.socket.io.reconnection(false);
  assert.equal((await gone.ask(user("gone"))).ok, true);

  // The other nodes, and gateways that wait for a cluster.
  const nodes = [redis];
  while (nodes.length < 6) nodes.push(await startRedis(t, CLUSTER.split(" ")));
  const broker = `redis+cluster://${nodes.map(({ port }) => `127.0.0.1:${port}`).join(",")}`;
  const options = { broker, nodeLease: 1000, recoveryWindow: 5000, ...UNLIMITED };
  const gateways = [await startGateway(t, options), await startGateway(t, options)];

  await redis.stop();
  redis.config = CLUSTER.split(" ");
  await redis.run();
  const joining = startProgram(t, path.join(ROOT, "deploy/redis-cluster.sh"), nodes.map(({ port }) => `127.0.0.1:${port}`));
  for (const gateway of gateways) await becomes(t, gateway, 200);
  relays.forEach((relay, i) => relay.leadTo(gateways[i]));
  for (const gateway of old.gateways) await gateway.stop();
  for (const client of [...riders, ...watchers]) await client.back();
  for (const client of [...riders, ...watchers]) assert.equal(client.socket.recovered, true);

  // While slots move everybody boards again and again.
  let rounds = 0;
  for (; !joining.exit; rounds++) {
    for (const [i, rider] of riders.entries())
      assert.equal((await rider.ask(user(`rider ${i}`, "boarding", { rounds }))).ok, true);
    await sleep(20); // the slots are to move, too
  }
  assert.equal(joining.exit.code, 0, joining.stdout + joining.stderr);
  assert.ok(rounds > 0);
  const owners = (await redis.command("CLUSTER", "NODES")).match(/ connected \d/g);
  assert.equal(owners.length, 3);

  for (const [i, ride] of RIDES.entries()) {
    const { events } = watchers[i];
    await until(
      () => events.length >= rounds + 1,
      () => `${rounds + 1} events on ${ride}, so far ${events.length}`,
    );
    assert.deepEqual(told(events), Array.from({ length: rounds + 1 }, () => ["userBoarded", `rider ${i}`]));
    assertUnbroken(events);
    for (const gateway of gateways) assert.deepEqual(await usersOf(t, gateway, ride), [`rider ${i}`]);
  }
  // What was noted by the names of one Redis is found, too: nobody has asked for that ride here.
  const others = nodes.slice(0, 3);
  await until(
    async () => (await Promise.all(others.map((node) => node.command("KEYS", `ridecast:{${GONE}}:users`)))).flat().length === 0,
    () => `waiting for the rider on ${GONE} to leave`,
  );
  const left = (await Promise.all(others.map((node) => node.command("KEYS", "ridecast:node*")))).flat();
  assert.deepEqual(left, []);
});
