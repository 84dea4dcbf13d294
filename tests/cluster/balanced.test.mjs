// Three gateways behind nginx with the configuration of deploy/nginx: no cookie, no pinned address, every polling
// request on a connection of its own; and what nobody may notice.

import assert from "node:assert/strict";
import http from "node:http";
import { test } from "node:test";
import { onEnd } from "../lib/cleanup.mjs";
import { becomes, startCluster } from "../lib/cluster.mjs";
import { request } from "../lib/http.mjs";
import { total } from "../lib/metrics.mjs";
import { Nginx } from "../lib/nginx.mjs";
import { Client, MODES } from "../lib/official.mjs";
import { Polling } from "../lib/polling.mjs";
import { assertUnbroken, boardings } from "../lib/recovery.mjs";
import { Rider, user } from "../lib/rider.mjs";
import { UNLIMITED, startGateway } from "../lib/server.mjs";
import { until } from "../lib/wait.mjs";
import { WebSocketClient } from "../lib/websocket.mjs";

const TRUSTING = { trustedProxy: "127.0.0.0/8" };

async function balanced(t, { tls, ...options } = {}) {
  const cluster = await startCluster(t, { size: 3, nodeLease: 500, ...UNLIMITED, ...TRUSTING, ...options });
  return { ...cluster, nginx: await Nginx.start(t, cluster.gateways, { tls }) };
}

const times = (n, make) => Promise.all(Array.from({ length: n }, (_, i) => make(i)));

const aboard = async (t, server) =>
  JSON.parse((await request(t, server, { path: "/api/users" })).body).users.map(({ id }) => id).sort();

for (const mode of Object.keys(MODES)) {
  test(`${mode}: boarding through nginx is heard at all three gateways`, async (t) => {
    const { nginx, gateways } = await balanced(t);
    const clients = await times(40, () => Client.connect(t, nginx, mode));
    for (const client of clients) await client.settled(t, nginx);
    for (const gateway of gateways) assert.ok((await total(t, gateway, "ridecast_sessions")) > 0);
    for (const [i, client] of clients.entries()) assert.equal((await client.ask(user(`u${i}`))).ok, true);
    for (const client of clients) assert.deepEqual(await client.heard(40), clients[0].events);
    assertUnbroken(clients[0].events);
    for (const client of clients) assert.equal(client.connections, 1);
  });
}

// Three riders in each mode, through nginx, and somebody at gateway `c` who goes on talking.
async function passengers(t, options) {
  const cluster = await balanced(t, options);
  const speaker = await Client.connect(t, cluster.c, "WebSocket only");
  const riders = [];
  for (const mode of Object.keys(MODES)) {
    riders.push(...(await times(3, () => Client.connect(t, cluster.nginx, mode))));
  }
  for (const rider of riders) await rider.settled(t, cluster.nginx);
  for (const [i, rider] of riders.entries()) await rider.ask(user(`rider${i}`));
  await boardings(speaker, "speaker", 1);
  return { ...cluster, speaker, riders };
}

// Where a session goes is left to chance, and one gateway may have none: of two, the one with more.
async function busier(t, { a, b }) {
  const counts = [await total(t, a, "ridecast_sessions"), await total(t, b, "ridecast_sessions")];
  assert.ok(Math.max(...counts) > 0, "nobody is at either gateway");
  return counts[0] >= counts[1] ? a : b;
}

// Whoever joined later heard less; from its first event on everybody has heard the same, each event once.
function assertSame(events, all) {
  assertUnbroken(events);
  const at = all.findIndex(({ offset }) => offset === events[0].offset);
  assert.deepEqual(events, at < 0 ? null : all.slice(at, at + events.length));
}

