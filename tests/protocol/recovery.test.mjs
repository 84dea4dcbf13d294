// Connection state recovery on one gateway: a client that returns within the window is who it was and has missed
// nothing.

import assert from "node:assert/strict";
import { test } from "node:test";
import { readResponse, serverHasRead } from "../lib/http.mjs";
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
import { inPacket, join } from "../lib/socketio.mjs";
import { TcpClient } from "../lib/tcp.mjs";
import { until } from "../lib/wait.mjs";
import { TEXT, WebSocketClient, frame, openEngine, upgradeRequest } from "../lib/websocket.mjs";

// So long that no test waits for its end.
const LONG = 600_000;

async function passengers(t, mode, options) {
  const server = await startGateway(t, { recoveryWindow: LONG, ...options });
  const relay = await Relay.start(t, server);
  const rider = await Client.connect(t, relay, mode);
  await rider.settled(t, server);
  const other = await Client.connect(t, server, "WebSocket only");
  return { server, relay, rider, other };
}

// Answers the socket id it is aboard under, once nothing is on its way any more.
async function boards(rider, t, server) {
  rider.say(user("u"));
  await rider.heard(1);
  await rider.settled(t, server);
  return rider.socket.id;
}

for (const mode of Object.keys(MODES)) {
  for (const [how, drop] of Object.entries(DROPS)) {
    test(`${mode}: a rider that ${how} returns as itself, has missed nothing and never left`, async (t) => {
      const { server, relay, rider, other } = await passengers(t, mode);
      const id = await boards(rider, t, server);

      drop(rider, relay);
      await rider.lost();
      await boardings(other, "other", 20);
      letBack(rider, relay, server);
      await rider.back();
      assert.equal(rider.socket.recovered, true);
      assert.equal(rider.socket.id, id);
      assert.deepEqual(await rider.heard(21), await other.heard(21));
      assertUnbroken(rider.events);
      assert.deepEqual(await aboard(other), ["other", "u"]);

      rider.say(user("u", "exiting"));
      await until(
        () => rider.reason === "io server disconnect",
        () => "waiting for the end",
      );
      assert.deepEqual(told(await other.heard(22)).at(-1), ["userExited", "u"]);
      assert.deepEqual(rider.events, other.events);
      assert.deepEqual(await aboard(other), ["other"]);
    });
  }

  test(`${mode}: a client that had heard nothing gets everything since it first connected`, async (t) => {
    const { server, relay, rider, other } = await passengers(t, mode);
    relay.cut();
    await rider.lost();
    await boardings(other, "other", 5);
    relay.leadTo(server);
    await rider.back();
    assert.equal(rider.socket.recovered, true);
    assert.deepEqual(await rider.heard(5), await other.heard(5));
  });

  test(`${mode}: a rider recovered three times in a row hears each event once`, async (t) => {
    const { server, relay, rider, other } = await passengers(t, mode);
    const id = await boards(rider, t, server);
    for (let time = 1; time <= 3; time++) {
      relay.cut();
      await rider.lost();
      await boardings(other, "other", 2);
      relay.leadTo(server);
      await rider.back(time + 1);
      assert.deepEqual([rider.socket.recovered, rider.socket.id], [true, id]);
      await boardings(other, "other", 2);
      await rider.settled(t, server);
    }
    assert.deepEqual(await rider.heard(13), await other.heard(13));
    assertUnbroken(rider.events);
    assert.equal((await recoveries(t, server)).recovered, 3);
  });

  test(`${mode}: past the window a rider has left, once, and returns as somebody new`, async (t) => {
    const { server, relay, rider, other } = await passengers(t, mode, { recoveryWindow: 300 });
    const id = await boards(rider, t, server);
    relay.cut();
    await rider.lost();
    assert.deepEqual(told(await other.heard(2)), [
      ["userBoarded", "u"],
      ["userDisconnected", "u"],
    ]);
    relay.leadTo(server);
    await rider.back();
    await assertNewcomer(rider, id);
    rider.say(user("u"));
    assert.deepEqual(told(await other.heard(3)).at(-1), ["userBoarded", "u"]);
    assert.deepEqual(told(await rider.heard(2)).at(-1), ["userBoarded", "u"]);
    assert.deepEqual(await recoveries(t, server), { recovered: 0, "too late": 1, forged: 0 });
  });

  test(`${mode}: leaving the namespace is final`, async (t) => {
    const { server, rider, other } = await passengers(t, mode);
    const id = await boards(rider, t, server);
    rider.socket.disconnect();
    assert.deepEqual(told(await other.heard(2)).at(-1), ["userDisconnected", "u"]);
    rider.socket.connect();
    await rider.back();
    await assertNewcomer(rider, id);
    assert.equal(rider.events.length, 1);
  });

  test(`${mode}: who has left and come back as somebody new is recovered from there on`, async (t) => {
    const { server, relay, rider, other } = await passengers(t, mode);
    await boards(rider, t, server);
    rider.socket.disconnect();
    await other.heard(2);
    await boardings(other, "other", 1);
    rider.socket.connect();
    await rider.back();
    assert.deepEqual(await aboard(rider), ["other"]);
    await rider.settled(t, server);
    relay.cut();
    await rider.lost();
    await boardings(other, "other", 1);
    relay.leadTo(server);
    await rider.back(3);
    assert.equal(rider.socket.recovered, true);
    assert.deepEqual(await aboard(rider), ["other"]);
    assert.deepEqual(told(rider.events), [
      ["userBoarded", "u"],
      ["userBoarded", "other"],
    ]);
  });

  test(`${mode}: an exit is final`, async (t) => {
    const { server, rider, other } = await passengers(t, mode);
    const id = await boards(rider, t, server);
    rider.say(user("u", "exiting"));
    await rider.lost();
    await rider.heard(2);
    await boardings(other, "other", 1);
    rider.socket.connect();
    await rider.back();
    assert.notEqual(rider.socket.id, id);
    assert.equal(rider.socket.recovered, false);
    assert.deepEqual(await aboard(rider), ["other"]);
    assert.equal(rider.events.length, 2);
  });

  test(`${mode}: with a window of 0 nobody is offered recovery and a dropped rider leaves at once`, async (t) => {
    const { server, relay, rider, other } = await passengers(t, mode, { recoveryWindow: 0 });
    const id = await boards(rider, t, server);
    relay.cut();
    await rider.lost();
    assert.deepEqual(told(await other.heard(2)).at(-1), ["userDisconnected", "u"]);
    relay.leadTo(server);
    await rider.back();
    assert.ok(!rider.socket.recovered);
    assert.notEqual(rider.socket.id, id);
    assert.equal(rider.events.length, 1);
  });
}

