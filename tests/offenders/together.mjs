// Twenty addresses do all that the table has, at the same time and again and again, beside the good ones; then all must
// be as it was before.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import os from "node:os";
import { isDeepStrictEqual } from "node:util";
import { gauges } from "../lib/metrics.mjs";
import { isSanitized } from "../lib/sanitized.mjs";
import { forgetPeak, mb, usage } from "../lib/usage.mjs";
import { sleep, until } from "../lib/wait.mjs";
import { commit } from "./measure.mjs";
import { OFFENCES } from "./offences.mjs";
import { openWorld } from "./world.mjs";

const ADDRESSES = 20;
const STRANGERS = OFFENCES.filter(({ writes }) => !writes); // whoever writes to Redis is no stranger
const SOON = { pingInterval: 5000, pingTimeout: 10_000 }; // what is abandoned ends soon
// The sanitizers' allocator has no way to give back part of a page range.
const GROWTH = { release: 1.1, sanitized: Infinity };
// What the good ones' rides keep of their latest events, which get more all the time: at most 1 MiB of records each.
const HISTORIES = 16 * 2 ** 20;
const NICE = 5;
const LOOK_MS = 500;
const PATIENCE_MS = 90_000;
const COUNTS = ["ridecast_rides", "ridecast_ride_members", "ridecast_connections", "ridecast_riders_held"];

// Offenders are elsewhere, and must not have the CPU that the gateway needs: they get what is left of one core. A boarding
// takes six wake-ups of others, and each that finds that core busy waits for what a nice process has begun, up to a tick
// of the kernel's. So where the machine is theirs `alone`, they run when nobody else wants to; else that would be never.
function stepAside(alone) {
  const me = String(process.pid);
  if (os.availableParallelism() > 1) spawnSync("taskset", ["-acp", "0", me]);
  if (alone) spawnSync("chrt", ["-a", "--idle", "-p", "0", me]);
  else os.setPriority(NICE);
}

// `onPart` is given, every `partMs`, what was since then: { p99, asSeen, resident, files, faults }. Answers the good
// ones' p99 before, `told` by offence, the gateway's state before and after, its `peak` of memory, and what the good
// ones say.
export async function together(t, { seconds, partMs, alone, onPart }) {
  const world = await openWorld(t, SOON);
  stepAside(alone);
  await world.good.forget();
  await sleep(partMs);
  const calmP99 = await world.good.p99();

  const told = new Map();
  const offend = async (i) => {
    const { name, offence } = STRANGERS[i % STRANGERS.length];
    told.set(name, (await commit(world, `127.0.3.${i + 1}`, offence)).told);
  };
  const empty = await resting(t, world);
  await Promise.all(STRANGERS.map((_, i) => offend(i))); // so that the gateway has met them all
  const before = await comesBack(t, world, empty, { allocated: Infinity, resident: Infinity });

  forgetPeak(world.pids.gateway);
  const end = performance.now() + seconds * 1000;
  const offenders = Array.from({ length: ADDRESSES }, async (_, i) => {
    while (performance.now() < end) await offend(i);
  });
  const reports = (async () => {
    while (performance.now() < end) {
      await world.good.forget();
      await sleep(Math.min(partMs, end - performance.now()));
      const { resident, files } = usage(world.pids.gateway);
      const [p99, asSeen, faults] = [await world.good.p99(), await world.good.asSeen(), await world.good.faults()];
      onPart({ p99, asSeen, resident, files, faults });
    }
  })();
  await Promise.all([...offenders, reports]);
  const { peak } = usage(world.pids.gateway);
  const growth = isSanitized(world) ? GROWTH.sanitized : GROWTH.release;
  const after = await comesBack(t, world, before, {
    allocated: before.allocated + HISTORIES,
    resident: before.resident * growth + HISTORIES,
  });
  return { calmP99, told, before, peak, after, good: await world.good.leave() };
}

// What is there while the good ones say nothing.
async function resting(t, world) {
  await world.good.rest();
  const [allocated, ...counts] = await gauges(t, world, "ridecast_allocated_bytes", ...COUNTS);
  const keys = await world.keys();
  const { resident, files } = usage(world.pids.gateway);
  await world.good.goOn();
  return {
    there: { ...Object.fromEntries(COUNTS.map((name, i) => [name, counts[i]])), files, keys: keys.join(" ") },
    allocated,
    resident,
  };
}

// Resolves when nothing is there that was not there then, and there are no more bytes than `most`.
async function comesBack(t, world, then, most) {
  let now;
  await until(
    async () => {
      await sleep(LOOK_MS);
      now = await resting(t, world);
      assert.deepEqual(await world.good.faults(), []);
      return isDeepStrictEqual(now.there, then.there) && now.allocated <= most.allocated && now.resident <= most.resident;
    },
    () => `waiting for the gateway to be as before: ${difference(then, now)}`,
    PATIENCE_MS,
  );
  return now;
}

function difference(then, now) {
  const names = Object.keys(then.there).filter((name) => then.there[name] !== now.there[name]);
  const changes = names.map((name) => `${name}: ${then.there[name]} -> ${now.there[name]}`);
  const memory = ({ resident, allocated }) => `${mb(resident)}, ${mb(allocated)} of it allocated`;
  return [...changes, `memory: ${memory(then)} -> ${memory(now)}`].join("; ");
}