async function assertNothingHappened(t, { nginx, speaker, riders }) {
  await boardings(speaker, "speaker", 20);
  const { offset } = speaker.events.at(-1);
  for (const { socket, events } of riders) {
    await until(
      () => socket.connected && events.at(-1).offset === offset,
      () => `waiting for ${offset}, connected: ${socket.connected}, last is ${JSON.stringify(events.at(-1))}`,
    );
  }
  // An answer shows that the session has its place: a client hears only by its next request that it had none, and what
  // it was just saying is lost with the session, unless it asked for an ack.
  for (const { socket } of riders) {
    await until(
      () => socket.timeout(1000).emitWithAck("activeUsers").catch(() => null),
      () => "waiting for an answer",
    );
  }
  const names = riders.map((_, i) => `rider${i}`);
  assert.deepEqual(await aboard(t, nginx), [...names, "speaker"]);
  for (const [i, rider] of riders.entries()) rider.say(user(names[i], "exiting"));
  for (const rider of riders) {
    await until(
      () => rider.reason === "io server disconnect",
      () => `waiting for the end of an exit: ${rider.reason}`,
    );
  }
  await until(
    () => speaker.events.filter(({ name }) => name === "userExited").length >= riders.length,
    () => `waiting for ${riders.length} exits`,
  );
  assert.deepEqual(await aboard(t, nginx), ["speaker"]);
  assert.ok(speaker.events.every(({ name }) => name !== "userDisconnected"));
  assertUnbroken(speaker.events);
  for (const { events } of riders) assertSame(events, speaker.events);
}

test("a gateway that is killed is noticed by nobody", async (t) => {
  const world = await passengers(t);
  await (await busier(t, world)).kill();
  await assertNothingHappened(t, world);
});

test("a gateway that is drained is noticed by nobody", async (t) => {
  const world = await passengers(t, { drainTimeout: 1000 });
  const gateway = await busier(t, world);
  await Promise.all([gateway.stop(), boardings(world.speaker, "speaker", 500)]);
  await assertNothingHappened(t, world);
});

test("all gateways restarted one after the other are noticed by nobody", async (t) => {
  const options = { drainTimeout: 500 };
  const world = await passengers(t, options);
  const talk = boardings(world.speaker, "speaker", 500);
  for (const { port, stop } of [world.a, world.b]) {
    await stop();
    const listen = `127.0.0.1:${port}`;
    await becomes(t, await startGateway(t, { listen, broker: world.redis.url, nodeLease: 500, ...UNLIMITED, ...TRUSTING, ...options }), 200);
  }
  await talk;
  await world.c.stop();
  await startGateway(t, { listen: `127.0.0.1:${world.c.port}`, broker: world.redis.url, nodeLease: 500, ...TRUSTING });
  await world.speaker.back();
  assert.equal(world.speaker.socket.recovered, true);
  await assertNothingHappened(t, world);
});

test("nginx reloaded is noticed by nobody", async (t) => {
  const world = await passengers(t);
  await world.nginx.reload();
  await boardings(world.speaker, "speaker", 20);
  for (const rider of world.riders) assert.equal(rider.connections, 1);
  await assertNothingHappened(t, world);
});

test("two gateways more are noticed by nobody", async (t) => {
  const world = await passengers(t);
  const { redis, gateways, nginx } = world;
  const more = await times(2, () => startGateway(t, { broker: redis.url, nodeLease: 500, ...TRUSTING }));
  for (const gateway of more) await becomes(t, gateway, 200);
  nginx.leadTo([...gateways, ...more]);
  await nginx.reload();
  await times(80, () => Polling.open(t, nginx));
  for (const gateway of more) assert.ok((await total(t, gateway, "ridecast_sessions")) > 0);
  await assertNothingHappened(t, world);
});

test("Redis restarted is noticed by nobody", async (t) => {
  const world = await passengers(t);
  await world.redis.stop();
  for (const gateway of world.gateways) await becomes(t, gateway, 503);
  await world.redis.run();
  for (const gateway of world.gateways) await becomes(t, gateway, 200);
  await assertNothingHappened(t, world);
});

test("a gateway that is dead is passed over, and nobody loses a session when it is back", async (t) => {
  const { redis, nginx, a, b, c } = await balanced(t);
  await a.kill();
  // One in 6,561 is led to the dead one by all of its keys, and answered 503: as clients do, it tries again.
  const sessions = await times(60, () => Polling.open(t, nginx).catch(() => Polling.open(t, nginx)));
  const places = [await total(t, b, "ridecast_sessions"), await total(t, c, "ridecast_sessions")];
  assert.equal(places[0] + places[1], 60);
  const plain = await times(10, () => WebSocketClient.open(t, nginx, "/ws"));
  await startGateway(t, { listen: `127.0.0.1:${a.port}`, broker: redis.url, ...TRUSTING });
  for (const session of sessions) await session.assertAlive();
  for (const client of plain) client.send('{"event":"activeUsers"}');
  for (const client of plain) assert.match(await client.text(), /"event":"activeUsers"/);
});

