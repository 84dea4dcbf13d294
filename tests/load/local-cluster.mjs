// A cluster of processes on this machine: Redis, three gateways and nginx, as deployed.
//
//   node local-cluster.mjs               on the ports below, until Ctrl-C
//   node local-cluster.mjs COMMAND…      on free ports, while the command runs; ends with its exit status.
//                                        RIDECAST_URL says where nginx is, RIDECAST_GATEWAYS where the gateways are

import { spawn } from "node:child_process";
import { scoped } from "../lib/cleanup.mjs";
import { startCluster } from "../lib/cluster.mjs";
import { Nginx } from "../lib/nginx.mjs";

const PORTS = { nginx: 8080, gateways: [3001, 3002, 3003], redis: 6390 };

async function start(t, { nginx: port, gateways: ports, redis: redisPort } = {}) {
  const cluster = await startCluster(t, { size: 3, ports, redisPort, trustedProxy: "127.0.0.0/8" });
  const nginx = await Nginx.start(t, cluster.gateways, { port });
  return { ...cluster, nginx };
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

async function run(t, [command, ...args]) {
  const { nginx, gateways } = await start(t);
  const env = { ...process.env, RIDECAST_URL: nginx.url, RIDECAST_GATEWAYS: gateways.map(({ url }) => url).join(",") };
  const child = spawn(command, args, { env, stdio: "inherit" });
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code) => resolve(code ?? 1));
  });
}

const command = process.argv.slice(2);
process.exitCode = await scoped((t) => (command.length > 0 ? run(t, command) : hold(t)));
