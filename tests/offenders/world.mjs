// What offenders find: a gateway on Redis with a crowded ride, and the good ones. Everybody has a token, as good as
// anybody's, so that nothing but the limits is between offenders and the good.

import { becomes } from "../lib/cluster.mjs";
import { Redis } from "../lib/redis.mjs";
import { Rider } from "../lib/rider.mjs";
import { FREE_AT_ONCE } from "../lib/sanitized.mjs";
import { startGateway } from "../lib/server.mjs";
import { goodToken, tokenOptions } from "../lib/token.mjs";
import { gather } from "./crowd.mjs";
import { Good } from "./good.mjs";

const CROWD = 250;
const MIB = 2 ** 20;
// Else it takes more to be over them.
const LOW_LIMITS = {
  rosterBytes: 8 * MIB,
  memoryBudget: 32 * MIB,
  newRidesPerSecond: 100,
  bodyTimeout: 2000,
  stallTimeout: 5000,
  replayBytesPerAddress: 250_000,
};

// Whoever has seen the ride empty: all that happens there is what it has missed.
async function leaveEarly(t, world) {
  const token = world.token("former");
  const rider = await Rider.join(t, world, world.crowded, { token });
  rider.client.tcp.destroy();
  return { token, pid: rider.pid };
}

// With other `limits` (none: the defaults), or where nobody is asked for a token: the gateway, with `crowded`: a ride; `former`: who may come back to it; `redis`; `token(id)`; `good`; `keys()`: those
// in Redis that are of rides.
export async function openWorld(t, { good = 500, crowd = CROWD, limits = LOW_LIMITS, tokens = true, ...options } = {}) {
  const redis = await Redis.start(t, { config: ["--appendonly", "no"] });
  const gateway = await startGateway(t, {
    broker: redis.url,
    env: FREE_AT_ONCE,
    ...(tokens ? tokenOptions(t) : {}),
    ...limits,
    ...options,
  });
  await becomes(t, gateway, 200);
  const world = {
    ...gateway,
    redis,
    crowded: "/crowded",
    token: (id) => goodToken(id, {}, "HS256"),
    pids: { gateway: gateway.program.child.pid, redis: redis.program.child.pid },
    keys: async () => (await redis.command("KEYS", "ridecast:{*")).sort(),
    get logged() {
      return gateway.program.stderr;
    },
  };
  world.former = await leaveEarly(t, world);
  await gather(t, world, world.crowded, crowd);
  world.good = await Good.start(t, world, good);
  return world;
}
