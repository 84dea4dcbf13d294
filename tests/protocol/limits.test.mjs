// How much anybody may do: each limit's refusal, that it is counted and logged a little, and that others go on.

import { gauge } from "../lib/metrics.mjs";
import assert from "node:assert/strict";
import { test } from "node:test";
import { startGateway } from "../lib/server.mjs";
import { get, post, readResponse, request } from "../lib/http.mjs";
import { Polling } from "../lib/polling.mjs";
import { Rider, user } from "../lib/rider.mjs";
import { join } from "../lib/socketio.mjs";
import { TcpClient } from "../lib/tcp.mjs";
import { goodToken, tokenOptions } from "../lib/token.mjs";
import { sleep, until } from "../lib/wait.mjs";
import { CLOSE, PONG, WebSocketClient, closePayload, openEngine, upgradeRequest } from "../lib/websocket.mjs";

const OPEN = "/socket.io/?EIO=4&transport=polling";
const FROM = (address) => ({ "X-Forwarded-For": address });

// How often something was refused for the reason, by a gateway that can still be asked.
const refused = (t, server, reason) => gauge(t, server, `ridecast_refused_total{reason="${reason}"}`);

// Attempt after attempt until one is refused, which is answered: a limit of one a second gives one back where the machine
// takes a second for what is usually done in no time.
async function refusal(attempt, refused) {
  let answer;
  let i = 0;
  await until(
    async () => refused((answer = await attempt(i++))),
    () => "waiting for a refusal",
  );
  return answer;
}

const isRefused = (packet) => packet.startsWith("44");

async function answerOf(t, server) {
  const tcp = await TcpClient.connect(t, server.port);
  return (await tcp.readToEnd()).toString();
}

test("one address has no more connections than it may", async (t) => {
  const server = await startGateway(t, { maxConnectionsPerAddress: 3 });
  const held = [];
  for (let i = 0; i < 3; i++) held.push(await TcpClient.connect(t, server.port));
  assert.match(await answerOf(t, server), /^HTTP\/1\.1 429 [^]*Too many connections from your address$/);
  held[0].destroy();
  await until(
    () => request(t, server, { path: "/healthz" }).then(({ status }) => status === 200, () => false),
    () => "waiting for room",
  );
  assert.ok((await refused(t, server, "connections per address")) >= 1);
});

// Its peer has heard that it is over, and keeps its own side open.
async function lingering(t, server) {
  const tcp = await TcpClient.connect(t, server.port, { allowHalfOpen: true });
  tcp.send("no request\r\n\r\n");
  assert.match((await tcp.readToEnd()).toString(), /^HTTP\/1\.1 4/);
}

test("who comes back at once is not refused for what lingers, which is bounded as well", async (t) => {
  const server = await startGateway(t, { maxConnectionsPerAddress: 4 });
  // The gateway gives each two seconds; twenty are there before the first is gone, but for a machine that is very slow.
  for (let round = 0; round < 5; round++) await Promise.all([1, 2, 3, 4].map(() => lingering(t, server)));
  const open = await gauge(t, server, "ridecast_connections");
  assert.ok(open <= 4, `${open} connections`);
  assert.equal(await refused(t, server, "connections per address"), 0);
});

test("connections in all are bounded, and who is refused is told so", async (t) => {
  const server = await startGateway(t, { maxConnections: 2 });
  const held = [await TcpClient.connect(t, server.port), await TcpClient.connect(t, server.port)];
  assert.match(await answerOf(t, server), /^HTTP\/1\.1 503 [^]*This gateway is full; try later$/);
  held[0].destroy();
  await until(
    () => refused(t, server, "connections").then((count) => count >= 1, () => false),
    () => "waiting for room",
  );
});

test("a trusted proxy's connections are not counted, its clients are", async (t) => {
  const server = await startGateway(t, { maxConnectionsPerAddress: 2, trustedProxy: "127.0.0.1" });
  for (let i = 0; i < 5; i++) await TcpClient.connect(t, server.port);
  const open = (address) => request(t, server, { path: OPEN, headers: FROM(address) });
  for (const expected of [200, 200, 429]) assert.equal((await open("203.0.113.9")).status, expected);
  assert.equal((await open("203.0.113.10")).status, 200);
  for (const [address, expected] of [["2001:db8:0:1::1", 200], ["2001:db8:0:1::2", 200], ["2001:db8:0:1::3", 429]])
    assert.equal((await open(address)).status, expected);

  const ws = (address) => upgradeRequest("/ws", FROM(address));
  const clients = [];
  for (const expected of [101, 101, 429]) {
    const tcp = await TcpClient.connect(t, server.port);
    tcp.send(ws("203.0.113.11"));
    assert.equal((await readResponse(tcp)).status, expected);
    clients.push(tcp);
  }
  // Who leaves makes room.
  clients[0].destroy();
  await until(
    async () => {
      const tcp = await TcpClient.connect(t, server.port);
      tcp.send(ws("203.0.113.11"));
      return (await readResponse(tcp)).status === 101;
    },
    () => "waiting for room",
  );
});

