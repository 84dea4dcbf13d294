// What goes wrong. Each fault begins at once and resolves when it has been put right again; several run at a time, of
// those that touch Redis itself (`exclusive`) one. `wipes`: Redis forgets. `fits`: whether it can happen to the node
// now.

import { sleep } from "../../lib/wait.mjs";

const runs = (node) => node.url !== null && !node.stopped;

export const FAULTS = {
  "kill a gateway": {
    weight: 3,
    fits: (node) => node.url !== null,
    async run({ cluster, random, node }) {
      await cluster.kill(node);
      await sleep(random.between(0, 2500));
      await cluster.run(node);
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
    async run({ random, node }) {
      node.proxy.stall();
      await sleep(random.between(50, 4000));
      node.proxy.pass();
    },
  },
  "cut a gateway's connections to Redis": {
    weight: 3,
    async run({ node }) {
      node.proxy.cut();
    },
  },
  "keep a gateway from Redis": {
    weight: 2,
    async run({ random, node }) {
      node.proxy.refuse();
      await sleep(random.between(100, 3000));
      node.proxy.pass();
    },
  },
  "delay a gateway's connections to Redis": {
    weight: 3,
    async run({ random, node }) {
      node.proxy.delay(random.between(2, 120));
      await sleep(random.between(200, 2000));
      node.proxy.delay(0);
    },
  },
  "kill Redis, which keeps its data": {
    weight: 2,
    exclusive: true,
    async run({ cluster, random }) {
      await cluster.killRedis({ keepData: true });
      await sleep(random.between(0, 1500));
      await cluster.redis.run();
    },
  },
  "kill Redis, which loses its data": {
    weight: 2,
    exclusive: true,
    wipes: true,
    async run({ cluster, random }) {
      await cluster.killRedis({ keepData: false });
      await sleep(random.between(0, 1500));
      await cluster.redis.run();
    },
  },
  FLUSHALL: {
    weight: 2,
    exclusive: true,
    wipes: true,
    run: ({ cluster }) => cluster.redis.command("FLUSHALL"),
  },
  "SCRIPT FLUSH": {
    weight: 2,
    exclusive: true,
    run: ({ cluster }) => cluster.redis.command("SCRIPT", "FLUSH"),
  },
  "CLIENT KILL of all subscribers": {
    weight: 3,
    exclusive: true,
    run: ({ cluster }) => cluster.redis.command("CLIENT", "KILL", "TYPE", "pubsub"),
  },
};