// --- packet by packet ---

// A rider aboard that has heard itself board, and somebody else.
async function pair(t, options) {
  const server = await startGateway(t, { recoveryWindow: LONG, ...options });
  const rider = await Rider.join(t, server);
  const other = await Rider.join(t, server);
  rider.say(user("u"));
  const offset = await rider.hears("userBoarded", user("u"));
  await other.hears("userBoarded", user("u"));
  return { server, rider, other, former: { pid: rider.pid, offset } };
}

test("CONNECT is answered with a recovery id of its own for each client", async (t) => {
  const { rider, other } = await pair(t);
  assertStranger(rider, other);
});

test("with a window of 0 CONNECT is answered without one, whatever is shown", async (t) => {
  const { former } = await pair(t);
  const server = await startGateway(t, { recoveryWindow: 0 });
  for (const shown of [undefined, former, { pid: "x" }]) {
    const rider = await Rider.join(t, server, "/", shown);
    assert.deepEqual(Object.keys(rider.client.socket), ["sid"]);
  }
});

test("what is sent along with CONNECT is answered after what was missed, and activeUsers is exact", async (t) => {
  const { server, rider, other, former } = await pair(t);
  rider.client.tcp.reset();
  const visitor = await Rider.join(t, server);
  other.say(user("other"));
  await visitor.hears("userBoarded", user("other"));
  visitor.say(user("visitor"));
  visitor.say(user("visitor", "exiting"));
  const missed = [
    ["userBoarded", user("other")],
    ["userBoarded", user("visitor")],
    ["userExited", user("visitor", "exiting")],
  ];
  for (const event of missed) await other.hears(...event);

  const client = await openEngine(t, server);
  const say = JSON.stringify(JSON.stringify(user("u", "boarding", { again: true })));
  const packets = [`40${JSON.stringify(former)}`, '420["activeUsers"]', `421["message",${say}]`];
  await client.tcp.send(Buffer.concat(packets.map((packet) => frame(TEXT, packet))));
  client.socket = JSON.parse((await client.text()).slice("40".length));
  const again = new Rider(client, "/");
  assertRecovered(again, rider);
  let offset;
  for (const event of missed) offset = await again.hears(...event);
  const [snapshot] = JSON.parse((await client.text()).slice("430".length));
  assert.equal(snapshot.offset, offset);
  assert.deepEqual(idsOf(snapshot.users), ["other", "u"]);
  const own = await again.hears("userBoarded", user("u", "boarding", { again: true }));
  assert.equal(await client.text(), `431[{"ok":true,"offset":"${own}"}]`);
  assert.equal(await other.hears("userBoarded", user("u", "boarding", { again: true })), own);
});

