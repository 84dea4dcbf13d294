// Options that should be the same on all gateways are compared, by each of them and without being asked to.

import assert from "node:assert/strict";
import { test } from "node:test";
import { becomes, startCluster } from "../lib/cluster.mjs";
import { request } from "../lib/http.mjs";
import { gauge } from "../lib/metrics.mjs";
import { startGateway } from "../lib/server.mjs";
import { until } from "../lib/wait.mjs";

const COMMON = { nodeLease: 500, recoveryWindow: 5000 };

async function cluster(t, others) {
  const { a, redis } = await startCluster(t, { size: 1, nodeId: "a", ...COMMON });
  const b = await startGateway(t, { broker: redis.url, nodeId: "b", ...COMMON, ...others });
  await becomes(t, b, 200);
  return { a, b, redis };
}

const lines = ({ program }) => program.stderr.match(/(?<=cluster: ).*/g) ?? [];

const says = (gateway, ...expected) =>
  until(
    () => JSON.stringify(lines(gateway)) === JSON.stringify(expected),
    () => JSON.stringify(lines(gateway)),
  );

async function differing(t, server) {
  const { status, body } = await request(t, server, { path: "/api/cluster" });
  assert.equal(status, 200);
  return JSON.parse(body).differing;
}

const differ = (node, option, value, own) =>
  `gateway ${node} has --${option} ${value}, this one ${own}; give all of them the same`;

test("two gateways that differ say so, and nobody has to ask", async (t) => {
  const { a, b } = await cluster(t, { recoveryWindow: 7000, auth: "none", rides: "/line-*" });
  await until(
    () => lines(a).length === 2,
    () => a.program.stderr,
  );
  const [, there, here] = lines(a)[0].match(/ (#[0-9a-f]{16}), this one (#[0-9a-f]{16});/);
  assert.notEqual(there, here);
  await says(a, differ("b", "rides", there, here), differ("b", "recovery-window", 7000, 5000));
  await says(b, differ("a", "rides", here, there), differ("a", "recovery-window", 5000, 7000));
  for (const gateway of [a, b]) {
    const { rides, ...others } = await differing(t, gateway);
    assert.deepEqual(rides, { [here]: ["a"], [there]: ["b"] });
    assert.deepEqual(others, { "recovery-window": { 5000: ["a"], 7000: ["b"] } });
    assert.equal(await gauge(t, gateway, "ridecast_options_differ"), 2);
  }
});

test("it is said once, and once more when it has ended", async (t) => {
  const { a, b, redis } = await cluster(t, {});
  const other = (lease) =>
    redis.command("SET", "ridecast:node:other", JSON.stringify({ node: "other", options: { "node-lease": lease } }));
  const becomesOf = (count) =>
    until(
      async () => {
        await differing(t, a);
        return (await gauge(t, a, "ridecast_options_differ")) === count;
      },
      () => a.program.stderr,
    );
  assert.deepEqual(await differing(t, a), {});
  assert.deepEqual([lines(a), lines(b)], [[], []]);
  await redis.command("SADD", "ridecast:nodes", "other");
  await other(600);
  const warning = differ("other", "node-lease", 600, 500);
  await Promise.all([says(a, warning), says(b, warning)]);
  await becomesOf(1);
  await other(500);
  await becomesOf(0);
  await says(a, warning, "gateway other agrees again on --node-lease");
  await other(600);
  await becomesOf(1);
  await says(a, warning, "gateway other agrees again on --node-lease", warning);
});
