// Gateways on a Redis Cluster: every ride is with the shard that has its slot, and a shard that is away takes its own
// rides along, and no others.

import assert from "node:assert/strict";
import { test } from "node:test";
import { becomes, boardTogether, startOnCluster } from "../lib/cluster.mjs";
import { request } from "../lib/http.mjs";
import { Client, MODES } from "../lib/official.mjs";
import { RedisCluster } from "../lib/redis-cluster.mjs";
import { Relay } from "../lib/relay.mjs";
import { user } from "../lib/rider.mjs";
import { startGateway } from "../lib/server.mjs";
import { until } from "../lib/wait.mjs";

const LONG = 600_000;
const SHORT = 1000;
const LEASE = 1000;

const told = ({ events }) => events.map(({ name, record }) => `${name} ${record.id}`);
const join = (t, gateway, ride, mode = "WebSocket only") => Client.connect(t, gateway, mode, { ride });

// A ride of each shard.
const ridesOf = async (redis, count = 1) =>
  (await Promise.all(redis.shards.map((shard) => redis.ridesAt(shard, count)))).flat();

const readyz = async (t, gateway) => {
  const { status, body } = await request(t, gateway, { path: "/readyz" });
  return `${status} ${body}`.trim();
};

const saysReady = (t, gateway, text) => {
  let said;
  return until(
    async () => (said = await readyz(t, gateway)) === text,
    () => `waiting for "${text}", not "${said}"`,
  );
};

const addressOf = ({ clientPort }) => `127.0.0.1:${clientPort}`;

// That of the shard that keeps the secret comes last.
async function shardsByTrust(redis) {
  const keeper = await redis.ownerOf(await redis.nodes[0].command("CLUSTER", "KEYSLOT", "ridecast:secret"));
  return [...redis.shards].sort((a, b) => a.nodes.includes(keeper) - b.nodes.includes(keeper));
}

for (const mode of Object.keys(MODES))
  test(`${mode}: riders of all shards, at two gateways, hear everything once and in one order`, async (t) => {
    const { redis, a, b } = await startOnCluster(t);
    for (const ride of await ridesOf(redis, 2)) {
      const [one, two, onlooker] = [await join(t, a, ride, mode), await join(t, b, ride, mode), await join(t, a, ride)];
      const everybody = [one, two, onlooker];
      one.say(user("one"));
      for (const client of everybody) await client.heard(1);
      two.say(user("two"));
      for (const client of everybody) await client.heard(2);
      assert.deepEqual(Object.keys((await redis.keysOf(ride)).users).sort(), ["one", "two"]);
      assert.equal((await two.ask(user("two", "exiting"))).ok, true);
      for (const client of [one, onlooker]) await client.heard(3);
      for (const client of [one, onlooker])
        assert.deepEqual(told(client), ["userBoarded one", "userBoarded two", "userExited two"]);
      assert.deepEqual(one.events, onlooker.events);
      assert.deepEqual(Object.keys((await redis.keysOf(ride)).users), ["one"]);
    }
  });

test("a gateway that is killed leaves nobody behind on any shard", async (t) => {
  const { redis, a, b } = await startOnCluster(t, { recoveryWindow: SHORT, nodeLease: LEASE });
  const onlookers = [];
  for (const ride of await ridesOf(redis, 2)) {
    const rider = await join(t, a, ride);
    rider.socket.io.reconnection(false);
    const onlooker = await join(t, b, ride);
    rider.say(user("u"));
    await onlooker.heard(1);
    onlookers.push({ ride, onlooker });
  }
  await a.kill();
  for (const { ride, onlooker } of onlookers) {
    await onlooker.heard(2);
    assert.deepEqual(told(onlooker), ["userBoarded u", "userDisconnected u"]);
    assert.equal((await redis.keysOf(ride)).users, undefined);
  }
});

test("rides of a shard share calls, in whatever slots they are", async (t) => {
  const { redis, a } = await startOnCluster(t, { size: 1, redis: { replicas: 0, timeout: 60_000 } });
  const [shard] = redis.shards;
  const primary = await shard.primary();
  const riders = [];
  for (const ride of await redis.ridesAt(shard, 12)) riders.push(await join(t, a, ride));
  await primary.command("CONFIG", "SET", "slowlog-log-slower-than", "0", "slowlog-max-len", "10000");
  for (const answer of await boardTogether(t, a, shard, riders)) assert.equal((await answer).ok, true);
  const calls = (await primary.command("SLOWLOG", "GET", "-1")).map(([, , , args]) => args);
  assert.equal(calls.filter(([command, ...args]) => command === "EVALSHA" && args.includes("board")).length, 3);
});

