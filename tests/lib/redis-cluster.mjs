// A real Redis Cluster on this machine, and what can be done to it.

import assert from "node:assert/strict";
import { onEnd } from "./cleanup.mjs";
import { temporaryFolder } from "./folder.mjs";
import { freePort } from "./port.mjs";
import { Redis } from "./redis.mjs";
import { Relay } from "./relay.mjs";
import { cpuOf } from "./usage.mjs";
import { until } from "./wait.mjs";

const SLOTS = 16_384;
const BUS = 10_000; // a node listens on the port so much further up as well
const PAGE = 100; // keys that are moved at once, as redis-cli does by tens
const MOVED_WITHIN_MS = 10_000;

// A shard that is away takes along only its own slots; replicas stay where they are, try whatever they have missed, and
// get their data at once.
const CONFIG = {
  "cluster-enabled": "yes",
  "cluster-require-full-coverage": "no",
  "cluster-allow-replica-migration": "no",
  "cluster-replica-validity-factor": "0",
  "repl-diskless-sync-delay": "0",
};

const READERS = {
  hash: (node, key) => node.hash(key),
  set: (node, key) => node.command("SMEMBERS", key),
  stream: (node, key) => node.command("XRANGE", key, "-", "+"),
  string: (node, key) => node.command("GET", key),
  zset: (node, key) => node.command("ZRANGE", key, "0", "-1", "WITHSCORES"),
};

// A line of CLUSTER NODES.
function parseNode(line) {
  const [id, , flags, primary, , , epoch, , ...rest] = line.split(" ");
  const slots = rest
    .filter((range) => !range.startsWith("[")) // those on their way
    .map((range) => range.split("-").map(Number))
    .map(([first, last = first]) => ({ first, last }));
  return { id, flags: flags.split(","), primary, epoch: Number(epoch), slots };
}

const isPrimary = ({ flags }) => flags.includes("master");
const has = ({ slots }, slot) => slots.some(({ first, last }) => first <= slot && slot <= last);

class Node extends Redis {
  isPaused = false;

  get isUp() {
    return !this.isPaused && !this.program.exit;
  }

  // What it says of itself.
  async self() {
    return parseNode((await this.command("CLUSTER", "NODES")).split("\n").find((line) => / \S*\bmyself\b/.test(line)));
  }

  // A crash; run() brings it back, with all it had said.
  kill() {
    return this.stop("SIGKILL");
  }

  // Whoever is connected stays so and hears nothing.
  pause() {
    this.isPaused = true;
    this.program.child.kill("SIGSTOP");
  }

  resume() {
    this.isPaused = false;
    this.program.child.kill("SIGCONT");
  }

  // With a relay only its clients are cut off, of which the cluster knows nothing; else it stands still.
  cut() {
    if (this.relay) this.relay.cut();
    else this.pause();
  }

  rejoin() {
    if (this.relay) this.relay.leadTo(this);
    else this.resume();
  }
}

// Nodes of which one is the primary, the first of them in the beginning.
class Shard {
  constructor(nodes) {
    this.nodes = nodes;
  }

  // Of those that believe to be it, the one that has been elected last; null: none is up.
  async primary() {
    return newest(this.nodes, isPrimary);
  }

  async replica() {
    const primary = await this.primary();
    return this.nodes.find((node) => node.isUp && node !== primary);
  }

  // Resolves with the primary that has taken `former`'s place.
  promotion(former) {
    return until(
      async () => {
        const primary = await this.primary();
        return primary !== former && primary;
      },
      () => `waiting for another primary than ${former.port}`,
    );
  }

  // As an administrator does, to the replica; `how`: FORCE or TAKEOVER. Resolves with the new primary.
  async failover(...how) {
    const former = await this.primary();
    const replica = await this.replica();
    await replica.command("CLUSTER", "FAILOVER", ...how);
    return this.promotion(former);
  }

  // Nobody reaches it.
  cut() {
    for (const node of this.nodes) node.cut();
  }

  rejoin() {
    for (const node of this.nodes) node.rejoin();
  }
}

// The node that says such things of itself, by the latest election.
async function newest(nodes, says) {
  const up = nodes.filter((node) => node.isUp);
  const selves = await Promise.all(up.map((node) => node.self().catch(() => null)));
  const saying = up.map((node, i) => ({ node, self: selves[i] })).filter(({ self }) => self && says(self));
  return saying.sort((a, b) => b.self.epoch - a.self.epoch)[0]?.node ?? null;
}

