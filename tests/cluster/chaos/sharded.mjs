// The same on a Redis Cluster: three primaries with a replica each, and in front of each node a gate (gate.mjs), so that
// one gateway alone can be kept from one of them.

import { RedisCluster } from "../../lib/redis-cluster.mjs";
import { Cluster } from "./cluster.mjs";
import { Gate } from "./gate.mjs";

// Longer than the machine keeps a node waiting, if possible: what is taken for dead has its place taken.
const NODE_TIMEOUT_MS = 2000;
const RIDES_OF_A_SHARD = 2;
const BY_ALL_WAYS = 0.3;

// Several proxies as one.
class Ways {
  constructor(proxies) {
    this.proxies = proxies;
  }
}

for (const deed of ["pass", "stall", "cut", "refuse", "delay", "answer"])
  Ways.prototype[deed] = function (...args) {
    for (const proxy of this.proxies) proxy[deed](...args);
  };

export class ShardedCluster extends Cluster {
  #primaries = []; // as far as is known

  async startRedis(gateways) {
    this.users = Array.from({ length: gateways }, (_, i) => `gateway-${i}`);
    const config = this.users.flatMap((user) => ["--user", user, "on", "nopass", "~*", "&*", "+@all"]);
    this.redis = await RedisCluster.start(this.t, { timeout: NODE_TIMEOUT_MS, relays: Gate, config });
    this.rides = ["/"];
    for (const shard of this.redis.shards) this.rides.push(...(await this.redis.ridesAt(shard, RIDES_OF_A_SHARD)));
    this.#primaries = await this.#primariesNow();
  }

  wayFor(i) {
    const user = this.users[i];
    const ways = ({ nodes }) => new Ways(nodes.map(({ relay }) => relay.proxyOf(user)));
    const broker = this.redis.url.replace("://", `://${user}:any@`);
    return { proxy: ways(this.redis), parts: this.redis.shards.map(ways), broker };
  }

  // To one shard, or to all of them.
  aWay({ proxy, parts }, random) {
    return random.chance(BY_ALL_WAYS) ? proxy : random.pick(parts);
  }

  // One that has rides, as have others.
  async aShard(random) {
    const used = await this.#usedShards();
    return random.pick([...new Set(used)].filter(Boolean));
  }

  async aServer(random) {
    return (await this.aShard(random)).primary();
  }

  serverOf(ride) {
    return this.redis.primaryOf(ride).catch(() => null);
  }

  #usedShards() {
    return Promise.all(this.rides.map((ride) => this.redis.shardOf(ride)));
  }

  // `node`: any of a shard.
  async ridesAt(node) {
    const shards = await this.#usedShards();
    return this.rides.filter((_, i) => shards[i]?.nodes.includes(node));
  }

  // In which what belongs to no ride is: at each shard its own, and the secret.
  async slotsOfNoRide() {
    const slots = [];
    for (const shard of this.redis.shards) {
      const primary = await shard.primary();
      for (const key of await primary.command("KEYS", "ridecast:*nodes"))
        slots.push(await primary.command("CLUSTER", "KEYSLOT", key));
    }
    return [...slots, await this.redis.nodes[0].command("CLUSTER", "KEYSLOT", "ridecast:secret")];
  }

  // Resolves when the nodes have come to agree; what has become of the shard (null: of none) was to be expected.
  async settled(shard = null) {
    await this.redis.settled();
    if (shard) this.#primaries[this.redis.shards.indexOf(shard)] = await shard.primary();
  }

  #primariesNow() {
    return Promise.all(this.redis.shards.map((shard) => shard.primary()));
  }

  // Where a replica has taken its primary's place though nobody had that in mind, as a busy machine may have it: the
  // rides there.
  async surprised() {
    const before = this.#primaries;
    this.#primaries = await this.#primariesNow();
    const changed = this.#primaries.filter((node, i) => node !== before[i]);
    return (await Promise.all(changed.map((node) => this.ridesAt(node)))).flat();
  }

  get serverLogs() {
    return this.redis.nodes.map(({ id, port, program }) => [`Redis at ${port}, ${id}`, program.stdout]);
  }
}
