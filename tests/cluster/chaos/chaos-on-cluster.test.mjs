// A short run of chaos on a Redis Cluster, which begins with a shard that is away, and what it would notice then: where
// the Redis here can be a cluster (7.0 or later).
//
// CHAOS_SEED repeats the plan of an earlier run (chaos.test.mjs).

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { test } from "node:test";
import { SERVER } from "../../lib/redis.mjs";
import { ChaosFailure, runChaos } from "./chaos.mjs";
import { brokenGateway } from "./cluster.mjs";
import { ShardedCluster } from "./sharded.mjs";

const seed = Number(process.env.CHAOS_SEED ?? 2);
const LONG_AWAY_SEED = 3; // by which that shard is away for twenty seconds
const [, major] = execFileSync(SERVER, ["--version"], { encoding: "utf8" }).match(/ v=(\d+)\./);
const AWAY = { onCluster: true, first: ["a shard is cut off, and nothing else is broken"] };

if (Number(major) >= 7) {
  test(`chaos on a Redis Cluster, seed ${seed}`, async (t) => {
    const enough = ({ survived }) => Object.keys(survived).length > 3;
    const summary = await runChaos(t, { seed, seconds: 25, clients: 90, enough, ...AWAY });
    t.diagnostic(JSON.stringify(summary));
    // Else the run has shown nothing.
    assert.ok(summary.acknowledged > 0 && enough(summary), JSON.stringify(summary));
    assert.ok(summary.besides > 0, "nobody boarded beside a shard that was away");
  });

  test("where a replica has taken its primary's place unasked is known, and once", async (t) => {
    const cluster = await ShardedCluster.start(t, { gateways: 1 });
    const [one, other] = cluster.redis.shards;
    assert.deepEqual(await cluster.surprised(), []);
    await one.failover();
    await cluster.settled(other);
    assert.deepEqual(await cluster.surprised(), await cluster.ridesAt(one.nodes[0]));
    await one.failover();
    await cluster.settled(one);
    assert.deepEqual(await cluster.surprised(), []);
  });

  test("a gateway that waits for all shards is noticed", async (t) => {
    const binary = brokenGateway("gateway-waits-for-all");
    const settings = { seed: LONG_AWAY_SEED, seconds: 20, clients: 40, gateways: 2, faults: [], binary, ...AWAY };
    await assert.rejects(runChaos(t, settings), (error) => {
      assert.ok(error instanceof ChaosFailure, String(error.stack));
      assert.ok(
        error.violations.some(({ kind }) => kind === "held up"),
        error.message,
      );
      return true;
    });
  });
}
