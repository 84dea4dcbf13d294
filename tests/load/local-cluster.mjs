// A cluster of processes on this machine: Redis, three gateways and nginx, as deployed.
//
//   node local-cluster.mjs               on the ports below, until Ctrl-C
//   node local-cluster.mjs COMMAND…      on free ports, while the command runs; ends with its exit status.
//                                        RIDECAST_URL says where nginx is, RIDECAST_GATEWAYS where the gateways are
//   node local-cluster.mjs --rolling COMMAND…
//                                        and once all gateways have riders they are restarted, one after the
//                                        other, each with SIGTERM. Fails when the command ends before that is done
//
// REDIS=cluster: Redis is a cluster, three primaries and a replica of each.

import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import path from "node:path";
import { scoped } from "../lib/cleanup.mjs";
import { becomes, startCluster } from "../lib/cluster.mjs";
import { gauge } from "../lib/metrics.mjs";
import { Nginx } from "../lib/nginx.mjs";
import { ROOT } from "../lib/places.mjs";
import { RedisCluster } from "../lib/redis-cluster.mjs";
import { Redis } from "../lib/redis.mjs";
import { startGateway } from "../lib/server.mjs";
import { until } from "../lib/wait.mjs";

const PORTS = { nginx: 8080, gateways: [3001, 3002, 3003], redis: [6390, 6391, 6392, 6393, 6394, 6395] };
const STORES = {
  one: (t, [port] = []) => Redis.start(t, { port }),
  cluster: (t, ports) => RedisCluster.start(t, { ports }),
};
const store = STORES[process.env.REDIS || "one"];
if (!store) {
  console.error(`REDIS is ${Object.keys(STORES).join(" or ")}`);
  process.exit(2);
}

// Where the client is built, the gateways serve it.
const PAGES = path.join(ROOT, "client/dist");
const OPTIONS = { trustedProxy: "127.0.0.0/8", ...(existsSync(`${PAGES}/index.html`) && { static: PAGES }) };
const PATIENCE_MS = 60_000;

async function start(t, { nginx: port, gateways: ports, redis: redisPorts } = {}) {
  const cluster = await startCluster(t, { size: 3, ports, redis: await store(t, redisPorts), ...OPTIONS });
  const nginx = await Nginx.start(t, cluster.gateways, { port });
  return { ...cluster, nginx };
}

const ridersAt = (t, gateway) => gauge(t, gateway, "ridecast_riders_held");

// Drains each gateway and starts it anew on its port; the next one's turn comes when it is ready.
async function rollingRestart(t, { redis, gateways }) {
  const allHaveRiders = async () => (await Promise.all(gateways.map((gateway) => ridersAt(t, gateway)))).every(Boolean);
  await until(allHaveRiders, () => "waiting for riders at all gateways", PATIENCE_MS);
  for (const gateway of gateways) {
    const began = performance.now();
    const riders = await ridersAt(t, gateway);
    await gateway.stop();
    const drained = performance.now();
    const again = await startGateway(t, { listen: `127.0.0.1:${gateway.port}`, broker: redis.url, ...OPTIONS });
    await becomes(t, again, 200);
    const seconds = (ms) => (ms / 1000).toFixed(1);
    console.log(
      `restarted ${gateway.url}, which had ${riders} riders: drained in ${seconds(drained - began)} s, ` +
        `ready again ${seconds(performance.now() - drained)} s later`,
    );
  }
}

function interrupted() {
  return new Promise((resolve) => {
    for (const signal of ["SIGINT", "SIGTERM"]) {
      process.removeAllListeners(signal); // instead of ending at once
      process.on(signal, () => resolve(0));
    }
  });
}

async function hold(t) {
  const end = interrupted();
  const { nginx, gateways, redis } = await start(t, PORTS);
  console.log(`nginx     ${nginx.url}\ngateways  ${gateways.map(({ url }) => url).join(" ")}\nRedis     ${redis.url}`);
  console.log("Ctrl-C ends it.");
  return end;
}

async function run(t, [command, ...args], rolling) {
  const cluster = await start(t);
  const gateways = cluster.gateways.map(({ url }) => url).join(",");
  const env = { ...process.env, RIDECAST_URL: cluster.nginx.url, RIDECAST_GATEWAYS: gateways };
  const child = spawn(command, args, { env, stdio: "inherit" });
  t.after(() => child.kill());
  let ended = false;
  const status = new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code) => resolve(code ?? 1));
  }).finally(() => (ended = true));
  if (rolling) {
    await Promise.race([status, rollingRestart(t, cluster)]);
    if (ended) throw new Error("the command ended before all gateways were restarted");
  }
  return status;
}

const args = process.argv.slice(2);
const rolling = args[0] === "--rolling";
const command = rolling ? args.slice(1) : args;
process.exitCode = await scoped((t) => (command.length > 0 ? run(t, command, rolling) : hold(t)));
