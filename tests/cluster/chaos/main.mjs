// make chaos: a run for each seed, JOBS of them side by side, each in a process of its own (run.mjs); then a table of
// what they went through, and the figures. Ends with 1 if any run found something wrong.
//
//   node main.mjs [seeds] [seconds]      CHAOS_SEED: the first seed    JOBS: runs side by side    FIGURES=0: none
//                                        CHAOS_LOGS: where the logs of runs that fail go
//                                        CLUSTER=1: on a Redis Cluster, without figures

import { spawn } from "node:child_process";
import { mkdirSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { BUILD } from "../../lib/places.mjs";
import { CLUSTER_FAULTS, FAULTS } from "./faults.mjs";
import { printFigures } from "./figures.mjs";

// How long a run may take beyond its seconds: the last round, its quiet, and the end of everything.
const SPARE_S = 180;
const GRACE_MS = 20_000;

const [seeds = 20, seconds = 60] = process.argv.slice(2).map(Number);
const firstSeed = Number(process.env.CHAOS_SEED ?? Date.now() % 1_000_000_000);
const onCluster = process.env.CLUSTER === "1";
const jobs = Number(process.env.JOBS ?? 1);
const logs = process.env.CHAOS_LOGS ?? path.join(BUILD, "chaos");
const KIND = onCluster ? "CLUSTER=1" : "FIGURES=0";
const RUN = fileURLToPath(new URL("run.mjs", import.meta.url));

const running = new Set();
process.on("exit", () => running.forEach((child) => child.kill()));
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.once(signal, () => process.exit(1));

// Resolves with { failed, said, summary }.
function run(seed, file) {
  const settings = JSON.stringify({ onCluster });
  const child = spawn(process.execPath, [RUN, seed, seconds, file, settings], { stdio: ["ignore", "pipe", "pipe"] });
  running.add(child);
  let said = "";
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding("utf8").on("data", (text) => (said += text));
  const late = setTimeout(
    () => {
      said += `\nseed ${seed} has not ended\n`;
      child.kill();
      setTimeout(() => child.kill("SIGKILL"), GRACE_MS).unref();
    },
    (seconds + SPARE_S) * 1000,
  );
  return new Promise((resolve) =>
    child.on("close", (code) => {
      clearTimeout(late);
      running.delete(child);
      const lines = said.trimEnd().split("\n");
      const last = lines.at(-1);
      if (!last.startsWith('{"seed"')) return resolve({ failed: true, said, summary: { survived: {}, failing: [] } });
      resolve({ failed: code !== 0, said: lines.slice(0, -1).join("\n"), summary: JSON.parse(last) });
    }),
  );
}

async function chaos() {
  const left = Array.from({ length: seeds }, (_, i) => firstSeed + i);
  const found = { lost: 0, doubled: 0 };
  const table = new Map(
    Object.keys(onCluster ? CLUSTER_FAULTS : FAULTS).map((name) => [name, { survived: 0, failing: 0 }]),
  );
  const failures = [];
  const worker = async () => {
    for (let seed; (seed = left.shift()) !== undefined;) {
      const file = path.join(logs, `seed-${seed}.log`);
      const { failed, said, summary } = await run(seed, file);
      const { survived, failing, ...numbers } = summary;
      if (failed) {
        failures.push(seed);
        console.log(
          `${said}\nseed ${seed} failed: CHAOS_SEED=${seed} make chaos SEEDS=1 SECONDS=${seconds} ${KIND}; ${file}`,
        );
      }
      console.log(JSON.stringify({ ...numbers, faults: sum(Object.values(survived)) }));
      for (const [name, times] of Object.entries(survived)) table.get(name).survived += times;
      for (const name of new Set(failing)) table.get(name).failing++;
      for (const [kind, times] of Object.entries(summary.found ?? {})) found[kind] = (found[kind] ?? 0) + times;
    }
  };
  mkdirSync(logs, { recursive: true });
  await Promise.all(Array.from({ length: jobs }, worker));
  print(table);
  console.log(
    `${seeds} runs of ${seconds} s, seeds ${firstSeed} to ${firstSeed + seeds - 1}: ${failures.length} failed`,
  );
  if (failures.length > 0)
    console.log(`failed: ${failures.join(", ")}; logs in ${logs}; found: ${JSON.stringify(found)}`);
  return failures.length;
}

const sum = (numbers) => numbers.reduce((all, one) => all + one, 0);

function print(table) {
  const width = Math.max(...[...table.keys()].map((name) => name.length));
  console.log(`\n${"fault".padEnd(width)}  survived  in a round that failed`);
  for (const [name, { survived, failing }] of table)
    console.log(`${name.padEnd(width)}  ${String(survived).padStart(8)}  ${failing || ""}`.trimEnd());
  console.log(`${"all".padEnd(width)}  ${String(sum([...table.values()].map((row) => row.survived))).padStart(8)}\n`);
}

const failures = seeds > 0 ? await chaos() : 0;
if (!onCluster && process.env.FIGURES !== "0") await printFigures(firstSeed);
process.exitCode = failures > 0 ? 1 : 0;
