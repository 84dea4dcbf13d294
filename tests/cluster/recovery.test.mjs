// Connection state recovery across gateways: a client that returns within the window is who it was and has missed
// nothing, wherever it lands and whatever became of the gateway it was on.

import assert from "node:assert/strict";
import { test } from "node:test";
import { onEnd } from "../lib/cleanup.mjs";
import { becomes, startCluster } from "../lib/cluster.mjs";
import { serverHasRead } from "../lib/http.mjs";
import { Client, MODES } from "../lib/official.mjs";
import {
  DROPS,
  aboard,
  assertExits,
  assertNewcomer,
  assertRecovered,
  assertStranger,
  assertUnbroken,
  boardings,
  idsOf,
  letBack,
  recoveries,
  told,
} from "../lib/recovery.mjs";
import { Relay } from "../lib/relay.mjs";
import { Rider, user } from "../lib/rider.mjs";
import { UNLIMITED, startGateway } from "../lib/server.mjs";
import { sleep, until } from "../lib/wait.mjs";
import { openEngine } from "../lib/websocket.mjs";

// So long that no test waits for its end, and so short that tests may.
const LONG = 600_000;
const SHORT = 1000;
const LEASE = 500;

const start = (t, options) => startCluster(t, { recoveryWindow: LONG, nodeLease: LEASE, ...UNLIMITED, ...options });

// A rider that comes to gateway `a` through a relay and is aboard, and somebody at `b`, say, who hears of it.
async function passengers(t, { mode = "WebSocket only", ride = "", otherAt = "b", ...options } = {}) {
  const cluster = await start(t, options);
  const relay = await Relay.start(t, cluster.a);
  const rider = await Client.connect(t, relay, mode, { ride });
  const other = await Client.connect(t, cluster[otherAt], "WebSocket only", { ride });
  rider.say(user("u"));
  for (const client of [rider, other]) await client.heard(1);
  await rider.settled(t, cluster.a);
  return { ...cluster, relay, rider, other, id: rider.socket.id };
}

async function exits(rider, ...others) {
  const counts = others.map(({ events }) => events.length);
  rider.say(user("u", "exiting"));
  await until(
    () => rider.reason === "io server disconnect",
    () => "waiting for the end",
  );
  for (const [i, other] of others.entries())
    assert.deepEqual(told(await other.heard(counts[i] + 1)).at(-1), ["userExited", "u"]);
}

const LOSSES = {
  ...DROPS,
  "loses its gateway to kill -9": async (client, relay, gateway) => {
    relay.shut();
    await gateway.kill();
  },
  "loses its gateway in order": async (client, relay, gateway) => {
    relay.shut();
    await gateway.stop();
  },
};

for (const mode of Object.keys(MODES)) {
  for (const [how, lose] of Object.entries(LOSSES)) {
    test(`${mode}: a rider that ${how} returns elsewhere as itself, has missed nothing and never left`, async (t) => {
      const { a, b, relay, rider, other, id } = await passengers(t, { mode });
      await lose(rider, relay, a);
      await rider.lost();
      await boardings(other, "other", 20);
      letBack(rider, relay, b);
      await rider.back();
      assert.deepEqual([rider.socket.recovered, rider.socket.id], [true, id]);
      assert.deepEqual(await rider.heard(21), await other.heard(21));
      assertUnbroken(rider.events);
      assert.deepEqual(await aboard(other), ["other", "u"]);
      await exits(rider, other);
      assert.deepEqual(rider.events, other.events);
      assert.deepEqual(await aboard(other), ["other"]);
    });
  }
}

