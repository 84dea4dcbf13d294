// What goes wrong with a Redis Cluster (faults.mjs), besides what may happen to any server (server-faults.mjs): primaries
// die, stand still and change, slots move, and shards are away. What a replica that takes its primary's place has not
// heard is lost, of the rides of that shard. All but one are `exclusive`.

import { sleep } from "../../lib/wait.mjs";
import { allConnected, answerWith, meanwhile } from "./server-faults.mjs";

const HALFWAY_MS = 1000;
const AWAY_MS = 4000;
const LONG_AWAY_MS = 20_000; // lease and window, several times

const ERRORS = ["CLUSTERDOWN The cluster is down", "TRYAGAIN Multiple keys request during rehashing of slot"];

// Something befalls a shard, after which all come to agree again, and the gateways with them. It has to do with the rides
// there alone, and so does the wipe.
async function befalls({ cluster, random, note, trouble, wipe }, action) {
  const shard = await cluster.aShard(random);
  const primary = await shard.primary();
  const rides = await cluster.ridesAt(primary);
  note(`${primary.port}, with ${rides.join(" ")}`);
  for (const one of [trouble, wipe]) if (one) one.rides = rides;
  await action(shard, primary, rides);
  await cluster.settled(shard);
  await allConnected(cluster);
}

// Its nodes stand still, or no gateway reaches them; whoever elects meanwhile may be behind.
const standStill = (ms) => (shard) =>
  meanwhile(
    ms,
    () => shard.nodes.forEach((node) => node.pause()),
    () => shard.nodes.forEach((node) => node.resume()),
  );
const cutOff = (ms) => (shard) =>
  meanwhile(
    ms,
    () => shard.cut(),
    () => shard.rejoin(),
  );

// What is said on the rides of others is acknowledged meanwhile.
const apart =
  ({ history }, away) =>
  (shard, primary, rides) =>
    history.absence(rides, () => away(shard));

// In the slots of some rides, and at times of what belongs to no ride: [slot, …].
async function slotsInUse({ cluster, random }) {
  const { redis } = cluster;
  const slots = [];
  for (let count = random.between(1, 3); count > 0; count--) slots.push(await redis.slotOf(random.pick(cluster.rides)));
  if (random.chance(0.3)) slots.push(...(await cluster.slotsOfNoRide()));
  return [...new Set(slots)];
}

export const SHARD_FAULTS = {
  "kill a primary": {
    weight: 6,
    exclusive: true,
    wipes: true,
    run: (setting) =>
      befalls(setting, async (shard, primary) => {
        await primary.kill();
        await shard.promotion(primary);
        await sleep(setting.random.between(0, 1500));
        await primary.run();
      }),
  },
  "stop a primary until its place is taken": {
    weight: 6,
    exclusive: true,
    wipes: true,
    run: (setting) =>
      befalls(setting, async (shard, primary) => {
        primary.pause();
        await shard.promotion(primary);
        await sleep(setting.random.between(0, 1500));
        primary.resume();
      }),
  },
  "kill a primary and its replica": {
    weight: 2,
    exclusive: true,
    wipes: true, // whichever is up first may have heard less
    run: (setting) =>
      befalls(setting, async ({ nodes }) => {
        await Promise.all(nodes.map((node) => node.kill()));
        for (const node of setting.random.shuffled(nodes)) {
          await sleep(setting.random.between(0, 1500));
          await node.run();
        }
      }),
  },
  "a replica takes over in good order": {
    weight: 4,
    exclusive: true,
    run: (setting) => befalls(setting, (shard) => shard.failover()),
  },
  "a replica takes over by force": {
    weight: 3,
    exclusive: true,
    wipes: true,
    run: (setting) => befalls(setting, (shard) => shard.failover(setting.random.pick(["FORCE", "TAKEOVER"]))),
  },
  "slots move": {
    weight: 8,
    exclusive: true,
    async run(setting) {
      const { cluster, random, note } = setting;
      const slots = await slotsInUse(setting);
      const shard = random.pick(cluster.redis.shards);
      note(`${slots.join(" ")} to ${(await shard.primary()).port}`);
      await cluster.redis.moveSlots(slots, shard, {
        meanwhile: () => (random.chance(0.3) ? sleep(random.between(0, HALFWAY_MS)) : undefined),
      });
      await cluster.settled();
    },
  },
  "a shard is cut off": {
    weight: 3,
    exclusive: true,
    run: (setting) => befalls(setting, cutOff(setting.random.between(100, AWAY_MS))),
  },
  "a shard stands still": {
    weight: 3,
    exclusive: true,
    wipes: true,
    run: (setting) => befalls(setting, standStill(setting.random.between(100, AWAY_MS))),
  },
  "a shard is cut off, and nothing else is broken": {
    weight: 2,
    exclusive: true,
    alone: true,
    run: (setting) => befalls(setting, apart(setting, cutOff(setting.random.between(100, LONG_AWAY_MS)))),
  },
  "a shard stands still, and nothing else is broken": {
    weight: 2,
    exclusive: true,
    alone: true,
    wipes: true,
    run: (setting) => befalls(setting, apart(setting, standStill(setting.random.between(100, LONG_AWAY_MS)))),
  },
  "a gateway is answered that slots are elsewhere": {
    weight: 2,
    run: (setting) => answerWith(setting, () => ERRORS),
  },
};