test("a client that never boarded is recovered as well", async (t) => {
  const { server, rider, other } = await pair(t);
  other.client.tcp.reset();
  rider.say(user("u", "boarding", { seat: 2 }));
  const offset = await rider.hears("userBoarded", user("u", "boarding", { seat: 2 }));
  const again = await Rider.join(t, server, "/", { pid: other.pid });
  assertRecovered(again, other);
  await again.hears("userBoarded", user("u"));
  assert.equal(await again.hears("userBoarded", user("u", "boarding", { seat: 2 })), offset);
});

test("a rider that falls silent stays aboard and may return", async (t) => {
  const { server, rider, former } = await pair(t, { pingInterval: 200, pingTimeout: 1500 });
  const watcher = await Client.connect(t, server, "WebSocket only");
  assert.equal(await rider.client.text(), "2");
  await rider.client.assertCloses();
  assert.deepEqual(await aboard(watcher), ["u"]);
  assertRecovered(await Rider.join(t, server, "/", former), rider);
  assert.deepEqual(watcher.events, []);
});

test("a rider that returned in time stays aboard when the window has passed", async (t) => {
  const { server, rider, other, former } = await pair(t, { recoveryWindow: 2000 });
  const witness = await Rider.join(t, server);
  witness.say(user("witness"));
  await other.hears("userBoarded", user("witness"));
  rider.client.tcp.reset();
  await serverHasRead(t, server);
  const again = await Rider.join(t, server, "/", former);
  assertRecovered(again, rider);
  await again.hears("userBoarded", user("witness"));
  // Once the witness has gone, so would the rider have.
  witness.client.tcp.reset();
  for (const client of [again, other]) await client.hears("userDisconnected", user("witness"));
  assert.deepEqual((await again.activeUsers()).users, [user("u")]);
  await assertExits(again, other);
});

test("one connection on two rides is recovered on both", async (t) => {
  const server = await startGateway(t, { recoveryWindow: LONG });
  const rides = ["/line-7", "/line-8"];
  const watchers = [];
  for (const ride of rides) watchers.push(await Rider.join(t, server, ride));
  const before = await openEngine(t, server);
  const formers = [];
  for (const [i, ride] of rides.entries()) {
    const former = await join(before, ride);
    const rider = new Rider(before, ride);
    rider.say(user("u"));
    formers.push({ ...former, offset: await rider.hears("userBoarded", user("u")) });
    await watchers[i].hears("userBoarded", user("u"));
  }
  before.tcp.reset();
  for (const watcher of watchers) {
    watcher.say(user("w"));
    await watcher.hears("userBoarded", user("w"));
  }
  const again = await openEngine(t, server);
  for (const [i, ride] of rides.entries()) {
    const { sid, ...shown } = formers[i];
    assert.deepEqual(await join(again, ride, JSON.stringify(shown)), { sid, pid: shown.pid });
    const rider = new Rider(again, ride);
    await rider.hears("userBoarded", user("w"));
    assert.deepEqual(idsOf((await rider.activeUsers()).users), ["u", "w"]);
  }
});