for (const [where, watched] of [
  ["that knows the ride", true],
  ["that nobody had used on the ride", false],
]) {
  test(`a client that had heard nothing gets everything at a gateway ${where}`, async (t) => {
    const { a, b } = await start(t);
    const relay = await Relay.start(t, a);
    const client = await Client.connect(t, relay, "WebSocket only", { ride: "/line-7" });
    const other = await Client.connect(t, watched ? b : a, "WebSocket only", { ride: "/line-7" });
    relay.cut();
    await boardings(other, "other", 5);
    letBack(client, relay, b);
    await client.back();
    assert.equal(client.socket.recovered, true);
    assert.deepEqual(await client.heard(5), await other.heard(5));
  });
}

test("a rider that moves on three times in a row hears each event once and never left", async (t) => {
  const { gateways, relay, rider, other, id } = await passengers(t, { size: 3 });
  for (let move = 1; move <= 3; move++) {
    relay.cut();
    await rider.lost();
    await boardings(other, "other", 2);
    letBack(rider, relay, gateways[move % 3]);
    await rider.back(move + 1);
    assert.deepEqual([rider.socket.recovered, rider.socket.id], [true, id]);
    await boardings(other, "other", 2);
  }
  assert.deepEqual(await rider.heard(13), await other.heard(13));
  assertUnbroken(rider.events);
  for (const gateway of gateways) assert.equal((await recoveries(t, gateway)).recovered, 1);
  await exits(rider, other);
});

for (const [how, lose] of Object.entries(LOSSES)) {
  test(`a rider that ${how} has left everywhere, once, past the window and returns as somebody new`, async (t) => {
    const { a, b, c, relay, rider, other, id } = await passengers(t, { size: 3, recoveryWindow: SHORT });
    const others = [other, await Client.connect(t, c, "WebSocket only")];
    await lose(rider, relay, a);
    await others[1].heard(1);
    assert.deepEqual(told(await other.heard(2)).at(-1), ["userDisconnected", "u"]);
    letBack(rider, relay, b);
    await rider.back();
    await assertNewcomer(rider, id);
    assert.equal(rider.events.length, 1);
    rider.say(user("u"));
    assert.deepEqual(told(await other.heard(3)).at(-1), ["userBoarded", "u"]);
    assert.deepEqual(told(await others[1].heard(2)), told(other.events.slice(1)));
    await exits(rider, ...others);
  });
}

test("past the window a gateway that nobody had used on the ride takes the rider for somebody new, too", async (t) => {
  const options = { ride: "/line-7", otherAt: "a", recoveryWindow: SHORT };
  const { b, relay, rider, other, id } = await passengers(t, options);
  relay.cut();
  assert.deepEqual(told(await other.heard(2)).at(-1), ["userDisconnected", "u"]);
  letBack(rider, relay, b);
  await rider.back();
  await assertNewcomer(rider, id);
  assert.equal(rider.events.length, 1);
});

for (const [where, options] of [
  ["that knows the ride", {}],
  ["that nobody had used on the ride", { ride: "/line-7", otherAt: "a" }],
]) {
  for (const [end, event, leave] of [
    ["leaves the namespace", "userDisconnected", ({ socket }) => socket.disconnect()],
    ["exits", "userExited", (rider) => exits(rider)],
  ]) {
    test(`who ${end} and connects anew to a gateway ${where} is somebody new, and not aboard`, async (t) => {
      const { b, relay, rider, other, id } = await passengers(t, options);
      await leave(rider);
      assert.deepEqual(told(await other.heard(2)).at(-1), [event, "u"]);
      const { length } = rider.events;
      letBack(rider, relay, b);
      await rider.back();
      await assertNewcomer(rider, id);
      assert.equal(rider.events.length, length);
      rider.say(user("u"));
      assert.deepEqual(told(await other.heard(3)).at(-1), ["userBoarded", "u"]);
      await exits(rider, other);
    });
  }
}

test("so is who exits and connects anew to a gateway that has started since", async (t) => {
  const { redis, relay, rider, other, id } = await passengers(t);
  await exits(rider, other);
  const later = await startGateway(t, { broker: redis.url, recoveryWindow: LONG, nodeLease: LEASE, ...UNLIMITED });
  letBack(rider, relay, later);
  await rider.back();
  await assertNewcomer(rider, id);
});

