// What a Redis says that is not ridecast's own, or lies, takes a bounded part of a gateway's memory.

import assert from "node:assert/strict";
import { test } from "node:test";
import { request } from "../lib/http.mjs";
import { Redis } from "../lib/redis.mjs";
import { Rider, user } from "../lib/rider.mjs";
import { startGateway } from "../lib/server.mjs";
import { mb, usage } from "../lib/usage.mjs";
import { until } from "../lib/wait.mjs";

const MB = 1e6;
const FREE_SOON = { ASAN_OPTIONS: "quarantine_size_mb=1:allocator_release_to_os_interval_ms=0" };

// So many riders, each with a record of 60 kB, of a ride that nobody is on.
const FILL = `
  local more = string.rep('x', 60000)
  for i = 1, ARGV[1] do
    redis.call('HSET', KEYS[1], 'u' .. i, '{"id":"u' .. i .. '","name":"x","status":"boarding","more":"' .. more .. '"}')
  end`;

test("a roster larger than a ride may have is not read, and the gateway is there for other rides", async (t) => {
  const redis = await Redis.start(t, { config: ["--appendonly", "no"] });
  const server = await startGateway(t, { broker: redis.url, rosterBytes: 2 * MB, env: FREE_SOON });
  await until(() => request(t, server, { path: "/readyz" }).then(({ status }) => status === 200), () => "waiting for Redis");
  await redis.command("EVAL", FILL, "1", "ridecast:{/large}:users", "2500");
  const before = usage(server.program.child.pid).resident;
  const { status } = await request(t, server, { path: "/api/users?ride=/large" });
  assert.equal(status, 503);
  const held = usage(server.program.child.pid).resident - before;
  assert.ok(held < 100 * MB, mb(held)); // of 150 MB, and as much again to print it; a page of it is 30 MB, read and taken apart
  assert.match(server.program.stderr, /cannot read the roster of \/large: its riders are more than --roster-bytes allows/);
  const rider = await Rider.join(t, server, "/other");
  rider.say(user("a"));
  const [event, about] = await rider.event();
  assert.deepEqual([event, about], ["userBoarded", user("a")]);
  await redis.command("DEL", "ridecast:{/large}:users");
  const users = () => request(t, server, { path: "/api/users?ride=/large" });
  await until(async () => (await users()).status === 200, () => "waiting for the roster");
});