export class RedisCluster {
  // `ports`: of each node, first of the primaries. `timeout`: --cluster-node-timeout in ms. `relays`: clients are told of a
  // relay in front of each node, a Relay or one of the class that this is. The others are the options of Redis.start().
  static async start(t, { primaries = 3, replicas = 1, ports, timeout = 1000, relays = false, ...options } = {}) {
    const cluster = new RedisCluster(t, { ...options, timeout, relays });
    const nodes = await cluster.#startNodes(primaries * (1 + replicas), ports);
    for (let i = 0; i < primaries; i++)
      cluster.shards.push(new Shard([nodes[i], ...nodes.slice(primaries + i * replicas, primaries + (i + 1) * replicas)]));
    await cluster.#form();
    return cluster;
  }

  constructor(t, options) {
    this.t = t;
    this.options = options;
    this.shards = [];
  }

  get nodes() {
    return this.shards.flatMap(({ nodes }) => nodes);
  }

  get url() {
    const [first] = this.nodes;
    const places = this.nodes.map(({ clientPort }) => `127.0.0.1:${clientPort}`);
    return `${first.scheme}+cluster://${first.login}${places.join(",")}${first.trust}`;
  }

  // --- its making ---

  async #startNodes(count, ports) {
    const places = ports ?? (await freePorts(count, this.nodes));
    return Promise.all(places.map((port) => this.#startNode(port)));
  }

  async #startNode(port) {
    const { timeout, relays, config = [], ...options } = this.options;
    const Door = relays === true ? Relay : relays;
    const relay = Door ? await Door.start(this.t, { port }) : null;
    const own = { ...CONFIG, "cluster-node-timeout": timeout };
    if (options.tls) Object.assign(own, { "tls-cluster": "yes", "tls-replication": "yes" });
    if (relay) Object.assign(own, { [`cluster-announce-${options.tls ? "tls-" : ""}port`]: relay.port });
    const args = Object.entries(own).flatMap(([name, value]) => [`--${name}`, String(value)]);
    const node = new Node(temporaryFolder(this.t, "redis"), port, { ...options, config: [...args, ...config] });
    node.relay = relay;
    node.clientPort = relay?.port ?? port;
    onEnd(this.t, () => node.kill());
    await node.run();
    node.id = await node.command("CLUSTER", "MYID");
    return node;
  }

