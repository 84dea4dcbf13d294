// What waits for clients, in memory: the bounds that hold however many of them do not take it.

import assert from "node:assert/strict";
import { test } from "node:test";
import { readResponse, request, serverHasRead } from "../lib/http.mjs";
import { gauge } from "../lib/metrics.mjs";
import { Polling } from "../lib/polling.mjs";
import { UNLIMITED, startGateway } from "../lib/server.mjs";
import { Rider, user } from "../lib/rider.mjs";
import { TcpClient } from "../lib/tcp.mjs";
import { PlainClient } from "../lib/plain.mjs";
import { mb, usage } from "../lib/usage.mjs";
import { sleep, until } from "../lib/wait.mjs";
import { join } from "../lib/socketio.mjs";
import { CLOSE, CONTINUATION, PONG, TEXT, WebSocketClient, frame, openEngine, upgradeRequest } from "../lib/websocket.mjs";

const MB = 1e6;
const RIDERS = 40;
const RECORD = 60_000;
const WAITING = 100;

// Else the sanitizers' allocator keeps what was freed.
const FREE_SOON = { ASAN_OPTIONS: "quarantine_size_mb=1:allocator_release_to_os_interval_ms=0" };

const start = (t, options) =>
  startGateway(t, { maxUserBytes: 65536, pingInterval: 600_000, ...UNLIMITED, env: FREE_SOON, ...options });

// A ride whose roster is long; those aboard.
async function crowd(t, server, ride = "/large") {
  const riders = [];
  for (let i = 0; i < RIDERS; i++) {
    const rider = await PlainClient.connect(t, server, `/ws${ride}`);
    rider.send({ event: "message", data: user(`u${i}`, "boarding", { more: "x".repeat(RECORD) }), id: i });
    while ((await rider.next()).event !== "ack");
    riders.push(rider);
  }
  return riders;
}

const BEHIND_PROXY = { trustedProxy: "127.0.0.1" };
const addressOf = (i) => `203.0.113.${i + 1}`;
const from = (address) => address && { "X-Forwarded-For": address };

// What the gateway holds more than before.
async function growth(server, work) {
  const before = usage(server.program.child.pid).resident;
  await work();
  return usage(server.program.child.pid).resident - before;
}

// A session that is on the ride and fetches nothing; from an address, where there is a proxy.
async function absent(t, server, ride, address = undefined) {
  const session = await Polling.open(t, server, { headers: from(address) });
  await session.send(`40${ride},`);
  while (!(await session.poll()).some((packet) => packet.startsWith(`40${ride},`)));
  return session;
}

test("an answer that nobody fetches is held once, whoever has asked and however", async (t) => {
  const server = await start(t);
  await crowd(t, server);
  const sessions = [];
  for (let i = 0; i < WAITING; i++) sessions.push(await absent(t, server, "/large"));
  const connections = [];
  for (let i = 0; i < 2 * WAITING; i++) {
    const tcp = await TcpClient.connect(t, server.port);
    tcp.socket.pause();
    connections.push(tcp);
  }
  const held = await growth(server, async () => {
    for (const session of sessions) await session.send('42/large,1["activeUsers"]');
    for (const tcp of connections.slice(0, WAITING)) tcp.send("GET /api/users?ride=/large HTTP/1.1\r\nHost: x\r\n\r\n");
    for (const tcp of connections.slice(WAITING))
      tcp.send(Buffer.concat([Buffer.from(upgradeRequest("/ws/large")), frame(TEXT, '{"event":"activeUsers"}')]));
    await serverHasRead(t, server);
  });
  // Copies would be 3 x 100 x 2.4 MB. Of each connection the kernel and the loop have a piece.
  assert.ok(held < 60 * MB, mb(held));
  const [answer] = await sessions[0].poll();
  assert.equal(JSON.parse(answer.slice("43/large,1".length))[0].users.length, RIDERS);
});