test("handshakes of one address have a rate, and those of others their own", async (t) => {
  const server = await startGateway(t, { handshakesPerAddress: 1, trustedProxy: "127.0.0.1" });
  const open = (address) => request(t, server, { path: OPEN, headers: FROM(address) });
  for (let i = 0; i < 10; i++) assert.equal((await open("203.0.113.9")).status, 200);
  const answers = [];
  for (let i = 0; i < 40; i++) answers.push(await open("203.0.113.9"));
  const answer = answers.find(({ status }) => status === 429);
  assert.match(answer.body, /^Too many handshakes from your address/);
  assert.equal(answer.headers["retry-after"], "5");
  assert.equal((await open("203.0.113.10")).status, 200);
  assert.ok((await refused(t, server, "handshakes per address")) >= 20);
  const lines = server.program.stderr.split("\n").filter((line) => /refused .*handshake/.test(line));
  assert.equal(lines.length, 1, "the log has the first");
  assert.match(lines[0], /203\.0\.113\.9/);
});

test("too many messages: first an exception and the ack's error, then the connection closes", async (t) => {
  const server = await startGateway(t, { messagesPerSecond: 5 });
  const other = await Rider.join(t, server);
  const rider = await Rider.join(t, server);
  for (let i = 0; i < 60; i++) rider.send('"nobody\'s"');
  rider.ask('"message"', JSON.stringify(JSON.stringify(user("u"))));
  // Those that were over the limit before it are answered first.
  let exceptions = 0;
  for (;;) {
    const text = await rider.client.text();
    if (text.startsWith("43")) {
      assert.match(text, /^430\[\{"ok":false,"error":"too many messages at once; slow down"\}\]$/);
      break;
    }
    assert.match(text, /^42\["exception",\{"status":"error","message":"too many messages at once; slow down"\}\]$/);
    exceptions++;
  }
  assert.ok(exceptions > 0 && exceptions <= 60);
  for (let i = 0; i < 100; i++) rider.send('"nobody\'s"');
  await until(() => rider.client.tcp.ended || closed(rider.client.tcp), () => "waiting for the end");
  assert.ok((await refused(t, server, "messages")) > 1);
  other.say(user("other"));
  await other.hears("userBoarded", user("other"));
});

// Whether an empty close frame is the last of what came.
const closed = (tcp) => tcp.peek().subarray(-2).equals(Buffer.from([0x80 | CLOSE, 0]));

test("a client that slows down is served again", async (t) => {
  const server = await startGateway(t, { messagesPerSecond: 20 });
  const rider = await Rider.join(t, server);
  for (let i = 0; i < 250; i++) rider.send('"nobody\'s"');
  await rider.hearsException();
  for (let served = false; !served; ) {
    await sleep(200); // slower than the limit: that is what this is about
    rider.ask('"activeUsers"');
    let text;
    do text = await rider.client.text();
    while (!text.startsWith("43"));
    served = text.includes("users");
  }
});

test("too many bytes are refused as well", async (t) => {
  const server = await startGateway(t, { bytesPerSecond: 1000, maxPayload: 20_000 });
  const rider = await Rider.join(t, server);
  rider.send('"nobody\'s"', JSON.stringify("x".repeat(15_000)));
  rider.send('"nobody\'s"', JSON.stringify("x".repeat(15_000)));
  assert.match(await rider.hearsException(), /too many bytes/);
  rider.send('"nobody\'s"', JSON.stringify("x".repeat(15_000)));
  await rider.client.assertCloses();
  assert.ok((await refused(t, server, "bytes")) >= 2);
});

test("a POST of tiny packets without end costs the session", async (t) => {
  const server = await startGateway(t, { messagesPerSecond: 10 });
  const session = await Polling.open(t, server);
  await session.send("40");
  await session.poll();
  await session.post(Array(400_000).fill("3").join("\x1e"));
  assert.ok(await session.isGone());
});

test("pongs without end cost a WebSocket its connection", async (t) => {
  const server = await startGateway(t, { messagesPerSecond: 10 });
  const client = await WebSocketClient.open(t, server, "/ws");
  for (let i = 0; i < 300; i++) client.sendFrame(PONG);
  assert.deepEqual(await client.message(CLOSE), closePayload(1008));
});

