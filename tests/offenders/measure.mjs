// What one offence costs, and what it does to the good ones.

import { scoped } from "../lib/cleanup.mjs";
import { forgetPeak, usage } from "../lib/usage.mjs";
import { Address } from "./address.mjs";

export async function measure(world, host, { offence }) {
  const { gateway, redis } = world.pids;
  const kept = await ridesKept(world);
  const loggedBefore = world.logged.length;
  forgetPeak(gateway);
  const before = { gateway: usage(gateway), redis: usage(redis) };
  await world.good.forget();
  const address = await commit(world, host, offence);
  const p99 = await world.good.p99();
  const after = { gateway: usage(gateway), redis: usage(redis) };
  return {
    ...address.traffic,
    told: address.told,
    p99,
    peak: after.gateway.peak,
    memory: after.gateway.peak - before.gateway.resident,
    cpu: after.gateway.cpu - before.gateway.cpu,
    redisCpu: after.redis.cpu - before.redis.cpu,
    lines: world.logged.slice(loggedBefore).split("\n").length - 1,
    kept: (await ridesKept(world)).filter((ride) => !kept.includes(ride)),
    faults: await world.good.faults(),
  };
}

// Of which something is in Redis.
const ridesKept = async (world) => [...new Set((await world.keys()).map((key) => key.match(/\{(.*)\}/)[1]))];

// Once; its connections are ended then. Answers the address.
export const commit = (world, host, offence) =>
  scoped(async (t) => {
    const address = new Address(t, world, host);
    await offence(address, world);
    return address;
  });