test("what is asked costs what is answered, and past that it is refused with a reason", async (t) => {
  const server = await start(t, { asksPerSecond: 4 });
  await crowd(t, server);
  // 2.4 MB count as 37 asks of the 40 that are saved up.
  const rider = await Rider.join(t, server, "/large");
  assert.equal((await rider.activeUsers()).users.length, RIDERS);
  assert.deepEqual(await rider.ask('"activeUsers"')(), { ok: false, error: "too many questions at once; ask less often" });
  assert.match(await rider.hearsException(), /too many questions/);
  const plain = await PlainClient.connect(t, server, "/ws/large");
  plain.send({ event: "activeUsers" });
  assert.equal((await plain.next()).data.users.length, RIDERS);
  plain.send({ event: "activeUsers", id: 7 });
  assert.deepEqual(await plain.next(), { event: "activeUsers", id: 7, data: { ok: false, error: "too many questions at once; ask less often" } });
  assert.match(await plain.hearsException(), /too many questions/);
  // Over HTTP for ten times as much.
  const path = "/api/users?ride=/large";
  const answers = await Promise.all(Array.from({ length: 40 }, () => request(t, server, { path })));
  assert.equal(answers[0].status, 200);
  const { headers, body } = answers.find(({ status }) => status === 429);
  assert.equal(headers["retry-after"], "5");
  assert.match(body, /too many questions from your address/);
  assert.ok((await gauge(t, server, 'ridecast_refused_total{reason="asks"}')) >= 3);
});

test("a large answer comes whole, in its place, over each way", async (t) => {
  const server = await start(t);
  const [plain] = await crowd(t, server);
  const rider = await Rider.join(t, server, "/large");
  rider.say(user("last"));
  await rider.hears("userBoarded", user("last"));
  assert.equal((await rider.activeUsers()).users.length, RIDERS + 1);
  plain.messages.length = 0;
  plain.send({ event: "activeUsers", id: "x" });
  const { id, data } = await plain.next();
  assert.deepEqual([id, data.users.length], ["x", RIDERS + 1]);
  const { status, body } = await request(t, server, { path: "/api/users?ride=/large" });
  assert.deepEqual([status, JSON.parse(body).users], [200, data.users]);
});

// A message of which no more than the first fragment comes; from an address, where there is a proxy.
async function begin(t, server, bytes, address = undefined) {
  const client = await WebSocketClient.open(t, server, "/ws/x", { headers: from(address) });
  await client.tcp.send(frame(TEXT, "x".repeat(bytes), { fin: false }));
  return client;
}

const used = (t, server, what) => gauge(t, server, `ridecast_memory_used_bytes{what="${what}"}`);
const isReady = async (t, server) => (await request(t, server, { path: "/readyz" })).status === 200;

test("past --memory-budget whoever holds most is cut, and the others go on", async (t) => {
  const server = await start(t, { memoryBudget: 16 * MB });
  const [one, other] = [await Rider.join(t, server, "/good"), await Rider.join(t, server, "/good")];
  const clients = [];
  const held = await growth(server, async () => {
    for (let i = 0; i < 100; i++) clients.push(await begin(t, server, 990_000));
    await serverHasRead(t, server);
  });
  assert.ok(held < 60 * MB, mb(held)); // of 100 MB
  assert.ok((await used(t, server, "input")) <= 16 * MB);
  assert.ok((await gauge(t, server, 'ridecast_refused_total{reason="memory"}')) >= 80);
  one.say(user("one"));
  for (const rider of [one, other]) await rider.hears("userBoarded", user("one"));
  for (const client of clients) client.tcp.destroy();
  await until(async () => (await used(t, server, "input")) === 0, () => "waiting for the memory to be given back");
  assert.ok(await isReady(t, server));
});

test("what the clients of one address hold counts together, and keeps nobody else out", async (t) => {
  const server = await start(t, { memoryBudget: 16 * MB, ...BEHIND_PROXY });
  const honest = await begin(t, server, 990_000, addressOf(9));
  const strangers = [];
  for (let i = 0; i < 60; i++) {
    strangers.push(await begin(t, server, i % 2 ? 990_000 : 400_000, addressOf(i % 2)));
    await serverHasRead(t, server);
    assert.ok(await isReady(t, server), `after ${i + 1}`);
  }
  assert.ok((await gauge(t, server, 'ridecast_refused_total{reason="memory"}')) >= 25);
  assert.match(server.program.stderr, /refused 203\.0\.113\.[12] what costs most/);
  assert.doesNotMatch(server.program.stderr, /refused 203\.0\.113\.10 /);
  await honest.sendFrame(CONTINUATION, "x");
  assert.match(await honest.text(), /not valid JSON/);
  for (const client of strangers) client.tcp.destroy();
});