test("of two connections with one recovery id the later goes on and the earlier is cut", async (t) => {
  const { server, rider, other, former } = await pair(t);
  const second = await Rider.join(t, server, "/", former);
  assertRecovered(second, rider);
  assert.equal((await rider.client.tcp.readToEnd()).length, 0);
  const third = await Rider.join(t, server, "/", former);
  assertRecovered(third, rider);
  assert.equal((await second.client.tcp.readToEnd()).length, 0);
  assert.deepEqual((await third.activeUsers()).users, [user("u")]);
  await assertExits(third, other);
});

test("of two that return at once one goes on", async (t) => {
  const { server, rider, other, former } = await pair(t);
  rider.client.tcp.reset();
  const clients = [await openEngine(t, server), await openEngine(t, server)];
  for (const client of clients) client.send(`40${JSON.stringify(former)}`);
  const gone = await until(
    () => clients.find((client) => client.tcp.ended),
    () => "waiting for the end of one",
  );
  const [kept] = clients.filter((client) => client !== gone);
  kept.socket = JSON.parse((await kept.text()).slice(2));
  const again = new Rider(kept, "/");
  assertRecovered(again, rider);
  await assertExits(again, other);
});

// Sends all of it at once: the handshake, and CONNECT with what `former` holds for each ride.
async function returns(t, server, former) {
  const tcp = await TcpClient.connect(t, server.port);
  const connects = Object.entries(former).map(([ride, { pid }]) =>
    frame(TEXT, `40${inPacket(ride)}${JSON.stringify({ pid })}`),
  );
  const request = upgradeRequest(`${server.enginePath}?EIO=4&transport=websocket`);
  await tcp.send(Buffer.concat([Buffer.from(request), ...connects]));
  return new WebSocketClient(tcp);
}

// What its CONNECTs are answered, by ride.
async function answersOf(client, rides) {
  const answers = {};
  assert.equal((await readResponse(client.tcp)).status, 101);
  while (Object.keys(answers).length < rides.length) {
    const [, ride, answer] = (await client.text()).match(/^40([^,]+),(.*)$/) ?? [];
    if (ride) answers[ride] = JSON.parse(answer);
  }
  return answers;
}

// The ends of many connections are noticed one by one, while their clients are back already.
test("a crowd that drops and returns in one moment is who it was, on all its rides", async (t) => {
  const rides = Array.from({ length: 8 }, (_, i) => `/line-${i}`);
  const server = await startGateway(t, { ...UNLIMITED, recoveryWindow: 5000 });
  const watchers = await Promise.all(rides.map((ride) => Rider.join(t, server, ride)));
  const phones = [];
  for (const id of [...Array.from({ length: 90 }, (_, i) => `u${i}`), "witness"]) {
    const client = await openEngine(t, server);
    const former = {};
    for (const ride of rides) former[ride] = await join(client, ride);
    phones.push({ id, client, former });
  }
  for (const { id, client } of phones) for (const ride of rides) new Rider(client, ride).say(user(id));
  for (const watcher of watchers)
    for (const _ of phones) assert.equal((await watcher.event())[0], "userBoarded");

  server.program.child.kill("SIGSTOP");
  for (const { client } of phones) client.tcp.reset();
  const crowd = phones.slice(0, -1);
  for (const phone of crowd) phone.again = await returns(t, server, phone.former);
  server.program.child.kill("SIGCONT");
  for (const { again, former } of crowd) assert.deepEqual(await answersOf(again, rides), former);
  // Whoever has not returned leaves when the window has passed, and so would all who were taken for that.
  for (const watcher of watchers) {
    assert.deepEqual((await watcher.event()).slice(0, 2), ["userDisconnected", user("witness")]);
    assert.deepEqual(idsOf((await watcher.activeUsers()).users), crowd.map(({ id }) => id).sort());
  }
});

