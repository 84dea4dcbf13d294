// What a Redis says that is not ridecast's own, or lies, takes a bounded part of a gateway's memory.

import assert from "node:assert/strict";
import { test } from "node:test";
import { request } from "../lib/http.mjs";
import { Redis } from "../lib/redis.mjs";
import { Rider, user } from "../lib/rider.mjs";
import { startGateway } from "../lib/server.mjs";
import { forgetPeak, mb, usage } from "../lib/usage.mjs";
import { until } from "../lib/wait.mjs";

const MB = 1e6;
const FREE_SOON = { ASAN_OPTIONS: "quarantine_size_mb=1:allocator_release_to_os_interval_ms=0" };

// So many riders, each with a record of so many bytes and some, of a ride that nobody is on.
const FILL = `
  local more = string.rep('x', ARGV[2])
  for i = 1, ARGV[1] do
    redis.call('HSET', KEYS[1], 'u' .. i, '{"id":"u' .. i .. '","name":"x","status":"boarding","more":"' .. more .. '"}')
  end`;

test("a roster larger than a ride may have is not read, and the gateway is there for other rides", async (t) => {
  const redis = await Redis.start(t, { config: ["--appendonly", "no"] });
  const server = await startGateway(t, { broker: redis.url, rosterBytes: 2 * MB, env: FREE_SOON });
  await until(() => request(t, server, { path: "/readyz" }).then(({ status }) => status === 200), () => "waiting for Redis");
  await redis.command("EVAL", FILL, "1", "ridecast:{/large}:users", "2500", "60000");
  const { pid } = server.program.child;
  const before = usage(pid).resident;
  forgetPeak(pid);
  const { status } = await request(t, server, { path: "/api/users?ride=/large" });
  assert.equal(status, 503);
  await until(
    () => /cannot read the roster of \/large: its riders are more than --roster-bytes allows/.test(server.program.stderr),
    () => server.program.stderr,
  );
  const held = usage(pid).peak - before;
  assert.ok(held < 30 * MB, mb(held)); // of 150 MB; a page of it is 6 MB, read and taken apart
  const rider = await Rider.join(t, server, "/other");
  rider.say(user("a"));
  const [event, about] = await rider.event();
  assert.deepEqual([event, about], ["userBoarded", user("a")]);
  await redis.command("DEL", "ridecast:{/large}:users");
  const users = () => request(t, server, { path: "/api/users?ride=/large" });
  await until(async () => (await users()).status === 200, () => "waiting for the roster");
});

test("of a large roster as many riders are read at once as their records allow", async (t) => {
  const redis = await Redis.start(t, { config: ["--appendonly", "no"] });
  const server = await startGateway(t, { broker: redis.url });
  await until(() => request(t, server, { path: "/readyz" }).then(({ status }) => status === 200), () => "waiting for Redis");
  const scans = async () => Number(/cmdstat_hscan:calls=(\d+)/.exec(await redis.command("INFO", "commandstats"))?.[1] ?? 0);
  const pagesOf = async (ride, riders, bytes) => {
    await redis.command("EVAL", FILL, "1", `ridecast:{${ride}}:users`, `${riders}`, `${bytes}`);
    const before = await scans();
    const users = () => request(t, server, { path: `/api/users?ride=${ride}` });
    await until(async () => (await users()).status === 200, () => "waiting for the roster");
    return (await scans()) - before;
  };
  const short = await pagesOf("/short", 2000, 10);
  assert.ok(short <= 10, `${short} pages`); // a hundred, then five hundred each
  const long = await pagesOf("/long", 500, 60_000);
  assert.ok(long >= 6, `${long} pages`); // a hundred, then seventy each
});