// --- what is no longer in memory ---

const COUNT = 1000;

test("a gateway that nobody had used on the ride fetches all that was missed from Redis", async (t) => {
  const { b, relay, rider, other, id } = await passengers(t, { ride: "/line-7", otherAt: "a" });
  relay.cut();
  await boardings(other, "other", COUNT);
  letBack(rider, relay, b);
  await rider.back();
  assert.deepEqual([rider.socket.recovered, rider.socket.id], [true, id]);
  assert.deepEqual(await rider.heard(1 + COUNT), await other.heard(1 + COUNT));
  assertUnbroken(rider.events);
  assert.deepEqual(await aboard(rider), ["other", "u"]);
});

test("a gateway that has known the ride for a part of what was missed fetches the other part", async (t) => {
  const { b, relay, rider, other, id } = await passengers(t, { ride: "/line-7", otherAt: "a" });
  relay.cut();
  await boardings(other, "other", COUNT);
  const late = await Client.connect(t, b, "WebSocket only", { ride: "/line-7" });
  await boardings(other, "other", COUNT);
  await late.heard(COUNT);
  letBack(rider, relay, b);
  await rider.back();
  assert.deepEqual([rider.socket.recovered, rider.socket.id], [true, id]);
  assert.deepEqual(await rider.heard(1 + 2 * COUNT), await other.heard(1 + 2 * COUNT));
  assertUnbroken(rider.events);
});

test("a client that missed more than may wait for it is given it all the same, or told that it was not", async (t) => {
  const options = { ride: "/line-7", otherAt: "a", backlogBytes: 65_536 };
  const { b, relay, rider, other } = await passengers(t, options);
  relay.cut();
  await boardings(other, "x".repeat(100), COUNT);
  letBack(rider, relay, b);
  await rider.back();
  const hasLast = () => rider.events.at(-1).record.id === "last";
  await boardings(other, "last", 1);
  await until(hasLast, () => `the last event, so far ${rider.events.length} on ${rider.connections} connections`);
  assert.equal(rider.connections, 2);
  if (rider.socket.recovered) assert.deepEqual(rider.events, other.events);
  else assert.equal(rider.events.length, 2);
});

// The rider comes back to a gateway that cannot give it what it missed.
async function returnsWithoutEvents(t, options) {
  const scene = await passengers(t, { ride: "/line-7", otherAt: "a", ...options });
  const { redis, b, relay, rider, other } = scene;
  relay.cut();
  await boardings(other, "other", 5);
  assert.equal(await redis.command("XTRIM", "ridecast:{/line-7}:log", "MAXLEN", "2"), 4);
  letBack(rider, relay, b);
  await rider.back();
  assert.equal(rider.socket.recovered, false);
  await boardings(other, "other", 1);
  assert.deepEqual(told(await rider.heard(2)).at(-1), ["userBoarded", "other"]);
  assert.deepEqual(await aboard(rider), ["other", "u"]);
  assert.equal((await recoveries(t, b))["too late"], 1);
  return scene;
}

test("a rider that missed more than Redis has is told so, is aboard all the same, and exits once", async (t) => {
  const { rider, other } = await returnsWithoutEvents(t);
  await exits(rider, other);
  assert.deepEqual(await aboard(other), ["other"]);
});

test("a rider that missed more than Redis has and drops again leaves once, past the window", async (t) => {
  const { relay, other } = await returnsWithoutEvents(t, { recoveryWindow: SHORT });
  relay.cut();
  assert.deepEqual(told(await other.heard(8)).at(-1), ["userDisconnected", "u"]);
  assert.deepEqual(await aboard(other), ["other"]);
});

// --- packet by packet ---

