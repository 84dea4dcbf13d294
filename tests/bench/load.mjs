// The load generator, pinned to the second core, and what several of its runs come to.

import { built } from "../lib/places.mjs";
import { Program } from "../lib/process.mjs";
import { cpuOf } from "../lib/usage.mjs";
import { LOAD_CORE, SERVERS, withServer } from "./servers.mjs";

export const RUNS = Number(process.env.RUNS ?? 3);
const PROGRAM = built("tests/bench/bench-load");
const MARGIN_MS = 10 * 60 * 1000; // it ends by itself long before

const flags = (options) => Object.entries(options).flatMap(([name, value]) => [`--${name}`, String(value)]);

// One run against servers that are up: what it printed.
export async function load(options) {
  const program = new Program("taskset", ["-c", LOAD_CORE, PROGRAM, ...flags(options)]);
  const timer = setTimeout(() => program.child.kill("SIGKILL"), MARGIN_MS);
  await program.exited;
  clearTimeout(timer);
  if (!program.stdout.startsWith("{")) throw new Error(program.stderr.trim().split("\n").pop() || "no result");
  return JSON.parse(program.stdout);
}

export function median(values) {
  const sorted = values.filter((value) => typeof value === "number").sort((a, b) => a - b);
  return sorted.length > 0 ? sorted[Math.floor(sorted.length / 2)] : undefined;
}

// The worst of the counts that should be 0, the median of all other figures.
const COUNTS = new Set(["lost", "repeated", "disordered", "malformed", "refused", "closed", "faults"]);

function summary(results) {
  const names = Object.keys(results[0]);
  const of = (name) => results.map((result) => result[name]);
  return Object.fromEntries(
    names.map((name) => [name, COUNTS.has(name) ? Math.max(...of(name)) : (median(of(name)) ?? of(name)[0])]),
  );
}

// Whose CPU, as a setting's `measured` says.
const MEASURED = {
  server: ({ pids }) => pids,
  Redis: ({ redis }) => redis.pids,
  both: ({ pids, redis }) => [...pids, ...redis.pids],
};

// One against a server that is up, with what all processes of its Redis used.
async function run(server, { measured = "server" }, options) {
  const { ports, redis } = server;
  const pids = MEASURED[measured](server);
  const before = redis ? cpuOf(redis.pids) : 0;
  const result = await load({ ports, "server-pids": pids, ...options });
  return redis ? { ...result, redisCpuNsPerTransition: ((cpuOf(redis.pids) - before) * 1e9) / result.acked } : result;
}

// RUNS runs, each against servers started for it. `check` may look at the servers after a run.
// Where one fails the row says so: { error }.
export async function measure(name, setting, options, check = async () => ({})) {
  const results = [];
  const { dialect = "socketio" } = SERVERS[name];
  try {
    for (let i = 0; i < RUNS; i++)
      results.push(
        await withServer(name, setting, async (server) => {
          const result = await run(server, setting, { dialect, ...options });
          return { ...result, ...(await check(server, result)) };
        }),
      );
  } catch (error) {
    console.error(`  ${name}: ${error.message}`);
    return { error: error.message };
  }
  return summary(results);
}
