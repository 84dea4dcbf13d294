// Several gateways and one Redis, each gateway behind a proxy of its own, and all that can be done to them.

import { cp, rm } from "node:fs/promises";
import path from "node:path";
import { onEnd } from "../../lib/cleanup.mjs";
import { ShiftedClock } from "../../lib/clock.mjs";
import { built } from "../../lib/places.mjs";
import { Program } from "../../lib/process.mjs";
import { Redis } from "../../lib/redis.mjs";
import { until } from "../../lib/wait.mjs";
import { writePosition } from "./position.mjs";
import { Proxy } from "./proxy.mjs";

export const GATEWAY = built("gateway/ridecast-gateway");

// One that is wrong on purpose (CMakeLists.txt here).
export const brokenGateway = (name) => built(`tests/cluster/chaos/${name}`);

export class Cluster {
  // `options` of the gateway by name, `binary` where it is.
  static async start(t, { gateways, binary = GATEWAY, options = {} }) {
    const cluster = new this(t, binary, options);
    await cluster.startRedis(gateways);
    for (let i = 0; i < gateways; i++)
      cluster.nodes.push({ name: `gateway ${i}`, ...(await cluster.wayFor(i)), program: null, url: null, stopped: false });
    onEnd(t, () => cluster.#end());
    for (const node of cluster.nodes) await cluster.run(node);
    return cluster;
  }

  users = ["default"]; // whom gateways log in as
  #copies = 0;

  constructor(t, binary, options) {
    Object.assign(this, { t, binary, options, nodes: [], past: [] });
  }

  async startRedis() {
    this.clock = new ShiftedClock(this.t);
    this.redis = await Redis.start(this.t, { env: this.clock.env });
  }

  // What stands between a gateway and Redis, and the URL that leads there.
  async wayFor() {
    const proxy = await Proxy.start(this.t, this.redis.port);
    return { proxy, broker: `redis://127.0.0.1:${proxy.port}` };
  }

  // A part of that, where there are several.
  aWay({ proxy }) {
    return proxy;
  }

  // One of those that can be written to.
  async aServer() {
    return this.redis;
  }

  // The one that has the ride; null: none has it now.
  async serverOf() {
    return this.redis;
  }

  // Of the rides that are used, those at that server; null: all.
  async ridesAt() {
    return null;
  }

  // Of which rides a replica has taken the server's place though nobody had that in mind.
  async surprised() {
    return [];
  }

  // What can be told of each server: [name, text].
  get serverLogs() {
    return [["Redis", this.redis.program.stdout]];
  }

  // Starts a gateway in the place of one that is not there.
  async run(node) {
    const options = { listen: "127.0.0.1:0", broker: node.broker, ...this.options };
    const args = Object.entries(options).flatMap(([name, value]) => [`--${name}`, String(value)]);
    if (node.program) this.past.push({ name: node.name, program: node.program });
    node.program = new Program(this.binary, args);
    const [, port] = await node.program.printed(/^listening on .*:(\d+)$/m);
    node.url = `http://127.0.0.1:${port}`;
  }

  async kill(node) {
    node.url = null;
    node.stopped = false;
    await node.program.kill("SIGKILL");
  }

  // Asked to end, which takes it as long as it must.
  async drain(node) {
    node.url = null;
    await node.program.stop();
  }

  stop(node) {
    node.stopped = true;
    node.program.child.kill("SIGSTOP");
  }

  // A node that was killed meanwhile stays so.
  resume(node) {
    if (!node.stopped) return;
    node.stopped = false;
    node.program.child.kill("SIGCONT");
  }

  // Gateways that have ended though nobody has killed them.
  get crashed() {
    return this.nodes.filter(({ url, program }) => url !== null && program.exit);
  }

  // Whether all gateways say that they are.
  async isReady() {
    return (await Promise.all(this.nodes.map(isReady))).every((ready) => ready);
  }

  // `data`: "kept", "lost", or a copy of it that copyData() has made.
  async killRedis({ data }) {
    const { redis } = this;
    await redis.stop("SIGKILL");
    if (data === "kept") return;
    await rm(dataOf(redis), { recursive: true, force: true });
    if (data !== "lost") await cp(data, dataOf(redis), { recursive: true });
  }

  // What Redis would have if the machine lost its power now. A server that ends its file amid a command is used to it.
  async copyData() {
    const copy = path.join(this.redis.folder, `copy-${this.#copies++}`);
    await cp(dataOf(this.redis), copy, { recursive: true });
    return copy;
  }

  // A second server that has what the first has now, and hears no more of it.
  async detachedReplica() {
    const config = ["--replicaof", "127.0.0.1", String(this.redis.port), "--repl-diskless-sync-delay", "0"];
    const replica = await Redis.start(this.t, { env: this.clock.env, config });
    await until(
      async () => /master_link_status:up/.test(await replica.command("INFO", "replication")),
      () => `waiting for a replica of Redis\n${replica.program.stdout}`,
    );
    await replica.command("REPLICAOF", "NO", "ONE");
    // So it stays when it is killed and comes back.
    replica.config = [];
    return replica;
  }

  // It takes the place of the server that was, at all gateways' addresses.
  async promote(replica) {
    const before = this.redis;
    this.redis = replica;
    for (const { proxy } of this.nodes) proxy.leadTo(replica.port);
    await before.stop("SIGKILL");
  }

  // A gateway nobody has killed ends in good order, whatever it has been through.
  async #end() {
    const left = this.nodes.filter(({ program }) => program && !program.exit);
    for (const node of left) {
      node.proxy.pass();
      this.resume(node);
    }
    const ends = await Promise.allSettled(left.map(({ program }) => program.stop()));
    for (const { reason } of ends) if (reason) throw reason;
  }

  // Who is aboard, as Redis says it: records, in no order; null: it cannot say now.
  async usersOf(ride) {
    const server = await this.serverOf(ride);
    const users = await server?.hash(`ridecast:{${ride}}:users`).catch(() => null);
    return users ? Object.values(users).map((json) => JSON.parse(json)) : null;
  }

  // As gateways print it; null for a ride nobody has used.
  async positionOf(ride) {
    const fields = ["epoch", "offset", "chain"];
    const server = await this.serverOf(ride);
    const [epoch, offset, chain] = await server.command("HMGET", `ridecast:{${ride}}:meta`, ...fields);
    return epoch === null ? null : writePosition({ epoch, offset, chain });
  }
}

// Who is aboard, as a gateway says it; null: it cannot say now.
export async function usersAt(node, ride) {
  const answer = await fetch(`${node.url}/api/users?ride=${ride}`).catch(() => null);
  return answer?.status === 200 ? answer.json() : null;
}

export async function isReady(node) {
  const answer = await fetch(`${node.url}/readyz`, { signal: AbortSignal.timeout(1000) }).catch(() => null);
  return answer?.status === 200 && (await answer.text().catch(() => "")).trim() === "ready"; // and nothing is away
}

const dataOf = (redis) => path.join(redis.folder, "appendonlydir");