// A rider at `a` that has heard itself board, and somebody else at `b`.
async function pair(t, options) {
  const cluster = await start(t, options);
  const rider = await Rider.join(t, cluster.a);
  const other = await Rider.join(t, cluster.b);
  rider.say(user("u"));
  const offset = await rider.hears("userBoarded", user("u"));
  await other.hears("userBoarded", user("u"));
  return { ...cluster, rider, other, former: { pid: rider.pid, offset } };
}

test("of two connections with one recovery id on two gateways the later goes on and the earlier is cut", async (t) => {
  const { a, b, rider, other, former } = await pair(t);
  const second = await Rider.join(t, b, "/", former);
  assertRecovered(second, rider);
  assert.equal((await rider.client.tcp.readToEnd()).length, 0);
  const third = await Rider.join(t, a, "/", former);
  assertRecovered(third, rider);
  assert.equal((await second.client.tcp.readToEnd()).length, 0);
  assert.deepEqual((await third.activeUsers()).users, [user("u")]);
  await assertExits(third, other);
});

// A rider whose leaving, one window after its connection is gone, says that whoever was suspended before has left too.
async function boardsWitness(t, gateway, ...others) {
  const witness = await Rider.join(t, gateway);
  witness.say(user("witness"));
  for (const client of [witness, ...others]) await client.hears("userBoarded", user("witness"));
  return witness;
}

test("a rider that returned elsewhere in time stays aboard when the window has passed", async (t) => {
  const { a, b, rider, other, former } = await pair(t, { recoveryWindow: 2 * SHORT });
  const witness = await boardsWitness(t, a, other);
  rider.client.tcp.reset();
  await serverHasRead(t, a);
  const again = await Rider.join(t, b, "/", former);
  assertRecovered(again, rider);
  await again.hears("userBoarded", user("witness"));
  witness.client.tcp.reset();
  for (const client of [again, other]) await client.hears("userDisconnected", user("witness"));
  assert.deepEqual((await again.activeUsers()).users, [user("u")]);
  await assertExits(again, other);
});

for (const [whose, reset] of [
  ["whose connection is gone by then", true],
  ["that is connected there still", false],
]) {
  test(`a gateway that stood still while a client went elsewhere lets go of the one ${whose}`, async (t) => {
    const { a, b, rider, other, former } = await pair(t, { recoveryWindow: SHORT });
    const witness = await boardsWitness(t, a, other);
    a.program.child.kill("SIGSTOP");
    onEnd(t, () => a.program.child.kill("SIGCONT"));
    if (reset) rider.client.tcp.reset();
    const again = await Rider.join(t, b, "/", former);
    assertRecovered(again, rider);
    await again.hears("userBoarded", user("witness"));
    for (const client of [again, other]) await client.hears("userDisconnected", user("witness"));

    a.program.child.kill("SIGCONT");
    for (const client of [again, other]) await client.hears("userBoarded", user("witness"));
    await until(
      () => rider.client.tcp.ended,
      () => "waiting for the end of the earlier connection",
    );
    witness.client.tcp.reset();
    for (const client of [again, other]) await client.hears("userDisconnected", user("witness"));
    assert.deepEqual((await again.activeUsers()).users, [user("u")]);
    await assertExits(again, other);
  });
}

test("who was recovered stays aboard although the gateway it left is late with its boarding", async (t) => {
  const { a, b } = await start(t, { recoveryWindow: SHORT });
  const rider = await Rider.join(t, a);
  const other = await Rider.join(t, b);
  a.program.child.kill("SIGSTOP");
  onEnd(t, () => a.program.child.kill("SIGCONT"));
  rider.say(user("u"));
  const again = await Rider.join(t, b, "/", { pid: rider.pid });
  assertRecovered(again, rider);
  a.program.child.kill("SIGCONT");
  for (const client of [again, other]) await client.hears("userBoarded", user("u"));
  rider.client.tcp.reset();
  const witness = await boardsWitness(t, b, again, other);
  witness.client.tcp.reset();
  for (const client of [again, other]) await client.hears("userDisconnected", user("witness"));
  assert.deepEqual((await again.activeUsers()).users, [user("u")]);
  await assertExits(again, other);
});

