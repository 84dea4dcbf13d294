// /api/cluster: every gateway describes itself, and any of them tells about all.

import assert from "node:assert/strict";
import { test } from "node:test";
import { startCluster } from "../lib/cluster.mjs";
import { request } from "../lib/http.mjs";
import { Client } from "../lib/official.mjs";
import { boardings } from "../lib/recovery.mjs";
import { startGateway } from "../lib/server.mjs";
import { until } from "../lib/wait.mjs";
import { WebSocketClient } from "../lib/websocket.mjs";

async function overview(t, server) {
  const { status, headers, body } = await request(t, server, { path: "/api/cluster" });
  assert.match(headers["content-type"], /^application\/json/);
  return { status, ...JSON.parse(body) };
}

const nodes = ({ gateways }) => gateways.map(({ node }) => node).sort();

// Waits until what is told fulfils the condition.
async function told(t, server, condition) {
  let latest;
  await until(
    async () => {
      latest = await overview(t, server);
      return latest.status === 200 && condition(latest);
    },
    () => JSON.stringify(latest),
  );
  return latest;
}

async function cluster(t, options) {
  const world = await startCluster(t, { size: 1, nodeId: "a", nodeLease: 500, ...options });
  const b = await startGateway(t, { broker: world.redis.url, nodeId: "b", nodeLease: 500, ...options });
  await told(t, world.a, (all) => all.totals.gateways === 2);
  return { ...world, b };
}

test("any gateway tells about all: who is connected and aboard, and how fast events go out", async (t) => {
  const { a, b } = await cluster(t);
  const riders = [await Client.connect(t, a, "polling only"), await Client.connect(t, b, "WebSocket only")];
  await WebSocketClient.open(t, b, "/ws");
  await boardings(riders[0], "one", 10);
  await boardings(riders[1], "two", 10);
  for (const server of [a, b]) {
    const { gateways, totals } = await told(t, server, (all) => all.totals.riders === 2 && all.totals.events === 40);
    assert.deepEqual(nodes({ gateways }), ["a", "b"]);
    assert.equal(totals.clients, 3);
    assert.equal(totals.deliveries, 60);
    assert.equal(totals.connections, gateways[0].connections + gateways[1].connections);
    const [one, two] = gateways.sort((x, y) => x.node.localeCompare(y.node));
    assert.deepEqual([one.polling, one.websocket, one.plain], [1, 0, 0]);
    assert.deepEqual([two.polling, two.websocket, two.plain], [0, 1, 1]);
    for (const gateway of gateways) {
      assert.equal(gateway.state, "ready");
      assert.equal(gateway.version, "0.1.0");
      assert.deepEqual([gateway.riders, gateway.rides, gateway.events], [1, 1, 20]);
      assert.ok(gateway.deliveryP50 > 0 && gateway.deliveryP99 >= gateway.deliveryP50);
      assert.ok(gateway.lagP99 > 0 && gateway.memory > 1e6 && gateway.uptime >= 0);
    }
  }
});

test("a gateway that is killed is told of no longer", async (t) => {
  const { a, b } = await cluster(t);
  await a.kill();
  await told(t, b, (all) => nodes(all).join() === "b" && all.totals.gateways === 1);
});

test("a gateway that drains says so, and is told of no longer when it has ended", async (t) => {
  const { a, b } = await cluster(t, { drainTimeout: 600_000 });
  const client = await Client.connect(t, a, "WebSocket only");
  a.program.child.kill("SIGTERM");
  await told(t, b, ({ gateways }) => gateways.some(({ node, state }) => node === "a" && state === "draining"));
  client.socket.disconnect();
  await told(t, b, (all) => nodes(all).join() === "b");
});

test("without Redis the answer is 503, and many who ask at once are answered alike", async (t) => {
  const { a, redis } = await cluster(t);
  const many = await Promise.all(Array.from({ length: 50 }, () => overview(t, a)));
  for (const one of many) assert.deepEqual([one.status, one.totals.gateways], [200, 2]);
  await redis.stop();
  await until(
    async () => (await overview(t, a)).status === 503,
    () => "waiting for 503",
  );
  assert.match((await overview(t, a)).error, /cannot be reached/);
});