test("whoever lags behind with others on a ride is not cut for what strangers hold", async (t) => {
  const server = await start(t, { memoryBudget: 24 * MB, backlogBytes: 8 * MB });
  const EVENTS = 60;
  const riders = [];
  for (let i = 0; i < 10; i++) riders.push(await PlainClient.connect(t, server, "/ws/crowded"));
  const [speaker, ...others] = riders;
  for (const { socket } of others) socket.pause();
  const record = (i) => user("u", "boarding", { i, more: "x".repeat(RECORD) });
  for (let i = 0; i < EVENTS; i++) {
    speaker.say(record(i));
    await speaker.hears("userBoarded", record(i));
  }
  await until(async () => (await used(t, server, "events")) > 2 * MB, () => "waiting for the others to lag");
  const clients = [];
  for (let i = 0; i < 40; i++) clients.push(await begin(t, server, 990_000));
  await serverHasRead(t, server);
  assert.ok((await gauge(t, server, 'ridecast_refused_total{reason="memory"}')) >= 10);
  for (const rider of others) {
    rider.socket.resume();
    for (let i = 0; i < EVENTS; i++) await rider.hears("userBoarded", record(i));
  }
  for (const client of clients) client.tcp.destroy();
});

test("a message that does not become whole is waited for no longer than --body-timeout, pongs or not", async (t) => {
  const server = await start(t, { bodyTimeout: 500, pingInterval: 100 });
  const plain = await begin(t, server, 990_000);
  const engine = await openEngine(t, server);
  await join(engine, "/x");
  await engine.sendFrame(TEXT, '451-/x,["message",{"_placeholder":true,"num":0}]');
  const pings = setInterval(() => plain.sendFrame(PONG), 50);
  while ((await plain.frame()).opcode !== CLOSE);
  clearInterval(pings);
  let text;
  while ((text = await engine.frame()).opcode !== CLOSE) if (text.payload.toString() === "2") engine.send("3");
  assert.equal(await gauge(t, server, 'ridecast_refused_total{reason="body timeout"}'), 2);
  assert.equal(await used(t, server, "input"), 0);
});

// Each asks when somebody has boarded anew, so that no two wait for the same answer.
async function askInTurn(rider, sessions, asked = () => {}) {
  for (const [i, session] of sessions.entries()) {
    rider.send({ event: "message", data: user("u0", "boarding", { i }), id: i });
    while ((await rider.next()).event !== "ack");
    await session.post('42/large,1["activeUsers"]');
    await asked(i);
  }
}

test("answers that nobody fetches, each another one, are refused before anybody is cut", async (t) => {
  const server = await start(t, { memoryBudget: 24 * MB, backlogBytes: 8 * MB, ...BEHIND_PROXY });
  const [rider] = await crowd(t, server);
  const sessions = [];
  for (let i = 0; i < 30; i++) sessions.push(await absent(t, server, "/large", addressOf(i)));
  const held = await growth(server, () => askInTurn(rider, sessions));
  assert.ok(held < 60 * MB, mb(held)); // each waits for another one: 30 x 2.4 MB
  assert.ok((await used(t, server, "snapshots")) <= 24 * MB);
  assert.ok((await gauge(t, server, 'ridecast_refused_total{reason="memory"}')) > 0);
  for (const session of sessions) assert.equal(await session.isGone(), false);
  const packets = [await sessions[0].poll(), await sessions[0].poll()].flat();
  assert.ok(packets.some((packet) => packet.startsWith("43/large,1") && packet.length > 2 * MB));
});

test("answers that nobody at one address fetches count together, and keep nobody else out", async (t) => {
  const server = await start(t, { memoryBudget: 24 * MB, backlogBytes: 8 * MB, ...BEHIND_PROXY });
  const [rider] = await crowd(t, server);
  const honest = await absent(t, server, "/large", addressOf(1));
  await honest.send('42/large,1["activeUsers"]');
  const sessions = [];
  for (let i = 0; i < 30; i++) sessions.push(await absent(t, server, "/large", addressOf(0)));
  await askInTurn(rider, sessions, async (i) => assert.ok(await isReady(t, server), `after ${i + 1}`));
  assert.ok((await gauge(t, server, 'ridecast_refused_total{reason="memory"}')) >= 20);
  const packets = [await honest.poll(), await honest.poll()].flat();
  assert.ok(packets.some((packet) => packet.startsWith("43/large,1") && packet.length > 2 * MB));
});

