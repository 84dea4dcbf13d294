// What tests/lib/redis-cluster.mjs does to a Redis Cluster, as redis-cli sees it.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import path from "node:path";
import { test } from "node:test";
import { temporaryFolder } from "../lib/folder.mjs";
import { ROOT } from "../lib/places.mjs";
import { startProgram } from "../lib/process.mjs";
import { CLI } from "../lib/redis.mjs";
import { RedisCluster } from "../lib/redis-cluster.mjs";
import { until } from "../lib/wait.mjs";

const RIDE = "/line-7";
const KEY = `ridecast:{${RIDE}}:users`;
const MOVED = /^MOVED \d+ 127\.0\.0\.1:(\d+)$/;

// As told in bytes, errors included.
async function cli(t, node, ...args) {
  const program = startProgram(t, CLI, ["--raw", "-p", String(node.clientPort), ...args]);
  await program.exited;
  return program.stdout.trim();
}

async function check(t, node, ...args) {
  const found = await cli(t, node, "--cluster", "check", `127.0.0.1:${node.port}`, ...args);
  assert.match(found, /\[OK\] All nodes agree about slots configuration/);
  assert.match(found, /\[OK\] All 16384 slots covered/);
  return found;
}

const replicasIn = (found) => found.match(/^S: /gm)?.length ?? 0;

test("three primaries share the slots, and each has a replica", async (t) => {
  const cluster = await RedisCluster.start(t);
  const found = await check(t, cluster.nodes[0]);
  assert.deepEqual(found.match(/(?<=\| )\d+(?= slots \|)/g).sort(), ["5461", "5461", "5462"]);
  assert.equal(replicasIn(found), 3);
  assert.equal(cluster.url, `redis+cluster://${cluster.nodes.map(({ port }) => `127.0.0.1:${port}`).join(",")}`);
  assert.equal(await cli(t, cluster.nodes[5], "-c", "SET", KEY, "kept"), "OK");
  assert.equal(await (await cluster.primaryOf(RIDE)).command("GET", KEY), "kept");
  const [at, ...others] = [await cluster.shardOf(RIDE), ...cluster.shards];
  for (const other of others.filter((shard) => shard !== at)) {
    const [, port] = (await cli(t, await other.primary(), "GET", KEY)).match(MOVED);
    assert.equal(Number(port), (await at.primary()).port);
    for (const ride of await cluster.ridesAt(other, 2)) assert.equal(await cluster.shardOf(ride), other);
  }
  assert.ok(cluster.cpu() > 0);
});

test("a primary that is killed has its place taken, and comes back as a replica", async (t) => {
  const cluster = await RedisCluster.start(t);
  const shard = await cluster.shardOf(RIDE);
  const killed = await shard.primary();
  await killed.command("HSET", KEY, "a", "1");
  await killed.command("WAIT", "1", "0");
  await killed.kill();
  const promoted = await shard.promotion(killed);
  assert.deepEqual(await cluster.keysOf(RIDE), { users: { a: "1" } });
  await killed.run();
  await cluster.settled();
  assert.match(await cli(t, killed, "GET", KEY), MOVED);
  assert.equal(replicasIn(await check(t, promoted)), 3);
});

test("a failover on request, and a primary that was stopped meanwhile", async (t) => {
  const cluster = await RedisCluster.start(t);
  const shard = await cluster.shardOf(RIDE);
  const first = await shard.primary();
  const second = await shard.failover();
  await cluster.settled();
  assert.match(await cli(t, second, "ROLE"), /^master/);
  assert.match(await cli(t, first, "ROLE"), /^slave/);
  second.pause();
  assert.equal(await shard.promotion(second), first);
  second.resume();
  await cluster.settled();
  assert.match(await cli(t, second, "ROLE"), /^slave/);
  assert.equal(replicasIn(await check(t, first)), 3);
});

test("slots that move one by one are asked for on their way, and then at their place", async (t) => {
  const cluster = await RedisCluster.start(t, { replicas: 0 });
  const shard = await cluster.shardOf(RIDE);
  const [other] = cluster.shards.filter((one) => one !== shard);
  const from = await shard.primary();
  const to = await other.primary();
  const slot = await cluster.slotOf(RIDE);
  for (let i = 0; i < 250; i++) await from.command("SET", `{${RIDE}}:${i}`, String(i));
  await from.command("ZADD", `ridecast:{${RIDE}}:away`, "5", "somebody");
  const answers = [];
  const neighbour = slot + 1 < 16384 && (await cluster.ownerOf(slot + 1)) === from ? slot + 1 : slot - 1;
  const meanwhile = async (on) => on.slot === slot && answers.push(await cli(t, from, "GET", `{${RIDE}}:7`));
  await cluster.moveSlots([slot, neighbour], other, { meanwhile });
  assert.deepEqual(answers, ["7", `ASK ${slot} 127.0.0.1:${to.port}`]);
  assert.equal(await cli(t, from, "GET", `{${RIDE}}:7`), `MOVED ${slot} 127.0.0.1:${to.port}`);
  assert.equal(await cluster.shardOf(RIDE), other);
  assert.equal(await to.command("CLUSTER", "COUNTKEYSINSLOT", String(slot)), 251);
  assert.deepEqual(await cluster.keysOf(RIDE), { away: ["somebody", "5"] });
  await cluster.settled();
  await check(t, to);
});