test("an offset that cannot be reached loses the events, not the rider", async (t) => {
  const { server, rider, other, former } = await pair(t);
  const [, number, chain, epoch] = former.offset.match(/^(\d+)\.(.*?)-(.*)$/);
  const another = chain === "01234567" ? "76543210" : "01234567";
  let before = rider;
  for (const offset of [
    "",
    "x",
    `${Number(number) + 1}.${chain}-${epoch}`,
    `${number}.${another}-${epoch}`,
    `${number}.${chain}-ABCDEFGH`,
    `-${number}.${chain}-${epoch}`,
    `${number}-${epoch}`,
  ]) {
    const again = await Rider.join(t, server, "/", { pid: before.pid, offset });
    assert.notEqual(again.pid, before.pid, offset);
    assert.deepEqual((await again.activeUsers()).users, [user("u")]);
    before = again;
  }
  assert.deepEqual(await recoveries(t, server), { recovered: 0, "too late": 7, forged: 0 });
  await assertExits(before, other);
});

// --- what is no recovery id of this ride's ---

const changed = (text, at) => text.slice(0, at) + (text[at] === "A" ? "B" : "A") + text.slice(at + 1);

const SOCKET_LETTERS = 20;
const SIGNED_LETTERS = 71;

// Each starts from somebody's own valid id and the socket id of the rider it would like to be.
const forgeries = {
  "another's socket id": (pid, sid) => sid + pid.slice(SOCKET_LETTERS),
  "another letter at the start": (pid) => changed(pid, 0),
  "another random letter": (pid) => changed(pid, SOCKET_LETTERS),
  "another first letter of the signature": (pid) => changed(pid, SIGNED_LETTERS - 43),
  "another last letter of the signature": (pid) => changed(pid, SIGNED_LETTERS - 1),
  "another offset": (pid) => `${pid.slice(0, SIGNED_LETTERS)}1${pid.slice(SIGNED_LETTERS)}`,
  "another epoch": (pid) => changed(pid, pid.length - 1),
  "a letter less": (pid) => pid.slice(0, -1),
  "a letter more": (pid) => `${pid}A`,
  "no position": (pid) => pid.slice(0, SIGNED_LETTERS),
  "a socket id alone": (pid, sid) => sid,
  "a zero byte": (pid) => `${pid.slice(0, SOCKET_LETTERS)}\0${pid.slice(SOCKET_LETTERS + 1)}`,
  "far too much": (pid) => pid.repeat(1000),
  "nothing": () => "",
  "a number": () => 1,
  "null": () => null,
  "a list": (pid) => [pid],
  "an object": (pid) => ({ pid }),
};

for (const [what, forge] of Object.entries(forgeries)) {
  test(`a recovery id with ${what} makes a new client and touches nobody`, async (t) => {
    const { server, rider, other, former } = await pair(t);
    const impostor = await Rider.join(t, server, "/", { ...former, pid: forge(other.pid, rider.sid) });
    for (const client of [rider, other]) assertStranger(impostor, client);
    impostor.client.tcp.reset();
    assert.deepEqual((await other.activeUsers()).users, [user("u")]);
    await assertExits(rider, other);
  });
}

test("a recovery id counts on its own ride only", async (t) => {
  const { server, rider, other, former } = await pair(t);
  const stranger = await Rider.join(t, server, "/line-7", former);
  assertStranger(stranger, rider);
  assert.deepEqual((await stranger.activeUsers()).users, []);
  await assertExits(rider, other);
});

test("a recovery id of another broker's gateway counts for nothing", async (t) => {
  const { rider, former } = await pair(t);
  assertStranger(await Rider.join(t, await startGateway(t), "/", former), rider);
});

test("the metrics tell how returns ended", async (t) => {
  const { server, rider, former } = await pair(t);
  await Rider.join(t, server, "/", former);
  await Rider.join(t, server, "/", { ...former, pid: changed(rider.pid, 0) });
  await Rider.join(t, server, "/", { ...former, offset: "x" });
  assert.deepEqual(await recoveries(t, server), { recovered: 1, "too late": 1, forged: 1 });
});