  // What redis-cli --cluster create does, but everybody meets everybody, which takes no rounds.
  async #form() {
    const primaries = this.shards.map(({ nodes }) => nodes[0]);
    const border = (i) => Math.round((i * SLOTS) / primaries.length);
    for (const [i, node] of primaries.entries()) {
      await node.command("CLUSTER", "SET-CONFIG-EPOCH", String(i + 1));
      await node.command("CLUSTER", "ADDSLOTSRANGE", String(border(i)), String(border(i + 1) - 1));
    }
    await this.#introduce();
    for (const { nodes } of this.shards) await follow(nodes);
    await this.settled();
  }

  // Who has not met in time, as on a busy machine, has to be introduced again.
  #introduce() {
    return until(
      async () => {
        const strangers = await this.#strangers();
        for (const [node, other] of strangers) await node.command("CLUSTER", "MEET", "127.0.0.1", String(other.port));
        return strangers.length === 0;
      },
      () => "waiting for the nodes to meet",
    );
  }

  // [node, other that it does not know], for all that are up.
  async #strangers() {
    const up = this.nodes.filter((node) => node.isUp);
    const known = await Promise.all(up.map((node) => node.command("CLUSTER", "NODES")));
    return up.flatMap((node, i) => up.filter(({ id }) => !known[i].includes(id)).map((other) => [node, other]));
  }

  // One more, without slots.
  async addShard({ replicas = 1 } = {}) {
    const shard = new Shard(await this.#startNodes(1 + replicas));
    this.shards.push(shard);
    await this.#introduce();
    await follow(shard.nodes);
    await this.settled();
    return shard;
  }

  // Resolves when all nodes that are up say the same of each other, all slots are somebody's, and replicas follow.
  async settled() {
    let views;
    await until(
      async () => {
        const up = this.nodes.filter((node) => node.isUp);
        views = await Promise.all(up.map((node) => viewOf(node, up).catch(({ message }) => message)));
        return views.every((view) => view === views[0] && view.startsWith("settled"));
      },
      () => `waiting for the nodes to agree\n${views.join("\n\n")}`,
    );
  }

  // --- who has what ---

  // Any node that is up.
  get #anybody() {
    return this.nodes.find((node) => node.isUp);
  }

  // The node that serves the slot now; null: none that is up.
  ownerOf(slot) {
    return newest(this.nodes, (self) => isPrimary(self) && has(self, slot));
  }

  slotOf(ride) {
    return this.#anybody.command("CLUSTER", "KEYSLOT", `{${ride}}`);
  }

  async primaryOf(ride) {
    return this.ownerOf(await this.slotOf(ride));
  }

  async shardOf(ride) {
    const primary = await this.primaryOf(ride);
    return this.shards.find(({ nodes }) => nodes.includes(primary));
  }

  // Names of `count` rides that are the shard's.
  async ridesAt(shard, count) {
    const self = await (await shard.primary()).self();
    const rides = [];
    for (let i = 0; rides.length < count; i++) if (has(self, await this.slotOf(`/ride-${i}`))) rides.push(`/ride-${i}`);
    return rides;
  }

  // All that is kept of a ride: by what its keys are called behind the tag, hashes as objects, the others as Redis lists them.
  async keysOf(ride) {
    const primary = await this.primaryOf(ride);
    const tag = `ridecast:{${ride}}:`;
    const found = {};
    for (const key of (await primary.command("KEYS", `${tag}*`)).sort()) {
      const type = await primary.command("TYPE", key);
      if (type !== "none") found[key.slice(tag.length)] = await READERS[type](primary, key); // else it has just ended
    }
    return found;
  }

  // --- what moves ---

  // One after the other, as redis-cli does. `meanwhile` is called with each slot on its way: as its keys are where they
  // were, and as they are where they will be.
  async moveSlots(slots, shard, { meanwhile = async () => {} } = {}) {
    const to = await shard.primary();
    for (const slot of slots) {
      const from = await this.ownerOf(slot);
      assert.ok(from, `nobody has slot ${slot}`);
      if (from === to) continue;
      await to.command("CLUSTER", "SETSLOT", String(slot), "IMPORTING", from.id);
      await from.command("CLUSTER", "SETSLOT", String(slot), "MIGRATING", to.id);
      await meanwhile({ slot, from, to });
      await this.#moveKeys(slot, from, to);
      await meanwhile({ slot, from, to });
      // First where it is to be, lest nobody has it.
      const others = (await Promise.all(this.shards.map((other) => other.primary()))).filter(Boolean);
      for (const node of new Set([to, from, ...others]))
        await node.command("CLUSTER", "SETSLOT", String(slot), "NODE", to.id);
    }
  }

  async #moveKeys(slot, from, to) {
    const { password } = this.options;
    for (;;) {
      const keys = await from.command("CLUSTER", "GETKEYSINSLOT", String(slot), String(PAGE));
      if (keys.length === 0) return;
      const how = ["0", String(MOVED_WITHIN_MS), ...(password ? ["AUTH", password] : []), "KEYS", ...keys];
      await from.command("MIGRATE", "127.0.0.1", String(to.port), "", ...how);
    }
  }

  // Of the nodes that run.
  get pids() {
    return this.nodes.filter(({ program }) => !program.exit).flatMap(({ pids }) => pids);
  }

  // Seconds of CPU that they have used so far.
  cpu() {
    return cpuOf(this.pids);
  }
}

// Free, as are those of the bus, and all different.
async function freePorts(count, taken) {
  const used = new Set(taken.flatMap(({ port }) => [port, port + BUS]));
  const ports = [];
  while (ports.length < count) {
    const port = await freePort({ further: BUS });
    if (used.has(port) || used.has(port + BUS)) continue;
    ports.push(port);
    used.add(port).add(port + BUS);
  }
  return ports;
}

// The first of them is the others' primary, once they have heard of it.
async function follow([primary, ...replicas]) {
  for (const replica of replicas)
    await until(
      () => replica.command("CLUSTER", "REPLICATE", primary.id).catch(() => false),
      () => `waiting for ${replica.port} to know ${primary.port}`,
    );
}

// What a node says of those that are up; "settled…" where it has nothing to wait for.
async function viewOf(node, up) {
  const lines = (await node.command("CLUSTER", "NODES")).trim().split("\n").map(parseNode);
  const about = lines.filter(({ id }) => up.some((other) => other.id === id));
  const told = about.map(({ id, flags, primary, slots }) => {
    const role = flags.filter((flag) => flag !== "myself").join(",");
    return `${id} ${role} ${primary} ${slots.map(({ first, last }) => `${first}-${last}`).join(" ")}`;
  });
  const info = await node.command("CLUSTER", "INFO");
  const replication = await node.command("INFO", "replication");
  const isSettled =
    told.length === up.length &&
    !told.some((line) => /fail|handshake|noaddr/.test(line)) &&
    /cluster_state:ok/.test(info) &&
    info.includes(`cluster_slots_assigned:${SLOTS}`) &&
    !/master_link_status:down/.test(replication);
  return [isSettled ? "settled" : "not settled", ...told.sort()].join("\n");
}
