// Counters at /metrics never go down while a gateway runs, whatever its clients and Redis do.

import assert from "node:assert/strict";
import { test } from "node:test";
import { becomes, startCluster } from "../lib/cluster.mjs";
import { request } from "../lib/http.mjs";
import { Client, MODES } from "../lib/official.mjs";
import { boardings, letBack } from "../lib/recovery.mjs";
import { Relay } from "../lib/relay.mjs";
import { user } from "../lib/rider.mjs";
import { UNLIMITED } from "../lib/server.mjs";
import { WebSocketClient } from "../lib/websocket.mjs";

// What counts upwards, by series: counters, and all of a histogram.
async function counters(t, server) {
  const { body } = await request(t, server, { path: "/metrics" });
  const types = Object.fromEntries([...body.matchAll(/^# TYPE (\w+) (\w+)$/gm)].map(([, name, type]) => [name, type]));
  const upwards = (name) =>
    types[name] === "counter" || types[name.replace(/_(bucket|count|sum)$/, "")] === "histogram";
  const series = [...body.matchAll(/^((\w+)(?:\{.*\})?) (\S+)$/gm)].filter(([, , name]) => upwards(name));
  return new Map(series.map(([, name, , value]) => [name, Number(value)]));
}

// Looks again and again; end() is the last look, and returns [name, how much it has risen] of all.
async function watchCounters(t, server) {
  const first = await counters(t, server);
  let latest = first;
  let ended = false;
  const look = async () => {
    const next = await counters(t, server);
    for (const [name, value] of latest) assert.ok(next.get(name) >= value, `${name}: ${value}, then ${next.get(name)}`);
    latest = next;
  };
  const watching = (async () => {
    while (!ended) await look();
  })();
  watching.catch(() => {}); // told by end()
  return async () => {
    ended = true;
    await watching;
    await look();
    return Object.fromEntries([...latest].map(([name, value]) => [name, value - first.get(name)]));
  };
}

test("counters never go down under load, while clients come back and Redis is restarted", async (t) => {
  const { a, redis } = await startCluster(t, { size: 1, nodeLease: 500, recoveryWindow: 600_000, ...UNLIMITED });
  const end = await watchCounters(t, a);
  const relay = await Relay.start(t, a);
  const steady = await Client.connect(t, a, "WebSocket only");
  await WebSocketClient.open(t, a, "/ws");
  const riders = await Promise.all(Object.keys(MODES).map((mode) => Client.connect(t, relay, mode)));
  for (const [i, rider] of riders.entries()) await rider.ask(user(`r${i}`));

  const ROUNDS = 3;
  for (let round = 1; round <= ROUNDS; round++) {
    for (const rider of riders) await rider.settled(t, a);
    relay.cut();
    await Promise.all(riders.map((rider) => rider.lost()));
    await boardings(steady, "steady", 100);
    for (const rider of riders) letBack(rider, relay, a);
    await Promise.all(riders.map((rider) => rider.back(round + 1)));
  }
  await redis.stop();
  await becomes(t, a, 503);
  await redis.run();
  await becomes(t, a, 200);
  await boardings(steady, "steady", 100);

  const risen = await end();
  assert.equal(risen['ridecast_transitions_total{result="refused"}'], 0);
  assert.ok(risen['ridecast_transitions_total{result="ok"}'] >= 100 * (ROUNDS + 1) + riders.length);
  assert.equal(risen['ridecast_recoveries_total{result="recovered"}'], ROUNDS * riders.length);
  assert.equal(risen.ridecast_broker_reconnects_total, 1);
  assert.equal(risen.ridecast_events_total, 100 * (ROUNDS + 1) + riders.length);
  for (const name of ["ridecast_deliveries_total", "ridecast_batch_events_sum", "ridecast_loop_lag_seconds_count", "process_cpu_seconds_total"])
    assert.ok(risen[name] > 0, name);
});
