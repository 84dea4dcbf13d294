// A Redis that cannot serve, or might lose riders: said in one line, at the start and while it is in use, and /readyz
// tells the truth.

import assert from "node:assert/strict";
import { test } from "node:test";
import { becomes } from "../lib/cluster.mjs";
import { FakeRedis } from "../lib/fake-redis.mjs";
import { freePort } from "../lib/port.mjs";
import { RedisCluster } from "../lib/redis-cluster.mjs";
import { Redis } from "../lib/redis.mjs";
import { startGateway } from "../lib/server.mjs";
import { until } from "../lib/wait.mjs";

const CLUSTER_BUS = 10_000; // a node of a Redis Cluster listens on the port so much further up as well

const says = (gateway, text) =>
  until(
    () => gateway.program.stderr.includes(text),
    () => `waiting for "${text}" in\n${gateway.program.stderr}`,
  );

const times = (gateway, text) => gateway.program.stderr.split(text).length - 1;

const start = (t, redis) => startGateway(t, { broker: redis.url, nodeLease: 1000 });

for (const [what, config, text] of [
  ["a replica", ["--replicaof", "127.0.0.1", "1"], "it is a replica; give its primary, or redis+sentinel://"],
  ["a node of a Redis Cluster", ["--cluster-enabled", "yes"], "it is a node of a Redis Cluster; give redis+cluster://, with some of its nodes"],
  ["without EVALSHA", ["--rename-command", "EVALSHA", ""], "it runs no scripts: ERR unknown command"],
])
  test(`${what}: the gateway says so once and is not ready`, async (t) => {
    const redis = await Redis.start(t, { port: await freePort({ further: CLUSTER_BUS }), config });
    const gateway = await start(t, redis);
    await says(gateway, text);
    await becomes(t, gateway, 503);
    const connections = async () => Number((await redis.command("INFO", "stats")).match(/total_connections_received:(\d+)/)[1]);
    const before = await connections();
    await until(
      async () => (await connections()) > before + 10, // half of them are this test's own
      () => "waiting for more attempts",
    );
    await becomes(t, gateway, 503);
    assert.equal(times(gateway, text), 1);
    assert.equal(times(gateway, "connected to Redis"), 0);
  });

test("one that words each refusal anew does not fill the log", async (t) => {
  const fake = await FakeRedis.start(t, (number) => `-ERR I refuse for the ${number}th time\r\n`);
  const gateway = await startGateway(t, { broker: `redis://127.0.0.1:${fake.port}` });
  await until(
    () => fake.givenUp >= 12,
    () => `waiting for more attempts than ${fake.givenUp}\n${gateway.program.stderr}`,
  );
  assert.equal(times(gateway, "I refuse for the"), 5);
});

test("a primary that becomes a replica, and back", async (t) => {
  const redis = await Redis.start(t);
  const gateway = await start(t, redis);
  await becomes(t, gateway, 200);
  await redis.command("REPLICAOF", "127.0.0.1", "1");
  await becomes(t, gateway, 503);
  await says(gateway, "it is a replica;");
  await redis.command("REPLICAOF", "NO", "ONE");
  await becomes(t, gateway, 200);
});

test("scripts that are forbidden while it runs, and allowed again", async (t) => {
  const redis = await Redis.start(t);
  const gateway = await start(t, redis);
  await becomes(t, gateway, 200);
  await redis.command("ACL", "SETUSER", "default", "-evalsha");
  await becomes(t, gateway, 503);
  await says(gateway, "it runs no scripts: NOPERM");
  await redis.command("ACL", "SETUSER", "default", "+evalsha");
  await becomes(t, gateway, 200);
});

const OTHER = "what is there has ridecast's layout 3, this gateway's is 2; update all gateways, or give another --prefix";
const OLDER =
  "what is there was written by an older ridecast; stop its gateways and delete their keys, or give another --prefix";

for (const [what, keys, text] of [
  ["of another layout", { layout: "3" }, OTHER],
  ["of an older ridecast, which named no layout", { secret: "x".repeat(32) }, OLDER],
])
  test(`data ${what}: the gateway says so once and touches nothing`, async (t) => {
    const redis = await Redis.start(t);
    for (const [key, value] of Object.entries(keys)) await redis.command("SET", `ridecast:${key}`, value);
    const gateway = await start(t, redis);
    await says(gateway, text);
    await becomes(t, gateway, 503);
    const left = () => redis.command("KEYS", "*");
    assert.deepEqual(await left(), Object.keys(keys).map((key) => `ridecast:${key}`));
    await redis.command("SET", "ridecast:layout", "2");
    await becomes(t, gateway, 200);
    assert.equal(times(gateway, text), 1);
  });

test("a layout that is another one while it runs, and one that is deleted", async (t) => {
  const redis = await Redis.start(t);
  const gateway = await start(t, redis);
  await becomes(t, gateway, 200);
  await redis.command("SET", "ridecast:layout", "3");
  await redis.command("CLIENT", "KILL", "TYPE", "normal"); // it connects anew, and looks again
  await becomes(t, gateway, 503);
  await says(gateway, OTHER);
  await redis.command("DEL", "ridecast:layout"); // there is a secret, but it has been up before
  await becomes(t, gateway, 200);
  await until(
    async () => (await redis.command("GET", "ridecast:layout")) === "2",
    () => "waiting for the layout to be named again",
  );
  assert.equal(times(gateway, OLDER), 0);
});

test("a Redis that may evict, or that keeps nothing, is used and complained of once", async (t) => {
  const redis = await Redis.start(t, { config: ["--maxmemory", "50mb", "--maxmemory-policy", "allkeys-lru", "--appendonly", "no"] });
  const gateway = await start(t, redis);
  await becomes(t, gateway, 200);
  await says(gateway, "set its maxmemory-policy to noeviction");
  await says(gateway, "Redis writes nothing to disk");
  await redis.command("CLIENT", "KILL", "TYPE", "normal"); // it connects anew, and looks again
  await until(
    () => times(gateway, "connected to Redis") === 2,
    () => `waiting for the second connection\n${gateway.program.stderr}`,
  );
  assert.equal(times(gateway, "noeviction"), 1);
  assert.equal(times(gateway, "to disk"), 1);
});

test("one that does not let itself be asked is used all the same", async (t) => {
  const redis = await Redis.start(t, { config: ["--rename-command", "INFO", "", "--rename-command", "CONFIG", ""] });
  const gateway = await start(t, redis);
  await becomes(t, gateway, 200);
});

test("a Redis Cluster with another layout, as one Redis left it that is a part of it now", async (t) => {
  const redis = await RedisCluster.start(t, { replicas: 0 });
  const keeper = await redis.ownerOf(await redis.slotOf("ridecast:layout"));
  await keeper.command("SET", "ridecast:layout", "3");
  const gateway = await startGateway(t, { broker: redis.url });
  await until(
    () => gateway.program.stderr.includes(OTHER),
    () => `waiting for a line about that: ${gateway.program.stderr}`,
  );
  await keeper.command("DEL", "ridecast:layout");
  await until(
    async () => (await keeper.command("GET", "ridecast:layout")) === "2",
    () => "waiting for the layout to be named",
  );
});