for (const [what, value] of Object.entries({
  "no JSON": "{",
  "no object": "[1]",
  "too large": `{"node":"${"x".repeat(4096 - '{"node":""}'.length + 1)}"}`,
  "too deep": `${'{"a":'.repeat(20)}1${"}".repeat(20)}`,
  "not UTF-8": Buffer.from([0x7b, 0xff, 0x7d]),
}))
  test(`what another put into Redis and is ${what} is left out`, async (t) => {
    const { a, redis } = await cluster(t);
    await redis.command("SADD", "ridecast:nodes", "other", "right");
    await redis.command("SET", "ridecast:node:other", value);
    await redis.command("SET", "ridecast:node:right", '{"node":"right"}');
    assert.deepEqual(nodes(await told(t, a, (all) => nodes(all).includes("right"))), ["a", "b", "right"]);
  });

test("the largest that a gateway may say of itself is told", async (t) => {
  const { a, redis } = await cluster(t);
  const node = "x".repeat(4096 - '{"node":""}'.length);
  await redis.command("SADD", "ridecast:nodes", "other");
  await redis.command("SET", "ridecast:node:other", JSON.stringify({ node }));
  await told(t, a, (all) => nodes(all).includes(node));
});

// What Redis has sent to anybody since it was started, in bytes, and how often it was asked for the names of the nodes.
async function redisTraffic(redis) {
  const [stats, commands] = [await redis.command("INFO", "stats"), await redis.command("INFO", "commandstats")];
  return {
    sent: Number(stats.match(/total_net_output_bytes:(\d+)/)[1]),
    surveys: Number(commands.match(/cmdstat_srandmember:calls=(\d+)/)?.[1] ?? 0),
  };
}

test("what is far too large is not even fetched", async (t) => {
  const { a, redis } = await cluster(t);
  await redis.command("SADD", "ridecast:nodes", "other", "right");
  await redis.command("SET", "ridecast:node:other", `{"node":"${"x".repeat(8 << 20)}"}`);
  await redis.command("SET", "ridecast:node:right", '{"node":"right"}');
  const before = await redisTraffic(redis);
  await told(t, a, (all) => nodes(all).includes("right"));
  assert.ok((await redisTraffic(redis)).sent - before.sent < 1 << 20);
});

test("a thousand gateways are told of, and the log says that there are more", async (t) => {
  const { a, redis } = await cluster(t);
  const names = Array.from({ length: 1500 }, (_, i) => `n${i}`);
  await redis.command("MSET", ...names.flatMap((node) => [`ridecast:node:${node}`, JSON.stringify({ node })]));
  await redis.command("SADD", "ridecast:nodes", ...names);
  const { totals, gateways } = await told(t, a, (all) => all.totals.gateways > 2);
  assert.equal(totals.gateways, 1024);
  assert.equal(new Set(nodes({ gateways })).size, 1024);
  await until(
    () => /more than 1024 gateways are listed/.test(a.program.stderr),
    () => a.program.stderr,
  );
});

test("who asks in a loop costs Redis nothing", async (t) => {
  const { a, redis } = await cluster(t);
  const before = await redisTraffic(redis);
  const began = performance.now();
  for (let i = 0; i < 200; i++) assert.equal((await overview(t, a)).totals.gateways, 2);
  const seconds = (performance.now() - began) / 1000;
  // Two at once, one a second, and those of the other gateway, which looks by itself.
  assert.ok((await redisTraffic(redis)).surveys - before.surveys <= 2 + seconds + seconds / 5);
});

test("numbers that are none count nothing", async (t) => {
  const { a, redis } = await cluster(t);
  await redis.command("SADD", "ridecast:nodes", "other");
  await redis.command("SET", "ridecast:node:other", '{"node":"other","clients":"7","riders":-1,"events":1e99,"connections":99999999999999999999}');
  const { gateways, totals } = await told(t, a, (all) => nodes(all).includes("other"));
  assert.deepEqual(nodes({ gateways }), ["a", "b", "other"]);
  assert.deepEqual([totals.gateways, totals.clients, totals.riders, totals.events], [3, 0, 0, 0]);
  assert.ok(totals.connections < 100);
});

test("in memory a gateway tells about itself", async (t) => {
  const server = await startGateway(t);
  const { totals } = await told(t, server, ({ gateways }) => gateways[0]?.state === "ready");
  assert.deepEqual([totals.gateways, totals.clients], [1, 0]);
});
