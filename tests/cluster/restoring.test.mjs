// What a gateway puts back into an emptied Redis.

import assert from "node:assert/strict";
import { test } from "node:test";
import { becomes } from "../lib/cluster.mjs";
import { Redis } from "../lib/redis.mjs";
import { Rider, user } from "../lib/rider.mjs";
import { startGateway } from "../lib/server.mjs";
import { until } from "../lib/wait.mjs";
import { Proxy } from "./chaos/proxy.mjs";

// Nobody holds the rider, and there are as many aboard as there should be.
test("another record of a suspended rider is told by every gateway", async (t) => {
  const redis = await Redis.start(t);
  const broker = `redis://127.0.0.1:${redis.port}`;
  const gateways = [await startGateway(t, { broker }), await startGateway(t, { broker })];
  for (const gateway of gateways) await becomes(t, gateway, 200);
  const watchers = [await Rider.join(t, gateways[0]), await Rider.join(t, gateways[1])];
  const rider = await Rider.join(t, gateways[0]);

  rider.say(user("u", "boarding", { seat: 2 }));
  for (const watcher of watchers) await watcher.hears("userBoarded", user("u", "boarding", { seat: 2 }));
  rider.client.tcp.destroy();
  await until(
    async () => (await redis.command("ZCARD", "ridecast:{/}:away")) === 1,
    () => "waiting for the suspension",
  );
  await redis.command("HSET", "ridecast:{/}:users", "u", JSON.stringify(user("u", "boarding", { seat: 1 })));
  for (const watcher of watchers) {
    const [event, record] = await watcher.event();
    assert.deepEqual([event, record], ["userBoarded", user("u", "boarding", { seat: 1 })]);
  }
});

// Told in one go that its lease is back and that the rider has boarded with another record, the gateway must put back
// that one: Redis has lost both.
test("a rider is not restored with a record that an unanswered boarding has replaced", async (t) => {
  const redis = await Redis.start(t);
  const proxy = await Proxy.start(t, redis.port);
  const gateway = await startGateway(t, { broker: `redis://127.0.0.1:${proxy.port}`, nodeLease: 3000 });
  await becomes(t, gateway, 200);
  const rider = await Rider.join(t, gateway);
  const users = async () => Object.values(await redis.hash("ridecast:{/}:users")).map((record) => JSON.parse(record).seat);

  rider.say(user("u", "boarding", { seat: 1 }));
  await rider.event();
  const [node] = await redis.command("SMEMBERS", "ridecast:nodes");
  await redis.command("DEL", `ridecast:node:${node}`);
  await until(
    () => /the lease of this node was gone/.test(gateway.program.stderr),
    () => "waiting for the lease to be missed",
  );
  proxy.deafen();
  await redis.command("DEL", "ridecast:nodes");
  await until(
    async () => (await redis.command("SCARD", "ridecast:nodes")) === 1,
    () => "waiting for the beat that renews the lease",
  );
  rider.say(user("u", "boarding", { seat: 2 }));
  await until(
    async () => (await users())[0] === 2,
    () => "waiting for the second boarding",
  );
  await redis.command("FLUSHALL");
  proxy.pass();
  await until(
    async () => (await users()).length === 1,
    () => "waiting for the restoration",
  );
  assert.deepEqual(await users(), [2]);
});

// One gateway has it under way, and Redis has done it; another one has heard that, whose client is aboard as the same
// person. Then Redis loses it.
test("a boarding that another gateway has put back is not told again when its own sends it again", async (t) => {
  const redis = await Redis.start(t);
  const proxy = await Proxy.start(t, redis.port);
  const gateways = [];
  for (const { port } of [proxy, redis]) gateways.push(await startGateway(t, { broker: `redis://127.0.0.1:${port}` }));
  for (const gateway of gateways) await becomes(t, gateway, 200);
  const [rider, other] = [await Rider.join(t, gateways[0]), await Rider.join(t, gateways[1])];
  const [before, after] = [user("u", "boarding", { seat: 1 }), user("u", "boarding", { seat: 2 })];

  other.say(before);
  for (const listener of [rider, other]) await listener.hears("userBoarded", before);
  proxy.deafen();
  rider.say(after);
  await other.hears("userBoarded", after);
  proxy.refuse();
  await redis.command("FLUSHALL");
  await until(
    async () => JSON.stringify(after) === (await redis.hash("ridecast:{/}:users")).u,
    () => "waiting for the restoration",
  );
  proxy.pass();
  await rider.hears("userBoarded", after);
  rider.say(user("v")); // behind what is sent again
  for (const listener of [rider, other]) await listener.hears("userBoarded", user("v"));
});
