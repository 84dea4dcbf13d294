// Gateways that share a Redis.

import { request } from "./http.mjs";
import { gauge } from "./metrics.mjs";
import { freePort } from "./port.mjs";
import { Redis } from "./redis.mjs";
import { RedisCluster } from "./redis-cluster.mjs";
import { user } from "./rider.mjs";
import { startGateway } from "./server.mjs";
import { until } from "./wait.mjs";

export async function readiness(t, server) {
  return (await request(t, server, { path: "/readyz" })).status;
}

export const becomes = (t, server, status) =>
  until(
    async () => (await readiness(t, server)) === status,
    () => `waiting for /readyz to say ${status}`,
  );

// `ports`: where the gateways listen, else each on a port that stays free while it is stopped. `redis`: what they share,
// else one server that is started for them.
export async function startCluster(t, { size = 2, ports, redis, ...options } = {}) {
  redis ??= await Redis.start(t);
  const gateways = [];
  for (let i = 0; i < size; i++) {
    const listen = `127.0.0.1:${ports?.[i] ?? (await freePort())}`;
    gateways.push(await startGateway(t, { listen, broker: redis.url, ...options }));
  }
  for (const gateway of gateways) await becomes(t, gateway, 200);
  const [a, b, c] = gateways;
  return { redis, gateways, a, b, c };
}

// On a Redis Cluster, made with the options that are in `redis`.
export async function startOnCluster(t, { size = 2, redis: made = {}, ...options } = {}) {
  const redis = await RedisCluster.start(t, made);
  const gateways = [];
  for (let i = 0; i < size; i++) gateways.push(await startGateway(t, { broker: redis.url, ...options }));
  for (const gateway of gateways) await becomes(t, gateway, 200);
  const [a, b] = gateways;
  return { redis, gateways, a, b };
}

// Answers to the boardings of riders whose rides are at the shard: it stands still until all of them wait, in this order.
// The gateway sends the first two by themselves, and the others together.
export async function boardTogether(t, gateway, shard, riders) {
  const answers = [];
  let each;
  shard.cut();
  for (const rider of riders) {
    answers.push(rider.ask(user("u")));
    await until(
      async () => {
        const held = await gauge(t, gateway, "ridecast_broker_queue_bytes");
        each ??= held || undefined;
        return held === answers.length * each;
      },
      () => `waiting for boarding ${answers.length} to be submitted`,
    );
  }
  shard.rejoin();
  return answers;
}