test("plain WebSocket: an exception, then 1008", async (t) => {
  const server = await startGateway(t, { messagesPerSecond: 5 });
  const client = await WebSocketClient.open(t, server, "/ws");
  for (let i = 0; i < 60; i++) client.send('{"event":"activeUsers","id":1}');
  for (;;) {
    const { event, data } = JSON.parse(await client.text());
    if (event !== "exception") continue; // answers, and acks that say the same
    assert.match(data.message, /too many messages/);
    break;
  }
  for (let i = 0; i < 100; i++) client.send('{"event":"activeUsers","id":1}');
  for (;;) {
    const { opcode, payload } = await client.frame();
    if (opcode !== CLOSE) continue;
    assert.deepEqual(payload, closePayload(1008));
    break;
  }
});

// An event goes to everybody on the ride: what one client says again and again is paid for by all.
test("a client that boards without end is refused, and may exit", async (t) => {
  const server = await startGateway(t, { transitionsPerSecond: 1 });
  const [rider, other] = [await Rider.join(t, server), await Rider.join(t, server)];
  for (let i = 0; i < 50; i++) rider.say(user("u", "boarding", { i }));
  const heard = [];
  while (heard.length < 50) heard.push((await rider.event())[0]);
  const boarded = heard.filter((name) => name === "userBoarded").length;
  assert.ok(boarded >= 10 && boarded < 20, `${boarded} boardings`);
  assert.equal(heard.filter((name) => name === "exception").length, 50 - boarded);
  for (let i = 0; i < boarded; i++) await other.event();
  const exit = user("u", "exiting");
  rider.say(exit);
  await other.hears("userExited", exit);
  assert.equal(await refused(t, server, "transitions"), 50 - boarded);
});

test("a ride takes so many boardings a second, whoever boards", async (t) => {
  const server = await startGateway(t, { eventsPerSecond: 1 });
  const riders = [];
  for (let i = 0; i < 20; i++) riders.push(await Rider.join(t, server, "/busy"));
  const answers = await Promise.all(
    riders.map((rider, i) => {
      const record = JSON.stringify(JSON.stringify(user(`u${i}`)));
      rider.client.send(`42/busy,7["message",${record}]`);
      return (async () => {
        let text;
        while (!(text = await rider.client.text()).startsWith("43/busy,7"));
        return JSON.parse(text.slice("43/busy,7".length))[0];
      })();
    }),
  );
  const bad = answers.filter(({ ok }) => !ok);
  assert.ok(bad.length >= 5 && bad.length <= 10, `${bad.length} refused`);
  for (const { error } of bad) assert.equal(error, "too much happens on this ride; try again");
  const calm = await Rider.join(t, server, "/calm");
  calm.say(user("u"));
  await calm.hears("userBoarded", user("u"));
  assert.equal(await refused(t, server, "events"), bad.length);
});

test("one address takes no more of what a ride takes than it leaves to the others", async (t) => {
  const server = await startGateway(t, { eventsPerSecond: 5, transitionsPerSecond: 0, trustedProxy: "127.0.0.1" });
  const joinFrom = (address) => Rider.join(t, server, "/busy", undefined, { headers: FROM(address) });
  const greedy = [];
  for (let i = 0; i < 20; i++) greedy.push(await joinFrom("203.0.113.9"));
  const greed = setInterval(() => greedy.forEach((rider, i) => rider.say(user(`greedy-${i}`))), 20);
  await until(async () => (await refused(t, server, "events")) > 100, () => "waiting for the greedy to be refused");
  for (let i = 0; i < 10; i++) {
    const rider = await joinFrom(`198.51.100.${i}`);
    rider.client.send(`42/busy,7["message",${JSON.stringify(JSON.stringify(user(`modest-${i}`)))}]`);
    let text;
    while (!(text = await rider.client.text()).startsWith("43/busy,7"));
    assert.match(text, /"ok":true/);
  }
  clearInterval(greed);
});

// A ride on which somebody has boarded 20 times with a long record, and who was there before.
async function muchMissed(t, server) {
  const rider = await Rider.join(t, server);
  const other = await Rider.join(t, server);
  for (let i = 0; i < 20; i++) other.say(user("u", "boarding", { i, x: "x".repeat(900) }));
  for (let i = 0; i < 20; i++) await other.event();
  return { sid: rider.sid, pid: rider.pid };
}

