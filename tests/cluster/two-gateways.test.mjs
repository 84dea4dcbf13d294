// Two gateways that share a Redis: one order of events for all, one set of riders.

import assert from "node:assert/strict";
import { test } from "node:test";
import { becomes, readiness, startCluster } from "../lib/cluster.mjs";
import { request } from "../lib/http.mjs";
import { Client, MODES } from "../lib/official.mjs";
import { Redis } from "../lib/redis.mjs";
import { Rider, numberOf, user } from "../lib/rider.mjs";
import { startGateway } from "../lib/server.mjs";
import { sleep, until } from "../lib/wait.mjs";

const USERS = "ridecast:{/}:users";

// Whoever drops leaves at once: nothing here is about coming back.
const cluster = (t, options) => startCluster(t, { recoveryWindow: 0, ...options });
// Events tell their positions.
const numbered = (t) => cluster(t, { recoveryWindow: 15_000 });

const aboard = async (redis) => Object.values(await redis.hash(USERS)).map((json) => JSON.parse(json));

const told = (events) => events.map(({ name, record }) => [name, record]);

for (const mode of Object.keys(MODES)) {
  test(`${mode}: boarding at one gateway is heard at both, once, in one order, and the set follows`, async (t) => {
    const { redis, a, b } = await cluster(t);
    const rider = await Client.connect(t, a, mode);
    const second = await Client.connect(t, b, mode);
    const clients = [rider, second, await Client.connect(t, a, mode), await Client.connect(t, b, mode)];
    const expected = [];
    for (const [who, id] of [
      [rider, "one"],
      [second, "two"],
    ]) {
      who.say(user(id));
      expected.push(["userBoarded", user(id)]);
      for (const client of clients) await client.heard(expected.length);
    }
    for (const client of clients) assert.deepEqual(client.events, rider.events);
    assert.deepEqual(told(rider.events), expected);
    assert.deepEqual((await redis.hash(USERS)).one, JSON.stringify(user("one")));
    assert.equal((await aboard(redis)).length, 2);

    rider.say(user("one", "exiting"));
    assert.equal(await rider.disconnected(), "io server disconnect");
    for (const client of clients) {
      assert.deepEqual(told(await client.heard(3)).at(-1), ["userExited", user("one", "exiting")]);
    }
    assert.deepEqual(await aboard(redis), [user("two")]);
  });

  test(`${mode}: malformed input reaches neither Redis nor others and leaves the connection open`, async (t) => {
    const { redis, a, b } = await cluster(t);
    const rider = await Client.connect(t, a, mode);
    const other = await Client.connect(t, b, mode);
    for (const text of ["no JSON", "{}", '{"id":"u","name":"n","status":"sleeping"}'])
      rider.socket.emit("message", text);
    await rider.heard(3);
    assert.deepEqual(
      rider.events.map(({ name }) => name),
      ["exception", "exception", "exception"],
    );
    rider.say(user("u"));
    await rider.heard(4);
    assert.deepEqual(told(await other.heard(1)), [["userBoarded", user("u")]]);
    assert.deepEqual(await aboard(redis), [user("u")]);
    assert.equal(rider.socket.connected, true);
  });
}

test("a rider who drops at one gateway is told as userDisconnected at the other", async (t) => {
  const { redis, a, b } = await cluster(t);
  const rider = await Rider.join(t, a);
  const other = await Client.connect(t, b, "WebSocket only");
  rider.say(user("u"));
  await other.heard(1);
  rider.client.tcp.reset();
  assert.deepEqual(told(await other.heard(2))[1], ["userDisconnected", user("u")]);
  assert.deepEqual(await aboard(redis), []);
});

test("activeUsers and /api/users agree at both gateways", async (t) => {
  const { a, b } = await cluster(t);
  const [one, two] = [await Rider.join(t, a), await Rider.join(t, b)];
  one.say(user("one"));
  await two.hears("userBoarded", user("one"));
  const snapshot = await two.activeUsers();
  assert.deepEqual(snapshot.users, [user("one")]);
  for (const gateway of [a, b]) {
    assert.deepEqual(JSON.parse((await request(t, gateway, { path: "/api/users" })).body), snapshot);
  }
});

test("a gateway nobody had used on a ride knows who is aboard", async (t) => {
  const { a, b } = await cluster(t);
  const rider = await Rider.join(t, a, "/line-7");
  rider.say(user("u"));
  await rider.hears("userBoarded", user("u"));
  const late = await Rider.join(t, b, "/line-7");
  assert.deepEqual((await late.activeUsers()).users, [user("u")]);
});

test("whoever has joined hears every boarding from then on, however slow Redis is", async (t) => {
  const { redis, a, b } = await cluster(t);
  const rider = await Rider.join(t, a);
  await redis.command("CLIENT", "PAUSE", "300", "ALL");
  const late = await Rider.join(t, b);
  rider.say(user("u"));
  await late.hears("userBoarded", user("u"));
});

// What each client must have heard after a burst: every event, in offset order, none twice.
function assertOneOrder(clients, count) {
  const [first] = clients;
  assert.equal(first.length, count);
  first.forEach(({ offset }, i) => assert.equal(numberOf(offset), numberOf(first[0].offset) + i));
  for (const events of clients) assert.deepEqual(events, first);
}