for (const [who, boards] of Object.entries({ "was aboard": false, "had never boarded": true })) {
  test(`who ${who} and exits elsewhere is not aboard again by the gateway it left, however late that is`, async (t) => {
    const { a, b } = await start(t);
    const rider = await Rider.join(t, a);
    const other = await Rider.join(t, b);
    if (!boards) {
      rider.say(user("u"));
      for (const client of [rider, other]) await client.hears("userBoarded", user("u"));
    }
    a.program.child.kill("SIGSTOP");
    onEnd(t, () => a.program.child.kill("SIGCONT"));
    rider.say(user("u", "boarding", { late: true }));
    const again = await Rider.join(t, b, "/", { pid: rider.pid });
    assertRecovered(again, rider);
    if (boards) {
      again.say(user("u"));
      for (const client of [again, other]) await client.hears("userBoarded", user("u"));
    } else {
      await again.hears("userBoarded", user("u"));
    }
    await assertExits(again, other);
    a.program.child.kill("SIGCONT");
    await until(
      () => rider.client.tcp.ended,
      () => "waiting for the end of the earlier connection",
    );
    await boardsWitness(t, a, other);
    assert.deepEqual((await other.activeUsers()).users, [user("witness")]);
  });
}

test("a recovery id of another prefix counts for nothing", async (t) => {
  const { redis, rider, former } = await pair(t);
  const stranger = await startGateway(t, { broker: redis.url, prefix: "other:" });
  assertStranger(await Rider.join(t, stranger, "/", former), rider);
});

test("forged recovery ids and those of other rides are refused on every gateway", async (t) => {
  const { gateways, rider, other, former } = await pair(t);
  const forged = [rider.sid + other.pid.slice(20), rider.pid.slice(0, 28) + other.pid.slice(28), `${rider.pid}A`];
  for (const gateway of gateways) {
    for (const pid of forged) assertStranger(await Rider.join(t, gateway, "/", { ...former, pid }), rider);
    assertStranger(await Rider.join(t, gateway, "/line-7", former), rider);
    assert.equal((await recoveries(t, gateway)).forged, 4);
  }
  await assertExits(rider, other);
});

// --- while Redis is slow, away or emptied ---

const PAUSE_MS = "1500";

test("what a client says before its return is answered is heard after what it missed", async (t) => {
  const { redis, b, rider, other, former } = await pair(t);
  rider.client.tcp.reset();
  other.say(user("other"));
  await other.hears("userBoarded", user("other"));
  const client = await openEngine(t, b);
  await redis.command("CLIENT", "PAUSE", PAUSE_MS, "ALL");
  const again = new Rider(client, "/");
  client.send(`40${JSON.stringify(former)}`);
  again.say(user("u", "boarding", { again: true }));
  await serverHasRead(t, b);
  assert.equal(client.tcp.available, 0, "Redis was not slow enough");

  client.socket = JSON.parse((await client.text()).slice("40".length));
  assertRecovered(again, rider);
  await again.hears("userBoarded", user("other"));
  for (const each of [again, other]) await each.hears("userBoarded", user("u", "boarding", { again: true }));
});

test("an ack that was due when the connection dropped is not sent to the next one", async (t) => {
  const { redis, a, rider, other, former } = await pair(t);
  await redis.command("CLIENT", "PAUSE", PAUSE_MS, "ALL");
  rider.ask('"message"', JSON.stringify(JSON.stringify(user("u", "boarding", { again: true }))));
  await serverHasRead(t, a);
  rider.client.tcp.reset();
  const again = await Rider.join(t, a, "/", former);
  assertRecovered(again, rider);
  for (const each of [again, other]) await each.hears("userBoarded", user("u", "boarding", { again: true }));
  again.nextId = 100;
  assert.deepEqual((await again.activeUsers()).users, [user("u", "boarding", { again: true })]);
});