test("while little is left of it the gateway is not ready, and gives no long answers", async (t) => {
  const server = await start(t, { memoryBudget: 16 * MB, ...BEHIND_PROXY });
  await crowd(t, server);
  const rider = await Rider.join(t, server, "/large");
  const clients = [];
  for (let i = 0; i < 15; i++) clients.push(await begin(t, server, 990_000, addressOf(i)));
  await until(async () => !(await isReady(t, server)), () => "waiting for the gateway to say so");
  const error = "the gateway is short of memory; try again";
  assert.deepEqual(await rider.ask('"activeUsers"')(), { ok: false, error });
  const { status, body } = await request(t, server, { path: "/api/users?ride=/large" });
  assert.deepEqual([status, body], [503, JSON.stringify({ error })]);
  assert.equal(await gauge(t, server, 'ridecast_refused_total{reason="memory"}'), 2);
  for (const client of clients) client.tcp.destroy();
  await until(() => isReady(t, server), () => "waiting for the gateway to be ready");
  assert.equal(await rider.hearsException(), error);
  assert.equal((await rider.activeUsers()).users.length, RIDERS);
});

test("whoever stays just below the budget does not keep the gateway from being ready", async (t) => {
  const server = await start(t, { memoryBudget: 16 * MB, ...BEHIND_PROXY });
  const clients = [];
  for (let i = 0; i < 15; i++) clients.push(await begin(t, server, 990_000, addressOf(i)));
  await until(async () => !(await isReady(t, server)), () => "waiting for the gateway to say so");
  await until(() => isReady(t, server), () => "waiting for the gateway to be ready");
  assert.ok((await gauge(t, server, 'ridecast_refused_total{reason="memory"}')) > 0);
  assert.ok((await used(t, server, "input")) > 8 * MB);
  for (const client of clients) client.tcp.destroy();
});

// Reads a little at a time, with pauses that are far shorter than the time without progress; the whole takes longer.
// `enough` resolves when it is to take the rest at once.
async function takesSlowly(tcp, path, everyMs, enough) {
  await tcp.send(`GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`);
  const { headers } = await readResponse(tcp, { hasBody: false });
  const length = Number(headers["content-length"]);
  tcp.socket.pause();
  const dribble = setInterval(() => tcp.socket.resume(), everyMs);
  const pause = () => tcp.socket.pause();
  tcp.socket.on("data", pause);
  const hurry = () => {
    clearInterval(dribble);
    tcp.socket.off("data", pause).resume();
  };
  enough?.then(hurry);
  const body = await tcp.read(length);
  hurry();
  return body.toString();
}

test("whoever takes an answer slowly gets all of it, over HTTP and by polling", async (t) => {
  const server = await start(t, { stallTimeout: 1500, sendBuffer: 16_384 });
  await crowd(t, server);
  const session = await absent(t, server, "/large");
  await session.send('42/large,1["activeUsers"]');
  for (const path of ["/api/users?ride=/large", session.path]) {
    const body = await takesSlowly(await TcpClient.connect(t, server.port), path, 60);
    assert.ok(body.length > RIDERS * RECORD, `${body.length} bytes`);
    assert.match(body, /\]\}\]?$/);
  }
});

test("a poll that takes longer than the ping timeout does not end its session", async (t) => {
  const PING_MS = 2000; // long enough for the poll to come before the first
  const pings = { pingInterval: PING_MS, pingTimeout: PING_MS };
  const server = await start(t, { stallTimeout: 1500, sendBuffer: 16_384, ...pings });
  await crowd(t, server);
  const session = await absent(t, server, "/large");
  await session.send('42/large,1["activeUsers"]');
  const tcp = await TcpClient.connect(t, server.port);
  const enough = sleep(2.5 * PING_MS);
  const taken = takesSlowly(tcp, session.path, 400, enough);
  await enough; // it is on its way, and no pong comes
  await session.assertAlive();
  await taken;
});

test("whoever takes nothing of an answer is cut", async (t) => {
  const server = await start(t, { stallTimeout: 200 });
  await crowd(t, server);
  const connections = () => gauge(t, server, "ridecast_connections");
  const before = await connections();
  for (let i = 0; i < 5; i++) {
    const tcp = await TcpClient.connect(t, server.port);
    tcp.socket.pause();
    await tcp.send("GET /api/users?ride=/large HTTP/1.1\r\nHost: x\r\n\r\n");
  }
  await until(async () => (await used(t, server, "answers")) > 0, () => "waiting for the answers");
  await until(async () => (await connections()) <= before && (await used(t, server, "answers")) === 0, () => "waiting for the end");
});
