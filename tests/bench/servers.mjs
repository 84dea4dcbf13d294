// The servers that are measured, each pinned to the first core with whatever it needs beside it.

import { execFileSync } from "node:child_process";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { scoped } from "../lib/cleanup.mjs";
import { ROOT, built } from "../lib/places.mjs";
import { startProgram } from "../lib/process.mjs";
import { RedisCluster } from "../lib/redis-cluster.mjs";
import { Redis } from "../lib/redis.mjs";

export const HERE = fileURLToPath(new URL(".", import.meta.url));
const NODE_PEERS = path.join(HERE, "peers/node");
const RUST_PEER = path.join(HERE, "peers/socketioxide");
const RUST_TARGET = path.join(ROOT, "build/bench-peers/socketioxide");

export const SERVER_CORE = "0";
export const LOAD_CORE = os.cpus().length > 1 ? "1" : SERVER_CORE; // its own, or nothing is worth measuring

// All clients have one address here, and some speak as fast as they can.
const UNLIMITED = [
  "max-connections-per-address",
  "handshakes-per-address",
  "messages-per-second",
  "bytes-per-second",
  "asks-per-second",
  "transitions-per-second",
  "events-per-second",
  "rides-per-address",
  "new-rides-per-second",
  "bad-tokens-per-address",
  "resumes-per-address",
  "replay-bytes-per-address",
].flatMap((name) => [`--${name}`, "0"]);

export const gateway = (program, redis, options = []) => [
  program,
  ...["--listen", "127.0.0.1:0", "--log-level", "error", ...UNLIMITED, ...(redis ? ["--broker", redis] : []), ...options],
];
const socketIo = (redis) => ["node", path.join(NODE_PEERS, "socketio.mjs"), ...(redis ? ["--redis", redis] : [])];
const socketioxide = (redis) => [path.join(RUST_TARGET, "release/socketioxide-peer"), ...(redis ? [redis] : [])];

// Their command lines. `peer`: what has to be installed for them.
export const SERVERS = {
  floor: { command: () => [built("tests/bench/bench-floor")] },
  ridecast: { command: (redis, options) => gateway(built("gateway/ridecast-gateway"), redis, options) },
  "socket.io": { command: socketIo, peer: "node" },
  ws: { command: () => ["node", path.join(NODE_PEERS, "ws.mjs")], peer: "node", dialect: "plain" },
  socketioxide: { command: socketioxide, peer: "rust" },
};

const PEERS = {
  node: ["npm", ["ci", "--no-audit", "--no-fund"], NODE_PEERS],
  rust: ["cargo", ["build", "--release", "--target-dir", RUST_TARGET], RUST_PEER],
};
const missing = {};

function install([program, args, cwd]) {
  try {
    execFileSync(program, args, { cwd, stdio: ["ignore", "ignore", "pipe"] });
    return null;
  } catch (error) {
    const said = String(error.stderr ?? "").trim().split("\n");
    return `${program} ${args[0]}: ${said.find((line) => /error/i.test(line)) ?? error.message}`;
  }
}

// Why a server cannot be run; null: it can. A peer is installed when it is asked for first.
export function available(server) {
  const { peer } = SERVERS[server];
  if (peer && !(peer in missing)) missing[peer] = install(PEERS[peer]);
  return missing[peer] ?? null;
}

const pinnedTo = (core) => ["taskset", "-c", core];

const STORES = {
  one: (t, options) => Redis.start(t, options),
  cluster: (t, options) => RedisCluster.start(t, { replicas: 0, ...options }),
};

// `count` processes of one server, on the servers' core, with a store of their own where `redis` names one, on that core
// unless `redisCore` says another; `use` gets { ports, pids, redis } and they end with it.
export const withServer = (name, { count = 1, redis, redisCore = SERVER_CORE, options } = {}, use) =>
  scoped(async (t) => {
    const kept = { under: pinnedTo(redisCore), config: ["--appendonly", "no"] };
    const store = redis && (await STORES[redis](t, kept));
    const [command, ...args] = [...pinnedTo(SERVER_CORE), ...SERVERS[name].command(store?.url, options)];
    const programs = Array.from({ length: count }, () => startProgram(t, command, args));
    const printed = await Promise.all(programs.map((program) => program.printed(/listening on .*:(\d+)$/m)));
    const ports = printed.map(([, port]) => Number(port));
    return use({ ports, pids: programs.map((program) => program.child.pid), redis: store });
  });