test("what one address is sent of what it missed is bounded, and who is not recovered may go on", async (t) => {
  const server = await startGateway(t, { replayBytesPerAddress: 2500 });
  const former = await muchMissed(t, server);
  const first = await Rider.join(t, server, "/", { pid: former.pid });
  assert.equal(first.pid, former.pid);
  for (let i = 0; i < 20; i++) await first.event();
  for (let i = 0; i < 10; i++) {
    const again = await Rider.join(t, server, "/", { pid: former.pid });
    assert.notEqual(again.pid, former.pid);
    const record = user("v", "boarding", { i });
    again.say(record);
    await again.hears("userBoarded", record);
  }
  assert.equal(await refused(t, server, "replays"), 10);
});

test("bad tokens of one address are looked at so often, over HTTP as well, and good ones that are new wait", async (t) => {
  const server = await startGateway(t, { ...tokenOptions(t), badTokensPerAddress: 1, trustedProxy: "127.0.0.1" });
  const seen = goodToken("ann");
  const good = goodToken("bob");
  const path = "/api/users?ride=/line-7";
  const show = (text, address) =>
    request(t, server, { path, headers: { ...FROM(address), Authorization: `Bearer ${text}` } });
  for (let i = 0; i < 10; i++) {
    assert.equal((await show(`${good}x`, "203.0.113.9")).status, 401);
    if (i < 9) assert.equal((await show(seen, "203.0.113.9")).status, 200);
  }
  const spend = () => show(`${good}x`, "203.0.113.9");
  const answer = await refusal(
    async () => (await spend(), show(good, "203.0.113.9")),
    ({ status }) => status === 429,
  );
  assert.match(JSON.parse(answer.body).error, /try again in a while/);
  assert.equal((await show(seen, "203.0.113.9")).status, 200);
  assert.equal((await show(goodToken("cyd"), "203.0.113.10")).status, 200);
  const client = await openEngine(t, server, { headers: FROM("203.0.113.9") });
  const text = await refusal(async (i) => {
    await spend();
    client.send(`40/line-${i},${JSON.stringify({ token: good })}`);
    return client.text();
  }, isRefused);
  const message = "too many tokens were refused to your address; try again in a while";
  assert.deepEqual(JSON.parse(text.slice(text.indexOf(",") + 1)), { message, data: { code: "unread" } });
  await sleep(3000);
  assert.equal((await show(good, "203.0.113.9")).status, 200);
});

test("refusals end no connection that is on a ride", async (t) => {
  const server = await startGateway(t);
  const rider = await Rider.join(t, server);
  for (let i = 0; i < 50; i++) {
    rider.client.send("40/x?,");
    assert.match(await rider.client.text(), /^44\/x\?,/);
  }
  rider.say(user("u"));
  await rider.hears("userBoarded", user("u"));
});

test("who comes back too often is a new client", async (t) => {
  const server = await startGateway(t, { resumesPerAddress: 1 });
  const former = await Rider.join(t, server);
  for (let i = 0; i < 10; i++)
    assert.equal((await Rider.join(t, server, "/", { pid: former.pid })).sid, former.sid);
  const stranger = await refusal(
    () => Rider.join(t, server, "/", { pid: former.pid }),
    ({ sid }) => sid !== former.sid,
  );
  stranger.say(user("u"));
  await stranger.hears("userBoarded", user("u"));
  assert.equal(await refused(t, server, "resumes"), 1);
});

const ask = (t, server, ride) => request(t, server, { path: `/api/users?ride=${ride}` });

// Each of the gateway's doors refuses, once. `nameOf(i)`: the ride of an attempt.
async function assertNoRide(t, server, nameOf, reason) {
  const users = await refusal(
    (i) => ask(t, server, nameOf(`http-${i}`)),
    ({ status }) => status === 429,
  );
  assert.equal(JSON.parse(users.body).error, reason);
  await refusal(
    async (i) => {
      const tcp = await TcpClient.connect(t, server.port);
      tcp.send(upgradeRequest(`/ws${nameOf(`plain-${i}`)}`));
      return readResponse(tcp);
    },
    ({ status }) => status === 429,
  );
  const client = await openEngine(t, server);
  const text = await refusal((i) => {
    client.send(`40${nameOf(`engine-${i}`)},`);
    return client.text();
  }, isRefused);
  assert.deepEqual(JSON.parse(text.slice(text.indexOf(",") + 1)), { message: reason });
}

test("one address has so many rides followed, and joins what is followed already", async (t) => {
  const server = await startGateway(t, { ridesPerAddress: 2 });
  const rider = await Rider.join(t, server, "/a");
  assert.equal((await ask(t, server, "/b")).status, 200);
  await assertNoRide(t, server, () => "/c", "your address is on as many rides as it may be");
  assert.equal((await ask(t, server, "/a")).status, 200);
  await Rider.join(t, server, "/b");
  rider.say(user("u"));
  await rider.hears("userBoarded", user("u"));
  assert.equal(await refused(t, server, "rides per address"), 3);
});

