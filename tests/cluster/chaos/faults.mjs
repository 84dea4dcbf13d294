// What goes wrong. Each fault begins at once and resolves when it has been put right again; several run at a time, of
// those that touch Redis itself (`exclusive`) one, and with one that is `alone` none. `wipes`: Redis forgets, or remembers
// what was. `fits`: whether it can happen to the node now. `way`: the node's to Redis, or to a part of it. `note` adds to
// what the run's log says of it, and what the fault is about may be noted in its `wipe` and `trouble` (history.mjs).

import { sleep } from "../../lib/wait.mjs";
import { REDIS_FAULTS } from "./redis-faults.mjs";
import { SERVER_FAULTS } from "./server-faults.mjs";
import { SHARD_FAULTS } from "./shard-faults.mjs";

const runs = (node) => node.url !== null && !node.stopped;

const GATEWAY_FAULTS = {
  "kill a gateway": {
    weight: 3,
    fits: (node) => node.url !== null,
    async run({ cluster, random, node }) {
      await cluster.kill(node);
      await sleep(random.between(0, 2500));
      await cluster.run(node);
    },
  },
  "drain a gateway": {
    weight: 2,
    fits: runs,
    async run({ cluster, random, node }) {
      await cluster.drain(node);
      await sleep(random.between(0, 1000));
      await cluster.run(node);
    },
  },
  "all gateways but one that has only just started are killed": {
    weight: 1,
    fits: (node) => node.url !== null,
    async run({ cluster, random, node }) {
      await cluster.kill(node);
      await cluster.run(node);
      await sleep(random.between(0, 400));
      const victims = cluster.nodes.filter((other) => other !== node && other.url !== null);
      await Promise.all(victims.map((victim) => cluster.kill(victim)));
      await sleep(random.between(0, 2500));
      await Promise.all(victims.map((victim) => cluster.run(victim)));
    },
  },
  "stop a gateway for longer than its lease": {
    weight: 3,
    fits: runs,
    async run({ cluster, random, node, leaseMs, windowMs }) {
      cluster.stop(node);
      await sleep(leaseMs + random.between(100, windowMs + 1000));
      cluster.resume(node);
    },
  },
  "stall a gateway's connections to Redis": {
    weight: 3,
    async run({ random, way }) {
      way.stall();
      await sleep(random.between(50, 4000));
      way.pass();
    },
  },
  "cut a gateway's connections to Redis": {
    weight: 3,
    async run({ way }) {
      way.cut();
    },
  },
  "keep a gateway from Redis": {
    weight: 2,
    async run({ random, way }) {
      way.refuse();
      await sleep(random.between(100, 3000));
      way.pass();
    },
  },
  "delay a gateway's connections to Redis": {
    weight: 3,
    async run({ random, way }) {
      way.delay(random.between(2, 120));
      await sleep(random.between(200, 2000));
      way.delay(0);
    },
  },
};

export const FAULTS = { ...GATEWAY_FAULTS, ...REDIS_FAULTS, ...SERVER_FAULTS };
export const CLUSTER_FAULTS = { ...GATEWAY_FAULTS, ...SHARD_FAULTS, ...SERVER_FAULTS };
