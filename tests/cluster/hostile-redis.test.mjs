// The rows of tests/protocol/hostile.test.mjs that come from Redis: from whoever can write there, or stands in its place.
// The gateway counts or refuses them, or hangs up; an onlooker at another gateway hears every event; memory stays bounded;
// afterwards the gateway serves as before.

import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeRedis } from "../lib/fake-redis.mjs";
import { attacked } from "../lib/hostile.mjs";
import { request } from "../lib/http.mjs";
import { gauge } from "../lib/metrics.mjs";
import { Onlooker } from "../lib/onlooker.mjs";
import { Redis } from "../lib/redis.mjs";
import { Relay } from "../lib/relay.mjs";
import { Rider, user } from "../lib/rider.mjs";
import { startGateway } from "../lib/server.mjs";
import { until } from "../lib/wait.mjs";

const RIDE = "/victim";
const key = (name) => `ridecast:{${RIDE}}:${name}`;
const BAD = "ridecast_broker_bad_messages_total";

const isReady = async (t, server) => (await request(t, server, { path: "/readyz" })).status === 200;

// Where the ride has just been mended, the boarding may be heard from a roster, at no position, and behind news of others.
async function boards(t, server, id) {
  const rider = await Rider.join(t, server, RIDE);
  rider.say(user(id));
  for (;;) {
    const [event, about] = await rider.event();
    if (event === "userBoarded" && about.id === id) return rider;
  }
}

// Told on the ride's channel, where EPOCH is the ride's; a true event must still come through, and nothing else.
const told = (message) => async (t, { server, redis }) => {
  const rider = await boards(t, server, "before");
  const bad = await gauge(t, server, BAD);
  const epoch = await redis.command("HGET", key("meta"), "epoch");
  await redis.command("PUBLISH", key("events"), message.replace("EPOCH", epoch));
  rider.say(user("after"));
  await rider.hears("userDisconnected", user("before"));
  await rider.hears("userBoarded", user("after"));
  return `${(await gauge(t, server, BAD)) - bad} counted`;
};

const WRONG = { users: "string", connections: "list", meta: "string", log: "set", away: "string" };
// Without them the ride does not know who a rider was until now; its gateways find out later.
const FORGETS = ["users", "connections", "meta"];

async function put(redis, name, type) {
  await redis.command("DEL", key(name));
  if (type === "string") await redis.command("SET", key(name), "wrong");
  if (type === "list") await redis.command("RPUSH", key(name), "wrong");
  if (type === "set") await redis.command("SADD", key(name), "wrong");
}

// A boarding while a key has another type, which mends the ride: it is told before it is acknowledged. Who the rider was
// until then is told too, where that is known: before it, or behind it where a roster tells both. All is well when the key
// is gone.
const mistyped = (name) => async (t, { server, redis }) => {
  const rider = await boards(t, server, "before");
  await put(redis, name, WRONG[name]);
  rider.ask('"message"', JSON.stringify(JSON.stringify(user("while"))));
  const heard = { userBoarded: [], userDisconnected: [] };
  const hear = (text) => {
    const [event, about] = JSON.parse(text.slice(`42${RIDE},`.length));
    heard[event].push(about);
  };
  let text;
  while (!(text = await rider.client.text()).startsWith("43")) hear(text);
  assert.match(text, /"ok":true/);
  assert.deepEqual(heard.userBoarded, [user("while")]);
  if (!FORGETS.includes(name)) while (heard.userDisconnected.length === 0) hear(await rider.client.text());
  assert.ok(heard.userDisconnected.every(({ id }) => id === "before"), JSON.stringify(heard));
  await redis.command("DEL", key(name));
  await until(() => isReady(t, server), () => "waiting for the gateway");
  (await boards(t, server, "after")).client.tcp.destroy();
  return "done";
};