// A gateway that takes nobody in any more.
async function startDraining(t) {
  const server = http.createServer((_, response) => response.writeHead(503).end());
  server.on("upgrade", (_, socket) => socket.end("HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n"));
  server.asked = 0;
  for (const event of ["request", "upgrade"]) server.on(event, () => server.asked++);
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  onEnd(t, () => server.close());
  return server;
}

test("a gateway that drains is passed over, and every session opened meanwhile is found again", async (t) => {
  const { gateways } = await startCluster(t, { ...TRUSTING });
  const draining = await startDraining(t);
  const nginx = await Nginx.start(t, [draining.address(), ...gateways]);
  const sessions = await times(60, () => Polling.open(t, nginx));
  assert.ok(draining.asked > 0, "nobody asked the gateway that drains");
  for (const session of sessions) await session.assertAlive();
  for (const mode of Object.keys(MODES)) {
    const clients = await times(10, () => Client.connect(t, nginx, mode));
    for (const client of clients) await client.settled(t, nginx);
  }
  await times(10, () => WebSocketClient.open(t, nginx, "/ws/line-7"));
});

test("when no gateway takes sessions, the answer is 503 at once", async (t) => {
  const nginx = await Nginx.start(t, [(await startDraining(t)).address(), (await startDraining(t)).address()]);
  const { status, headers } = await request(t, nginx, { path: "/socket.io/?EIO=4&transport=polling" });
  assert.deepEqual([status, headers["retry-after"]], [503, "1"]);
});

test("a client cannot name its session or its address, and metrics stay inside", async (t) => {
  const { nginx, gateways } = await balanced(t);
  const mine = "0123456789abcdef0123456789abcdef";
  const headers = { "X-Ridecast-Session": mine, "X-Forwarded-For": "203.0.113.9" };
  const { body } = await request(t, nginx, { path: "/socket.io/?EIO=4&transport=polling", headers });
  assert.notEqual(JSON.parse(body.slice(1)).sid, mine);
  for (const path of ["/metrics", "/readyz"]) assert.equal((await request(t, nginx, { path })).status, 404);
  const rider = await Rider.join(t, nginx, "/", undefined, { headers });
  rider.send('"message"', '"no record"');
  await rider.hearsException();
  const log = () => gateways.map(({ program }) => program.stderr).join("");
  const [, from] = await until(() => log().match(/refused (\S+) a message/), log);
  assert.equal(from, "127.0.0.1");
});

test("no upgrade but to WebSocket is passed on", async (t) => {
  const seen = [];
  const server = http.createServer((asked, response) => (seen.push(asked.headers), response.end("ok")));
  server.on("upgrade", (_, socket) => socket.destroy());
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  onEnd(t, () => server.close());
  const nginx = await Nginx.start(t, [server.address()]);
  const headers = { Connection: "Upgrade, HTTP2-Settings", Upgrade: "h2c", "HTTP2-Settings": "AAMAAABkAAQAAP__" };
  assert.equal((await request(t, nginx, { path: "/", headers })).status, 200);
  assert.equal(seen[0].upgrade, undefined);
});

test("what is too large is refused", async (t) => {
  const { nginx } = await balanced(t);
  const { path } = await Polling.open(t, nginx);
  const large = { method: "POST", path, body: "4".repeat(1_000_001) };
  assert.equal((await request(t, nginx, large)).status, 413);
  const headers = { "X-Large": "x".repeat(9000) };
  assert.equal((await request(t, nginx, { path: "/api/users", headers })).status, 400);
});

test("over TLS, with a development certificate, all three modes work", async (t) => {
  const { nginx } = await balanced(t, { tls: true });
  const server = { url: `https://localhost:${nginx.tlsPort}` };
  const clients = [];
  for (const mode of Object.keys(MODES)) clients.push(await Client.connect(t, server, mode, { ca: nginx.certificate }));
  await clients[0].ask(user("u"));
  for (const client of clients) await client.heard(1);
});
