// Gateways that reach a Redis Cluster over TLS alone. For builds whose hiredis has TLS.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import path from "node:path";
import { test } from "node:test";
import { startOnCluster } from "../lib/cluster.mjs";
import { temporaryFolder } from "../lib/folder.mjs";
import { Client } from "../lib/official.mjs";
import { ROOT } from "../lib/places.mjs";
import { user } from "../lib/rider.mjs";

const PLACES = {
  "by their addresses": { host: "127.0.0.1", config: [] },
  "by the names that they announce": { host: "localhost", config: ["--cluster-announce-hostname", "localhost"] },
};

function certificate(t) {
  const folder = temporaryFolder(t, "certificate");
  execFileSync(path.join(ROOT, "deploy/nginx/certificate.sh"), [folder]);
  const [cert, key] = ["cert.pem", "key.pem"].map((name) => path.join(folder, name));
  return { ca: cert, cert, key };
}

const join = (t, gateway, ride) => Client.connect(t, gateway, "WebSocket only", { ride });

for (const [how, { host, config }] of Object.entries(PLACES))
  test(`nodes that are reached ${how}: riders of all shards, a slot that moves, and a failover`, async (t) => {
    const { redis, a, b } = await startOnCluster(t, { redis: { tls: certificate(t), config } });
    const [shard, other] = redis.shards;
    const rides = (await Promise.all(redis.shards.map((one) => redis.ridesAt(one, 2)))).flat();
    const riders = [];
    for (const ride of rides) riders.push({ one: await join(t, a, ride), two: await join(t, b, ride) });
    for (const { one, two } of riders) {
      assert.equal((await one.ask(user("one"))).ok, true);
      await two.heard(1);
    }
    await redis.moveSlots([await redis.slotOf(rides[0])], other); // the next one stays, and has another primary
    await shard.failover();
    for (const { one, two } of riders) {
      assert.equal((await two.ask(user("two"))).ok, true);
      for (const client of [one, two]) await client.heard(2);
      assert.deepEqual(one.events, two.events);
    }
    const reached = [...redis.shards.map(({ nodes }) => nodes[0]), await shard.primary()];
    for (const { port } of reached)
      for (const { program } of [a, b])
        assert.ok(program.stderr.includes(`connected to Redis at ${host}:${port}\n`), program.stderr);
  });