test("a client that drops again before its return is answered may return once more", async (t) => {
  const { redis, b, rider, other, former } = await pair(t);
  rider.client.tcp.reset();
  other.say(user("other"));
  await other.hears("userBoarded", user("other"));
  const first = await openEngine(t, b);
  await redis.command("CLIENT", "PAUSE", PAUSE_MS, "ALL");
  first.send(`40${JSON.stringify(former)}`);
  await serverHasRead(t, b);
  assert.equal(first.tcp.available, 0, "Redis was not slow enough");
  first.tcp.reset();
  const again = await Rider.join(t, b, "/", former);
  assertRecovered(again, rider);
  await again.hears("userBoarded", user("other"));
  assert.deepEqual(idsOf((await again.activeUsers()).users), ["other", "u"]);
  await assertExits(again, other);
});

test("a client that returns while Redis is away is answered once it is back", async (t) => {
  const { redis, b, relay, rider, other, id } = await passengers(t);
  relay.cut();
  await rider.lost();
  await redis.stop("SIGKILL");
  await becomes(t, b, 503);
  letBack(rider, relay, b);
  await until(
    () => rider.socket.io.engine?.readyState === "open",
    () => "waiting for the connection",
  );
  await sleep(300);
  assert.equal(rider.connections, 1, "nobody can know yet");
  await redis.run();
  await rider.back();
  assert.deepEqual([rider.socket.recovered, rider.socket.id], [true, id]);
  await boardings(other, "other", 3);
  assert.deepEqual(await rider.heard(4), await other.heard(4));
  await exits(rider, other);
});

test("a recovery id from before FLUSHALL gives the socket id back, and its rider never left", async (t) => {
  const { redis, a, b, relay, rider, other, id } = await passengers(t);
  await redis.command("FLUSHALL");
  await until(
    async () => "u" in (await redis.hash("ridecast:{/}:users")),
    () => "waiting for the rider to be put back",
  );
  relay.cut();
  await rider.lost();
  letBack(rider, relay, b);
  await rider.back();
  assert.equal(rider.socket.id, id);
  assert.deepEqual(await aboard(other), ["u"]);
  assert.equal(other.events.length, 1);
  await exits(rider, other);

  const later = await Rider.join(t, a);
  assertRecovered(await Rider.join(t, b, "/", { pid: later.pid }), later);
});

// --- many ---

test("200 riders whose gateway is killed are all back at the other one, and nobody else notices", async (t) => {
  const { a, b } = await start(t, { recoveryWindow: 6000 });
  const relay = await Relay.start(t, a);
  const other = await Client.connect(t, b, "WebSocket only");
  const witness = await Rider.join(t, a);
  witness.say(user("witness"));
  await other.heard(1);
  const riders = [];
  for (let i = 0; i < 200; i++) riders.push(await Client.connect(t, relay, "WebSocket only"));
  riders.forEach((rider, i) => rider.say(user(String(i))));
  for (const client of [...riders, other]) await client.heard(client === other ? 201 : 200);
  const ids = riders.map(({ socket }) => socket.id);

  relay.shut();
  await a.kill();
  for (const rider of riders) await rider.lost();
  await boardings(other, "other", 10);
  relay.leadTo(b);
  for (const rider of riders) await rider.back();
  assert.deepEqual(
    riders.map(({ socket }) => [socket.recovered, socket.id]),
    ids.map((id) => [true, id]),
  );
  // Once the witness has gone, so would have everybody who had not been taken over.
  const events = await other.heard(212);
  assert.deepEqual(told(events).at(-1), ["userDisconnected", "witness"]);
  for (const rider of riders) assert.deepEqual(await rider.heard(211), events.slice(1));
  assertUnbroken(events);
  assert.deepEqual(await aboard(other), [...riders.keys(), "other"].map(String).sort());
  assert.equal((await recoveries(t, b)).recovered, 200);
});
