// Several gateways and one Redis, each gateway behind a proxy of its own, and all that can be done to them.

import { rm } from "node:fs/promises";
import path from "node:path";
import { onEnd } from "../../lib/cleanup.mjs";
import { built } from "../../lib/places.mjs";
import { Program } from "../../lib/process.mjs";
import { Redis } from "../../lib/redis.mjs";
import { Proxy } from "./proxy.mjs";

export const GATEWAY = built("gateway/ridecast-gateway");

// One that is wrong on purpose (CMakeLists.txt here).
export const brokenGateway = (name) => built(`tests/cluster/chaos/${name}`);

export class Cluster {
  // `options` of the gateway by name, `binary` where it is.
  static async start(t, { gateways, binary = GATEWAY, options = {} }) {
    const cluster = new Cluster(binary, options);
    cluster.redis = await Redis.start(t);
    for (let i = 0; i < gateways; i++) {
      const proxy = await Proxy.start(t, cluster.redis.port);
      cluster.nodes.push({ name: `gateway ${i}`, proxy, program: null, url: null, stopped: false });
    }
    onEnd(t, () => cluster.#end());
    for (const node of cluster.nodes) await cluster.run(node);
    return cluster;
  }

  constructor(binary, options) {
    Object.assign(this, { binary, options, nodes: [] });
  }

  // Starts a gateway in the place of one that is not there.
  async run(node) {
    const options = { listen: "127.0.0.1:0", broker: `redis://127.0.0.1:${node.proxy.port}`, ...this.options };
    const args = Object.entries(options).flatMap(([name, value]) => [`--${name}`, String(value)]);
    node.program = new Program(this.binary, args);
    const [, port] = await node.program.printed(/^listening on .*:(\d+)$/m);
    node.url = `http://127.0.0.1:${port}`;
  }

  async kill(node) {
    node.url = null;
    node.stopped = false;
    await node.program.kill("SIGKILL");
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

  async killRedis({ keepData }) {
    await this.redis.stop("SIGKILL");
    if (!keepData) await rm(path.join(this.redis.folder, "appendonlydir"), { recursive: true, force: true });
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

  usersOf(ride) {
    return this.redis.hash(`ridecast:{${ride}}:users`);
  }

  // "17-abcdefgh", as gateways print it; null for a ride nobody has used.
  async positionOf(ride) {
    const [epoch, offset] = await this.redis.command("HMGET", `ridecast:{${ride}}:meta`, "epoch", "offset");
    return epoch === null ? null : `${offset}-${epoch}`;
  }
}