const AWAYS = {
  "cannot be reached": { made: { relays: true }, away: "cut", back: "rejoin" },
  "stands still": { made: { replicas: 0, timeout: 60_000 }, away: "cut", back: "rejoin" },
};

for (const [what, { made, away, back }] of Object.entries(AWAYS))
  test(`a shard that ${what}: its rides wait for it, and those of others do not`, async (t) => {
    const { redis, a, b } = await startOnCluster(t, { redis: made });
    const [shard, ...others] = await shardsByTrust(redis);
    const [ride] = await redis.ridesAt(shard, 1);
    const rider = await join(t, a, ride);
    const onlooker = await join(t, b, ride);
    const bystanders = [];
    for (const other of others) bystanders.push(await join(t, a, (await redis.ridesAt(other, 1))[0]));
    const address = addressOf(await shard.primary());
    shard[away]();
    const answer = rider.ask(user("u"));
    let answered = false;
    answer.then(() => (answered = true));
    for (const bystander of bystanders) assert.equal((await bystander.ask(user("v"))).ok, true);
    await saysReady(t, a, `200 ready, but for rides at ${address}`);
    for (const bystander of bystanders) assert.equal((await bystander.ask(user("w"))).ok, true);
    assert.equal(answered, false);
    assert.deepEqual(told(onlooker), []);
    shard[back]();
    assert.equal((await answer).ok, true);
    await onlooker.heard(1);
    await saysReady(t, a, "200 ready");
    rider.say(user("u", "exiting"));
    await onlooker.heard(2);
    assert.deepEqual(told(onlooker), ["userBoarded u", "userExited u"]);
    assert.equal(bystanders.every(({ socket }) => socket.connected), true);
  });

// Its event is published as what nobody knows, and then the shard is away.
test("a result that waits for an event of a shard that is away keeps no lease at the others", async (t) => {
  const reworded = (text) => text.replaceAll("smessage", "smassage");
  const relays = { start: (test, server) => Relay.start(test, server, { reworded }) };
  const { redis, a } = await startOnCluster(t, { size: 1, redis: { relays }, nodeLease: LONG, drainTimeout: 0 });
  const [shard, ...others] = await shardsByTrust(redis);
  const [ride] = await redis.ridesAt(shard, 1);
  const rider = await join(t, a, ride);
  rider.say(user("u"));
  await until(
    async () => (await redis.keysOf(ride)).users,
    () => "waiting for the boarding",
  );
  const leases = async (other) => (await other.primary()).command("KEYS", "ridecast:{*}:node:*");
  for (const other of others) assert.equal((await leases(other)).length, 1);
  shard.cut();
  await saysReady(t, a, `200 ready, but for rides at ${addressOf(shard.nodes[0])}`);
  await a.program.stop();
  for (const other of others) assert.deepEqual(await leases(other), []);
});

test("where Redis is, operators are told, and clients are not", async (t) => {
  const { redis, a } = await startOnCluster(t, { size: 1, redis: { relays: true }, adminListen: "127.0.0.1:0" });
  const [, port] = a.program.stdout.match(/^operators: listening on .*:(\d+)$/m);
  const [shard] = await shardsByTrust(redis);
  shard.cut();
  await saysReady(t, { port: Number(port), enginePath: a.enginePath }, `200 ready, but for rides at ${addressOf(shard.nodes[0])}`);
  assert.equal(await readyz(t, a), "200 ready, but for some rides");
});

// The one node of the cluster says that there are others, where nobody is.
test("all servers that are away are named, many as they are", async (t) => {
  const MANY = 40;
  const absent = Array.from({ length: MANY }, (_, i) => `127.100.100.${100 + i}:1`);
  const ALL = /\$\d+\r\n(\w{40} [^\r]* )0-16383\n\r\n/;
  const reworded = (text) =>
    text.replace(ALL, (_, self) => {
      const others = absent.map((place, i) => `${String(i).padStart(40, "0")} ${place}@2 master - 0 0 9 connected ${i}\n`);
      const nodes = `${self}${MANY}-16383\n${others.join("")}`;
      return `$${nodes.length}\r\n${nodes}\r\n`;
    });
  const relays = { start: (test, server) => Relay.start(test, server, { reworded }) };
  const { a } = await startOnCluster(t, { size: 1, redis: { primaries: 1, replicas: 0, relays } });
  await saysReady(t, a, `200 ready, but for rides at ${absent.join(", ")}`);
});