test("one address begins so many new rides a second", async (t) => {
  const server = await startGateway(t, { newRidesPerSecond: 1 });
  for (let i = 0; i < 10; i++) assert.equal((await ask(t, server, `/${i}`)).status, 200);
  await assertNoRide(t, server, (name) => `/${name}`, "too many new rides from your address; try again in a while");
  assert.equal((await ask(t, server, "/1")).status, 200);
  assert.equal(await refused(t, server, "new rides"), 3);
});

test("one ride too many is refused", async (t) => {
  const server = await startGateway(t, { ridesPerConnection: 2 });
  const client = await openEngine(t, server);
  await join(client, "/one");
  await join(client, "/two");
  client.send("40/three,");
  assert.equal(await client.text(), '44/three,{"message":"Too many namespaces"}');
  assert.equal(await refused(t, server, "rides"), 1);
});

test("a ride takes no more riders, nor longer records of those aboard, than --roster-bytes allows", async (t) => {
  const server = await startGateway(t, { rosterBytes: 2000 });
  const rider = await Rider.join(t, server);
  const other = await Rider.join(t, server);
  const long = (id, bytes) => user(id, "boarding", { more: "x".repeat(bytes) });
  rider.say(long("a", 900));
  await rider.hears("userBoarded", long("a", 900));
  await other.hears("userBoarded", long("a", 900));
  other.say(long("b", 900));
  assert.equal(await other.hearsException(), "the ride is full");
  rider.say(long("a", 1800));
  assert.equal(await rider.hearsException(), "the ride is full");
  rider.say(long("a", 100));
  for (const one of [rider, other]) await one.hears("userBoarded", long("a", 100));
  other.say(long("b", 900));
  for (const one of [rider, other]) await one.hears("userBoarded", long("b", 900));
  assert.equal(await refused(t, server, "riders"), 2);
});

test("a full ride takes nobody more, but those aboard may board again and leave", async (t) => {
  const server = await startGateway(t, { ridersPerRide: 2 });
  const riders = [];
  for (const id of ["a", "b", "c"]) riders.push(await Rider.join(t, server));
  for (const [i, id] of ["a", "b"].entries()) {
    riders[i].say(user(id));
    for (const rider of riders) await rider.hears("userBoarded", user(id));
  }
  riders[2].say(user("c"));
  assert.equal(await riders[2].hearsException(), "the ride is full");
  riders[0].say(user("a"));
  for (const rider of riders) await rider.hears("userBoarded", user("a"));
  riders[0].say(user("a", "exiting"));
  for (const rider of riders) await rider.hears("userExited", user("a", "exiting"));
  riders[2].say(user("c"));
  await riders[2].hears("userBoarded", user("c"));
  assert.equal(await refused(t, server, "riders"), 1);
});

test("heads have their size and time, bodies their time", async (t) => {
  const server = await startGateway(t, { maxHeaderBytes: 2000, headerTimeout: 1000, bodyTimeout: 1000 });
  const large = await TcpClient.connect(t, server.port);
  large.send(get(OPEN, `X-Long: ${"x".repeat(2000)}\r\n`));
  assert.match((await large.readToEnd()).toString(), /^HTTP\/1\.1 431 /);
  const silent = await TcpClient.connect(t, server.port);
  const half = await TcpClient.connect(t, server.port);
  half.send("GET / HTTP/1.1\r\nHos");
  for (const tcp of [silent, half]) assert.equal((await tcp.readToEnd()).length, 0);
  const session = await Polling.open(t, server);
  const body = await TcpClient.connect(t, server.port);
  body.send(post(session.path, "40").slice(0, -1));
  assert.equal((await body.readToEnd()).length, 0);
  assert.equal(await refused(t, server, "headers"), 1);
  assert.equal(await refused(t, server, "header timeout"), 2);
  assert.equal(await refused(t, server, "body timeout"), 1);
});

test("clients that join nothing and upgrades that stall are counted", async (t) => {
  const server = await startGateway(t, { connectTimeout: 2000, upgradeTimeout: 500 });
  const session = await Polling.open(t, server);
  const probe = await WebSocketClient.open(t, server, session.upgradePath);
  await probe.assertCloses();
  assert.deepEqual((await session.poll()).at(-1), "1"); // the session ends, having joined nothing
  assert.equal(await refused(t, server, "upgrade timeout"), 1);
  assert.equal(await refused(t, server, "connect timeout"), 1);
});
