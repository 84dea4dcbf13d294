// Redis' clock is put back or ahead by an hour: nobody is left behind, and nobody who is there, or comes back in time, is
// told as gone.

import assert from "node:assert/strict";
import { test } from "node:test";
import { ShiftedClock } from "../lib/clock.mjs";
import { becomes } from "../lib/cluster.mjs";
import { assertRecovered } from "../lib/recovery.mjs";
import { Redis } from "../lib/redis.mjs";
import { Rider, user } from "../lib/rider.mjs";
import { startGateway } from "../lib/server.mjs";
import { until } from "../lib/wait.mjs";

const WINDOW_MS = 3000;

async function cluster(t) {
  const clock = new ShiftedClock(t);
  const redis = await Redis.start(t, { env: clock.env });
  const options = { broker: redis.url, nodeLease: 1000, recoveryWindow: WINDOW_MS };
  const [a, b] = [await startGateway(t, options), await startGateway(t, options)];
  await becomes(t, a, 200);
  await becomes(t, b, 200);
  const onlooker = await Rider.join(t, b);
  const stays = await Rider.join(t, a);
  const drops = await Rider.join(t, a);
  for (const [rider, id] of [
    [stays, "stays"],
    [drops, "drops"],
  ]) {
    rider.say(user(id));
    await onlooker.hears("userBoarded", user(id));
  }
  return { redis, clock, a, b, onlooker, drops };
}

const aboard = async (onlooker) => (await onlooker.activeUsers()).users.map(({ id }) => id).sort();

const suspended = (redis) =>
  until(
    async () => (await redis.command("ZCARD", "ridecast:{/}:away")) === 1,
    () => "waiting for the suspension",
  );

test("put back by an hour: who is suspended is gone after a window, and nobody else", async (t) => {
  const { redis, clock, onlooker, drops } = await cluster(t);
  drops.client.tcp.reset();
  await suspended(redis);
  clock.set(-3600);
  await onlooker.hears("userDisconnected", user("drops"));
  assert.deepEqual(await aboard(onlooker), ["stays"]);
});

test("put back by an hour: who comes back is taken over from the gateway that had it", async (t) => {
  const { clock, b, onlooker, drops } = await cluster(t);
  clock.set(-3600);
  const back = await Rider.join(t, b, "/", { pid: drops.pid });
  assertRecovered(back, drops);
  back.say(user("drops", "boarding", { again: true }));
  await onlooker.hears("userBoarded", user("drops", "boarding", { again: true }));
  assert.deepEqual(await aboard(onlooker), ["drops", "stays"]);
});

test("put ahead by an hour: who is suspended may come back, and is gone later if it does not", async (t) => {
  const { redis, clock, b, onlooker, drops } = await cluster(t);
  drops.client.tcp.reset();
  await suspended(redis);
  clock.set(3600);
  await until(
    () => /the clock of Redis has leapt ahead by 3\d\d\d s/.test(b.program.stderr),
    () => `waiting for the leap to be seen\n${b.program.stderr}`,
  );
  const back = await Rider.join(t, b, "/", { pid: drops.pid });
  assertRecovered(back, drops);
  assert.deepEqual(await aboard(onlooker), ["drops", "stays"]);
  back.client.tcp.reset();
  await onlooker.hears("userDisconnected", user("drops"));
  assert.deepEqual(await aboard(onlooker), ["stays"]);
});

test("put back by an hour: who was on a gateway that was killed just before is gone all the same", async (t) => {
  const { redis, clock, a, onlooker, drops } = await cluster(t);
  drops.client.tcp.reset();
  await suspended(redis);
  await a.kill();
  clock.set(-3600);
  const gone = [await onlooker.event(), await onlooker.event()].map(([name, { id }]) => `${name} ${id}`);
  assert.deepEqual(gone.sort(), ["userDisconnected drops", "userDisconnected stays"]);
});
