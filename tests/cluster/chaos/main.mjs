// make chaos: a run for each seed, then the figures. Ends with 1 if any run found something wrong.
//
//   node main.mjs [seeds] [seconds]      CHAOS_SEED: the first seed

import { scoped } from "../../lib/cleanup.mjs";
import { Random } from "./random.mjs";
import { ChaosFailure, runChaos } from "./chaos.mjs";
import { convergenceTimes, ghostTime } from "./figures.mjs";

const TRIALS = 20;
const AT_A_TIME = 4; // of trials that mostly wait
const LEASE_MS = 3000; // the defaults
const WINDOW_MS = 15_000;

const [seeds = 20, seconds = 60] = process.argv.slice(2).map(Number);
const firstSeed = Number(process.env.CHAOS_SEED ?? Date.now() % 1_000_000_000);

async function chaos() {
  const found = { lost: 0, doubled: 0 };
  let failures = 0;
  for (let seed = firstSeed; seed < firstSeed + seeds; seed++) {
    try {
      console.log(JSON.stringify(await scoped((t) => runChaos(t, { seed, seconds }))));
    } catch (error) {
      failures++;
      console.log(error instanceof ChaosFailure ? error.message : error);
      for (const { kind } of error.violations ?? []) found[kind] = (found[kind] ?? 0) + 1;
    }
  }
  console.log(`${seeds} runs of ${seconds} s, ${failures} failed; found: ${JSON.stringify(found)}`);
  return failures;
}

const inSeconds = (ms) => `${(ms / 1000).toFixed(2)} s`;

function print(what, times) {
  const order = times.sort((a, b) => a - b);
  const median = order[Math.floor(order.length / 2)];
  console.log(`${what}: median ${inSeconds(median)}, worst ${inSeconds(order.at(-1))} of ${order.length}`);
}

async function figures() {
  const random = new Random(firstSeed);
  for (const windowMs of [WINDOW_MS, 0]) {
    const times = [];
    while (times.length < TRIALS) {
      const trial = () => scoped((t) => ghostTime(t, { leaseMs: LEASE_MS, windowMs, random }));
      times.push(...(await Promise.all(Array.from({ length: AT_A_TIME }, trial))));
    }
    print(`kill -9 of a gateway to the last ghost's end (lease ${LEASE_MS} ms, window ${windowMs} ms)`, times);
  }
  for (const keepData of [true, false]) {
    const times = await scoped((t) => convergenceTimes(t, { trials: TRIALS, keepData, random }));
    print(`Redis answering again to all gateways whole (data ${keepData ? "kept" : "lost"})`, times);
  }
}

const failures = await chaos();
await figures();
process.exitCode = failures > 0 ? 1 : 0;
