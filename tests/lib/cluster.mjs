// Gateways that share a Redis.

import { request } from "./http.mjs";
import { Redis } from "./redis.mjs";
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

export async function startCluster(t, { size = 2, ...options } = {}) {
  const redis = await Redis.start(t);
  const gateways = [];
  for (let i = 0; i < size; i++) gateways.push(await startGateway(t, { broker: redis.url, ...options }));
  for (const gateway of gateways) await becomes(t, gateway, 200);
  const [a, b, c] = gateways;
  return { redis, gateways, a, b, c };
}