test("a cluster that is down as a whole is said to be so", async (t) => {
  const config = ["--cluster-require-full-coverage", "yes"];
  const redis = await RedisCluster.start(t, { replicas: 0, config });
  const [gone, ...others] = redis.nodes;
  await gone.kill();
  for (const node of others)
    await until(
      async () => (await node.command("CLUSTER", "INFO")).includes("cluster_state:fail"),
      () => "waiting for the cluster to be down",
    );
  const gateway = await startGateway(t, { broker: redis.url });
  for (const node of others) {
    const line = `no connection to Redis at ${addressOf(node)} for commands: CLUSTERDOWN The cluster is down`;
    await until(
      () => gateway.program.stderr.includes(line),
      () => `waiting for "${line}" in ${gateway.program.stderr}`,
    );
  }
  assert.equal((await readyz(t, gateway)).slice(0, 3), "503");
});

test("the only server of a cluster is not away when its home is another", async (t) => {
  const { redis, a } = await startOnCluster(t, { size: 1, redis: { primaries: 1, replicas: 0 } });
  const [only] = redis.nodes;
  const rider = await join(t, a, "/line-7");
  assert.equal((await rider.ask(user("u"))).ok, true);
  const [nodes] = await only.command("KEYS", "ridecast:{*}:nodes");
  const [, home] = nodes.match(/\{(.*)\}/);
  const other = await redis.addShard({ replicas: 0 });
  await redis.moveSlots([await redis.slotOf(home)], other);
  const [ride] = await redis.ridesAt(other, 1);
  assert.equal((await (await join(t, a, ride)).ask(user("u"))).ok, true);
  await saysReady(t, a, "200 ready");
  assert.equal((await rider.ask(user("v"))).ok, true);
  const connections = `connected to Redis at ${addressOf(only)}`;
  assert.equal(a.program.stderr.split(connections).length - 1, 2); // once for each home
  assert.doesNotMatch(a.program.stderr, /the broker is down/);
});

test("what waits for a shard that is away takes none of the room of others", async (t) => {
  const { redis, a } = await startOnCluster(t, { size: 1, redis: { relays: true }, queueBytes: 65_536 });
  const [shard, other] = await shardsByTrust(redis);
  const rider = await join(t, a, (await redis.ridesAt(shard, 1))[0]);
  const bystander = await join(t, a, (await redis.ridesAt(other, 1))[0]);
  shard.cut();
  await saysReady(t, a, `200 ready, but for rides at ${addressOf(shard.nodes[0])}`);
  const full = { ok: false, error: "the broker is away and its queue is full; try again" };
  const waiting = [];
  const large = { more: "x".repeat(4000) };
  for (let i = 0; i < 16; i++) waiting.push(rider.ask(user("u", "boarding", large)));
  assert.deepEqual(await rider.ask(user("u", "boarding", large)), full);
  for (let i = 0; i < 16; i++) assert.equal((await bystander.ask(user("v", "boarding", large))).ok, true);
  shard.rejoin();
  const answers = await Promise.all(waiting);
  assert.equal(answers.filter(({ ok }) => ok).length > 10, true);
});

test("a ride that has moved to a shard that is away keeps the former one from nothing", async (t) => {
  const { redis, a } = await startOnCluster(t, { size: 1, redis: { relays: true }, nodeLease: LEASE, recoveryWindow: 3000 });
  const [from, to] = redis.shards;
  const [moving, staying] = await redis.ridesAt(from, 2);
  const drops = async (ride) => {
    const onlooker = await join(t, a, ride);
    const rider = await join(t, a, ride);
    rider.socket.io.reconnection(false);
    assert.equal((await rider.ask(user("u"))).ok, true);
    rider.socket.io.engine.close();
    const primary = await redis.primaryOf(ride);
    await until(
      async () => (await primary.command("ZCARD", `ridecast:{${ride}}:away`)) === 1,
      () => "waiting for the suspension",
    );
    return onlooker;
  };
  const before = await drops(moving);
  await redis.moveSlots([await redis.slotOf(moving)], to);
  to.cut();
  const onlooker = await drops(staying);
  await onlooker.heard(2);
  assert.deepEqual(told(onlooker), ["userBoarded u", "userDisconnected u"]);
  to.rejoin();
  await before.heard(2);
  assert.deepEqual(told(before), ["userBoarded u", "userDisconnected u"]);
});