test("a shard more, to which redis-cli reshards", async (t) => {
  const cluster = await RedisCluster.start(t);
  const shard = await cluster.addShard();
  const to = await shard.primary();
  const { id } = cluster.nodes[0];
  const how = ["--cluster-from", id, "--cluster-to", to.id, "--cluster-slots", "20", "--cluster-yes"];
  await cli(t, to, "--cluster", "reshard", `127.0.0.1:${to.port}`, ...how);
  await cluster.settled();
  assert.equal(await cluster.ownerOf(0), to);
  assert.equal(replicasIn(await check(t, to)), 4);
});

test("a shard that is cut off takes along its own keys", async (t) => {
  const cluster = await RedisCluster.start(t);
  const [gone, ...others] = cluster.shards;
  const [ride] = await cluster.ridesAt(gone, 1);
  const [kept] = await cluster.ridesAt(others[0], 1);
  gone.cut();
  assert.equal(await cluster.primaryOf(ride), null);
  await until(
    async () => (await cli(t, others[0].nodes[0], "CLUSTER", "NODES")).match(/ (master|slave),fail /g)?.length === 2,
    () => "waiting for both to be given up",
  );
  assert.equal(await cli(t, await cluster.primaryOf(kept), "SET", `{${kept}}`, "1"), "OK");
  gone.rejoin();
  await cluster.settled();
  assert.equal(await cli(t, await cluster.primaryOf(ride), "SET", `{${ride}}`, "1"), "OK");
  await check(t, cluster.nodes[0]);
});

test("clients alone are cut off by relays, to which the cluster leads them", async (t) => {
  const cluster = await RedisCluster.start(t, { replicas: 0, relays: true });
  const [gone, other] = cluster.shards;
  const [ride] = await cluster.ridesAt(gone, 1);
  const [, port] = (await cli(t, other.nodes[0], "GET", `{${ride}}`)).match(MOVED);
  assert.equal(Number(port), gone.nodes[0].clientPort);
  assert.notEqual(Number(port), gone.nodes[0].port);
  gone.cut();
  assert.equal(await cli(t, gone.nodes[0], "PING"), "");
  await cluster.settled();
  gone.rejoin();
  assert.equal(await cli(t, gone.nodes[0], "PING"), "PONG");
});

test("with a password and a user of one's own", async (t) => {
  const user = { name: "ridecast", password: "secret", rules: "~ridecast:* +@all -@admin" };
  const cluster = await RedisCluster.start(t, { password: "other", user });
  assert.match(cluster.url, /^redis\+cluster:\/\/ridecast:secret@127\.0\.0\.1:\d+,/);
  const primary = await cluster.primaryOf(RIDE);
  assert.match(await cli(t, primary, "GET", KEY), /^NOAUTH/);
  const as = ["--no-auth-warning", "--user", "ridecast", "-a", "secret"];
  assert.equal(await cli(t, primary, ...as, "SET", KEY, "1"), "OK");
  assert.match(await cli(t, primary, ...as, "SHUTDOWN"), /^NOPERM/);
  const [other] = cluster.shards.filter(({ nodes }) => !nodes.includes(primary));
  await cluster.moveSlots([await cluster.slotOf(RIDE)], other);
  assert.equal(await cli(t, await other.primary(), ...as, "GET", KEY), "1");
  await cluster.settled();
  await check(t, primary, "--no-auth-warning", "-a", "other");
});

test("over TLS", async (t) => {
  const folder = temporaryFolder(t, "certificate");
  execFileSync(path.join(ROOT, "deploy/nginx/certificate.sh"), [folder]);
  const ca = path.join(folder, "cert.pem");
  const cluster = await RedisCluster.start(t, { tls: { ca, cert: ca, key: path.join(folder, "key.pem") } });
  assert.ok(cluster.url.startsWith("rediss+cluster://127.0.0.1:") && cluster.url.endsWith(`?ca=${ca}`));
  const primary = await cluster.primaryOf(RIDE);
  const encrypted = ["--tls", "--cacert", ca];
  assert.equal(await cli(t, primary, ...encrypted, "SET", KEY, "1"), "OK");
  assert.notEqual(await cli(t, primary, "GET", KEY), "1");
  const [other] = cluster.shards.filter(({ nodes }) => !nodes.includes(primary));
  await cluster.moveSlots([await cluster.slotOf(RIDE)], other);
  assert.equal(await cli(t, await other.primary(), ...encrypted, "GET", KEY), "1");
  await cluster.settled();
  assert.equal(replicasIn(await check(t, primary, ...encrypted)), 3);
});