test("200 boardings through each gateway at once reach 50 clients on each, complete and in one order", async (t) => {
  const { redis, a, b, gateways } = await numbered(t);
  const listeners = [];
  for (let i = 0; i < 50; i++) {
    for (const gateway of gateways) listeners.push(await Client.connect(t, gateway, "WebSocket only"));
  }
  const riders = [];
  for (let i = 0; i < 200; i++) {
    for (const [gateway, at] of [
      [a, "a"],
      [b, "b"],
    ])
      riders.push({ rider: await Rider.join(t, gateway), id: `${at}${i}` });
  }
  for (const { rider, id } of riders) rider.say(user(id));
  for (const listener of listeners) await listener.heard(400);
  assertOneOrder(
    listeners.map(({ events }) => events),
    400,
  );
  const ids = riders.map(({ id }) => id).sort();
  assert.deepEqual(listeners[0].events.map(({ record }) => record.id).sort(), ids);
  assert.deepEqual((await aboard(redis)).map(({ id }) => id).sort(), ids);
});

for (const signal of ["SIGTERM", "SIGKILL"]) {
  test(`Redis ended by ${signal} and started again: nobody is disconnected and nothing is lost`, async (t) => {
    const { redis, gateways } = await numbered(t);
    const clients = [];
    for (const gateway of gateways) {
      for (const mode of Object.keys(MODES)) clients.push(await Client.connect(t, gateway, mode));
    }
    const [one, two] = [clients[0], clients[3]];
    assert.equal((await one.ask(user("before"))).ok, true);
    for (const client of clients) await client.heard(1);

    await redis.stop(signal);
    for (const gateway of gateways) await becomes(t, gateway, 503);
    const acks = [one.ask(user("one")), two.ask(user("two"))];
    let early = 0;
    for (const ack of acks) ack.then(() => early++);
    await sleep(300);
    assert.equal(early, 0, "nothing may be acknowledged while Redis is away");
    for (const client of clients) assert.equal(client.events.length, 1);
    for (const gateway of gateways) assert.equal((await request(t, gateway, { path: "/healthz" })).status, 200);

    await redis.run();
    for (const { ok } of await Promise.all(acks)) assert.equal(ok, true);
    for (const client of clients) await client.heard(4);
    for (const gateway of gateways) await becomes(t, gateway, 200);
    assert.equal((await two.ask(user("after"))).ok, true);
    for (const client of clients) {
      assert.deepEqual(await client.heard(6), one.events);
      assert.equal(client.reason, undefined);
      assert.equal(client.connections, 1);
    }
    assertOneOrder(
      clients.map(({ events }) => events),
      6,
    );
    // Whoever boards as somebody else was the last connection of who it had been.
    const events = told(one.events);
    assert.deepEqual(
      events.filter(([, { id }]) => id === "before" || id === "one"),
      [
        ["userBoarded", user("before")],
        ["userDisconnected", user("before")],
        ["userBoarded", user("one")],
      ],
    );
    assert.deepEqual(
      events.filter(([, { id }]) => id === "two" || id === "after"),
      [
        ["userBoarded", user("two")],
        ["userDisconnected", user("two")],
        ["userBoarded", user("after")],
      ],
    );
    assert.deepEqual((await aboard(redis)).map(({ id }) => id).sort(), ["after", "one"]);
  });
}

test("gateways that start before Redis serve once it is there", async (t) => {
  const redis = await Redis.start(t);
  await redis.stop();
  const gateway = await startGateway(t, { broker: redis.url });
  assert.equal(await readiness(t, gateway), 503);
  await redis.run();
  await becomes(t, gateway, 200);
  const rider = await Client.connect(t, gateway, "WebSocket only");
  assert.equal((await rider.ask(user("u"))).ok, true);
});

test("after everybody has exited a ride leaves its position and its log in Redis, for less than a minute, nothing else", async (t) => {
  const { redis, a, b } = await cluster(t);
  const riders = [];
  for (const gateway of [a, b, a]) riders.push(await Rider.join(t, gateway, "/line-7"));
  for (const [i, rider] of riders.entries()) {
    const ack = rider.ask('"message"', JSON.stringify(JSON.stringify(user(String(i)))));
    for (const listener of riders) await listener.hears("userBoarded", user(String(i)));
    assert.equal((await ack()).ok, true);
  }
  assert.equal((await redis.command("KEYS", "ridecast:{/line-7}:*")).includes("ridecast:{/line-7}:users"), true);
  for (const [i, rider] of riders.entries()) {
    rider.say(user(String(i), "exiting"));
    for (const listener of riders.slice(i)) await listener.hears("userExited", user(String(i), "exiting"));
  }
  const left = (await redis.command("KEYS", "ridecast:{*")).sort();
  assert.deepEqual(left, ["ridecast:{/line-7}:log", "ridecast:{/line-7}:meta"]);
  for (const key of left) {
    const life = await redis.command("PTTL", key);
    assert.ok(life > 0 && life <= 60_000, `${key}: ${life}`);
  }
});

test("rides and prefixes keep gateways on one Redis apart", async (t) => {
  const redis = await Redis.start(t);
  const gateways = [];
  for (const prefix of ["one:", "two:"]) gateways.push(await startGateway(t, { broker: redis.url, prefix }));
  const riders = [];
  for (const gateway of gateways) riders.push(await Rider.join(t, gateway));
  for (const [i, rider] of riders.entries()) {
    rider.say(user(String(i)));
    await rider.hears("userBoarded", user(String(i)));
    assert.deepEqual((await rider.activeUsers()).users, [user(String(i))]);
  }
  assert.equal(await redis.command("HLEN", "one:{/}:users"), 1);
  assert.equal(await redis.command("HLEN", "two:{/}:users"), 1);
});