// Somebody else answers in Redis' place; then Redis is back.
const replaced = (bytes, more) => async (t, { server, redis, relay }) => {
  const fake = await FakeRedis.start(t, bytes, more);
  relay.cut();
  relay.leadTo(fake);
  await until(() => fake.givenUp >= 3, () => `waiting for the gateway to hang up (${fake.givenUp} of ${fake.connections})`);
  assert.equal((await request(t, server, { path: "/healthz" })).status, 200);
  assert.equal(await isReady(t, server), false);
  relay.cut();
  relay.leadTo(redis);
  await until(() => isReady(t, server), () => "waiting for Redis");
  (await boards(t, server, "after")).client.tcp.destroy();
  return "hung up";
};

const MIB = 2 ** 20;
// Else the sanitizers' allocator keeps 256 MB of what was freed, which is what a long reply grew through.
const FREE_SOON = { ASAN_OPTIONS: "quarantine_size_mb=16:allocator_release_to_os_interval_ms=0" };
const ID = "a".repeat(20);

const rows = [
  ["Reverb CVE-2026-23524: an empty message", told(""), /^1 counted/],
  ["Reverb CVE-2026-23524: a malformed message", told("\0\xff{{{"), /^1 counted/],
  ["Reverb CVE-2026-23524: a huge message", told("x".repeat(8 * MIB)), /^1 counted/],
  ["Reverb CVE-2026-23524: a huge record", told(`EPOCH 99 9f3a01bc 5c1e77d0 boarded ${ID} {"id":"${"x".repeat(4 * MIB)}"}`), /^1 counted/],
  ["Reverb CVE-2026-23524: a forged record", told(`EPOCH 99 9f3a01bc 5c1e77d0 boarded ${ID} {"id":"x","name":`), /^1 counted/],
  ["Reverb CVE-2026-23524: a forged fingerprint", told(`EPOCH 99 9f3a01bg 5c1e77d0 boarded ${ID} {"id":"x","name":"x","status":"boarding"}`), /^1 counted/],
  ["Reverb CVE-2026-23524: a forged kind", told(`EPOCH 99 9f3a01bc 5c1e77d0 crashed ${ID} {}`), /^1 counted/],
  ...Object.keys(WRONG).map((name) => [`Reverb CVE-2026-23524: a ${WRONG[name]} under "${name}"`, mistyped(name), /^done$/]),
  ["hiredis CVE-2021-32765: a size that overflows", replaced("*4611686018427387905\r\n"), /hung up/],
  ["hiredis CVE-2021-32765: two thousand million elements", replaced("*2147483647\r\n:1\r\n", ":1\r\n".repeat(10_000)), /hung up/],
  ["hiredis CVE-2021-32765: a negative size", replaced("*-2\r\n$-7\r\n"), /hung up/],
  ["hiredis CVE-2021-32765: nested a hundred thousand deep", replaced("*1\r\n".repeat(100_000)), /hung up/],
  ["hiredis CVE-2021-32765: a string without end", replaced(`$${2 ** 40}\r\n`, "x".repeat(65536)), /hung up/],
  ["hiredis CVE-2021-32765: a line without end", replaced("+", "x".repeat(65536)), /hung up/],
  ["hiredis CVE-2021-32765: replies nobody asked for", replaced(":1\r\n", ":1\r\n".repeat(10_000)), /hung up/],
  ["hiredis CVE-2021-32765: another protocol", replaced("HTTP/1.1 400 Bad Request\r\n\r\n"), /hung up/],
];

test("every row from Redis is refused, and the onlooker notices nothing", async (t) => {
  const redis = await Redis.start(t);
  const relay = await Relay.start(t, redis);
  const server = await startGateway(t, { broker: relay.url.replace("http", "redis"), transitionsPerSecond: 0, env: FREE_SOON });
  const neighbour = await startGateway(t, { broker: redis.url, transitionsPerSecond: 0 });
  for (const gateway of [server, neighbour]) await until(() => isReady(t, gateway), () => "waiting for Redis");
  const onlooker = await Onlooker.start(t, neighbour);
  for (const [name, attack, expected] of rows) {
    const here = (row) => attack(row, { server, redis, relay });
    await attacked(t, server, onlooker, [name, here, expected]);
  }
  await onlooker.stop();
});
