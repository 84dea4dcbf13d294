// The servers that are measured, each pinned to the first core with whatever it needs beside it.

import { execFileSync } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { ROOT, built } from "../lib/places.mjs";
import { Program } from "../lib/process.mjs";
import { freePort } from "../lib/port.mjs";

export const HERE = fileURLToPath(new URL(".", import.meta.url));
const NODE_PEERS = path.join(HERE, "peers/node");
const RUST_PEER = path.join(HERE, "peers/socketioxide");
const RUST_TARGET = path.join(ROOT, "build/bench-peers/socketioxide");

export const SERVER_CORE = "0";
export const LOAD_CORE = "1";

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

const pinned = (command, core = SERVER_CORE) => new Program("taskset", ["-c", core, ...command]);

async function startRedis(core) {
  const folder = await mkdtemp(path.join(os.tmpdir(), "ridecast-bench-"));
  const port = await freePort();
  const program = pinned(
    ["redis-server", "--bind", "127.0.0.1", "--port", String(port)].concat(
      ["--dir", folder, "--save", "", "--appendonly", "no"],
    ),
    core,
  );
  await program.printed(/Ready to accept connections/);
  const stop = async () => {
    await program.kill("SIGTERM");
    await rm(folder, { recursive: true, force: true });
  };
  return { port, url: `redis://127.0.0.1:${port}`, pid: program.child.pid, stop };
}

// `count` processes of one server, with a Redis of their own if `redis`, on the servers' core unless `redisCore` says
// another; `use` gets { ports, pids, redisPort, redisPid } and they end with it.
export async function withServer(name, { count = 1, redis = false, redisCore, options } = {}, use) {
  const store = redis ? await startRedis(redisCore) : null;
  const programs = [];
  try {
    for (let i = 0; i < count; i++) programs.push(pinned(SERVERS[name].command(store?.url, options)));
    const printed = await Promise.all(programs.map((program) => program.printed(/listening on .*:(\d+)$/m)));
    const ports = printed.map(([, port]) => Number(port));
    const pids = programs.map((program) => program.child.pid);
    return await use({ ports, pids, redisPort: store?.port, redisPid: store?.pid });
  } finally {
    await Promise.all(programs.map((program) => program.kill("SIGKILL")));
    await store?.stop();
  }
}