test("a gateway that is started while a shard is away serves the others, and then that one", async (t) => {
  const { redis } = await startOnCluster(t, { size: 1, redis: { relays: true } });
  for (const shard of redis.shards) {
    const [ride] = await redis.ridesAt(shard, 1);
    const others = redis.shards.filter((other) => other !== shard);
    const address = addressOf(await shard.primary());
    shard.cut();
    const late = await startGateway(t, { broker: redis.url });
    await saysReady(t, late, `200 ready, but for rides at ${address}`);
    for (const other of others) {
      const client = await join(t, late, (await redis.ridesAt(other, 1))[0]);
      assert.equal((await client.ask(user("u"))).ok, true);
    }
    shard.rejoin();
    await saysReady(t, late, "200 ready");
    assert.equal((await (await join(t, late, ride)).ask(user("u"))).ok, true);
    await late.stop();
  }
});

// All candidates for a home are that server's, and the gateway goes through them more often than it gives one up.
test("a server that is lost while a gateway looks at its former homes", async (t) => {
  const redis = { primaries: 1, replicas: 0 };
  const { redis: cluster, a } = await startOnCluster(t, { size: 1, redis, nodeLease: 500 });
  const [server] = cluster.nodes;

  server.pause();
  await becomes(t, a, 503);
  server.resume();
  await becomes(t, a, 200);
});

test("the secret of recovery ids outlives the absence of the shard that keeps it", async (t) => {
  const { redis, a } = await startOnCluster(t, { size: 1, redis: { relays: true }, recoveryWindow: LONG });
  const byTrust = await shardsByTrust(redis);
  const [ride] = await redis.ridesAt(byTrust[0], 1);
  const relay = await Relay.start(t, a);
  const client = await join(t, relay, ride);
  assert.equal((await client.ask(user("u"))).ok, true);
  const { id } = client.socket;
  const primary = await byTrust[0].primary();
  await until(
    async () => (await primary.command("KEYS", "ridecast:*}:secret")).length > 0,
    () => "waiting for the copy",
  );
  byTrust.at(-1).cut();
  const late = await startGateway(t, { broker: redis.url, recoveryWindow: LONG });
  await becomes(t, late, 200);
  relay.leadTo(late);
  client.socket.io.engine.close();
  await client.back();
  assert.deepEqual([client.socket.recovered, client.socket.id], [true, id]);
});

for (const lacking of [0, 1])
  test(`the secret is found while its keeper is away and shard ${lacking} of the others has no copy`, async (t) => {
    const { redis, a } = await startOnCluster(t, { size: 1, redis: { relays: true }, recoveryWindow: LONG });
    const byTrust = await shardsByTrust(redis);
    const [ride] = await redis.ridesAt(byTrust[0], 1);
    const relay = await Relay.start(t, a);
    const client = await join(t, relay, ride);
    assert.equal((await client.ask(user("u"))).ok, true);
    const { id } = client.socket;
    const copyAt = async (shard) => {
      const primary = await shard.primary();
      return { primary, keys: await primary.command("KEYS", "ridecast:*}:secret") };
    };
    for (const shard of byTrust.slice(0, 2))
      await until(
        async () => (await copyAt(shard)).keys.length > 0,
        () => "waiting for the copies",
      );
    relay.cut();
    await a.kill();
    const { primary, keys } = await copyAt(byTrust[lacking]);
    await primary.command("DEL", ...keys);
    byTrust.at(-1).cut();
    const late = await startGateway(t, { broker: redis.url, recoveryWindow: LONG });
    await becomes(t, late, 200);
    relay.leadTo(late);
    client.socket.io.engine.close();
    await client.back();
    assert.deepEqual([client.socket.recovered, client.socket.id], [true, id]);
  });

test("who is aboard survives that all shards forget everything", async (t) => {
  const { redis, a, b } = await startOnCluster(t, { nodeLease: LEASE });
  const rides = await ridesOf(redis);
  for (const ride of rides) assert.equal((await (await join(t, a, ride)).ask(user("u"))).ok, true);
  for (const shard of redis.shards) await (await shard.primary()).command("FLUSHALL");
  for (const ride of rides) {
    await until(
      async () => (await redis.keysOf(ride)).users?.u,
      () => `waiting for the rider of ${ride}`,
    );
    const answer = await request(t, b, { path: `/api/users?ride=${ride}` });
    assert.equal(answer.status, 200);
  }
});
