// What goes wrong with the one Redis of all (faults.mjs), besides what may happen to any server (server-faults.mjs): it
// forgets, comes back with older data, and its clock steps.

import { sleep } from "../../lib/wait.mjs";
import { offsetsOf } from "./keys.mjs";
import { allConnected, meanwhile } from "./server-faults.mjs";

const HOUR_S = 3600;

const PASSED_WITHIN_MS = 4000; // unless people have stopped

// On each ride more has happened than had by then: only the fingerprint tells whoever was there that it was other things.
async function passed({ redis }, offsets) {
  const end = performance.now() + PASSED_WITHIN_MS;
  const hasPassed = async () => {
    const now = await offsetsOf(redis);
    return [...offsets].every(([key, offset]) => now.get(key) > offset);
  };
  while (!(await hasPassed())) {
    if (performance.now() > end) return false;
    await sleep(20);
  }
  return true;
}

export const REDIS_FAULTS = {
  "kill Redis, which keeps its data": {
    weight: 2,
    exclusive: true,
    async run({ cluster, random }) {
      await cluster.killRedis({ data: "kept" });
      await sleep(random.between(0, 1500));
      await cluster.redis.run();
    },
  },
  "kill Redis, which loses its data": {
    weight: 2,
    exclusive: true,
    wipes: true,
    async run({ cluster, random }) {
      await cluster.killRedis({ data: "lost" });
      await sleep(random.between(0, 1500));
      await cluster.redis.run();
    },
  },
  "an older copy of Redis": {
    weight: 3,
    exclusive: true,
    wipes: true,
    async run({ cluster, random }) {
      const copy = await cluster.copyData();
      await sleep(random.between(50, 3000));
      await cluster.killRedis({ data: copy });
      await sleep(random.between(0, 500));
      await cluster.redis.run();
      await allConnected(cluster);
    },
  },
  // The others come to it when its numbers have passed theirs.
  "an older copy of Redis, met first by a gateway that knows nothing": {
    weight: 2,
    exclusive: true,
    wipes: true,
    fits: (node) => node.url !== null,
    async run({ cluster, random, node, note }) {
      note(node.name);
      const others = cluster.nodes.filter((other) => other !== node);
      const copy = await cluster.copyData();
      await sleep(random.between(20, 200));
      for (const { proxy } of others) proxy.refuse();
      const offsets = await offsetsOf(cluster.redis);
      await cluster.kill(node);
      await cluster.killRedis({ data: copy });
      await cluster.redis.run();
      await cluster.run(node);
      if (!(await passed(cluster, offsets))) note("too little has happened");
      for (const { proxy } of others) proxy.pass();
      await allConnected(cluster);
    },
  },
  "a lagging replica takes Redis' place": {
    weight: 3,
    exclusive: true,
    wipes: true,
    async run({ cluster, random }) {
      const replica = await cluster.detachedReplica();
      await sleep(random.between(50, 2000));
      await cluster.promote(replica);
      await allConnected(cluster);
    },
  },
  "Redis is read-only": {
    weight: 2,
    exclusive: true,
    run: ({ cluster, random }) =>
      meanwhile(
        random.between(50, 500),
        () => cluster.redis.command("REPLICAOF", "127.0.0.1", "1"),
        () => cluster.redis.command("REPLICAOF", "NO", "ONE"),
      ),
  },
  "Redis' clock steps": {
    weight: 2,
    exclusive: true,
    run: ({ cluster, random }) => {
      const seconds = Math.round(HOUR_S * random.next() ** 2) * random.pick([-1, 1]);
      return meanwhile(
        random.between(50, 3000),
        () => cluster.clock.set(seconds),
        () => cluster.clock.set(0),
      );
    },
  },
};
