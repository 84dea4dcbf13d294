// A gateway that is told to stop lets its clients go one after the other, takes nobody new, and ends.

import assert from "node:assert/strict";
import { test } from "node:test";
import { becomes, startCluster } from "../lib/cluster.mjs";
import { get, readResponse, request } from "../lib/http.mjs";
import { Client, MODES } from "../lib/official.mjs";
import { Polling } from "../lib/polling.mjs";
import { aboard, assertUnbroken, boardings, recoveries } from "../lib/recovery.mjs";
import { Relay } from "../lib/relay.mjs";
import { Rider, user } from "../lib/rider.mjs";
import { UNLIMITED } from "../lib/server.mjs";
import { TcpClient } from "../lib/tcp.mjs";
import { until, within } from "../lib/wait.mjs";
import { CLOSE, WebSocketClient, upgradeRequest } from "../lib/websocket.mjs";

const LONG = 600_000;
const HANDSHAKE = "/socket.io/?EIO=4&transport=polling";

const begin = ({ program }) => program.child.kill("SIGTERM");

async function draining(t, options) {
  const cluster = await startCluster(t, { drainTimeout: LONG, ...options });
  const rider = await Rider.join(t, cluster.a);
  begin(cluster.a);
  await becomes(t, cluster.a, 503);
  return { ...cluster, rider };
}

test("it takes nobody new and goes on serving whom it has", async (t) => {
  const { a, rider } = await draining(t);
  assert.match((await request(t, a, { path: "/readyz" })).body, /being stopped/);
  assert.equal((await request(t, a, { path: "/healthz" })).status, 200);

  const { status, body, headers } = await request(t, a, { path: HANDSHAKE });
  assert.deepEqual([status, headers.connection], [503, "close"]);
  assert.match(body, /try another/);
  for (const path of ["/socket.io/?EIO=4&transport=websocket", "/ws", "/ws/line-7"]) {
    const tcp = await TcpClient.connect(t, a.port);
    tcp.send(upgradeRequest(path));
    assert.equal((await readResponse(tcp)).status, 503);
    await tcp.readToEnd();
  }
  rider.say(user("u"));
  await rider.hears("userBoarded", user("u"));
  rider.say(user("u", "exiting"));
  await rider.hears("userExited", user("u", "exiting"));
  await within(a.program.exited, () => "the end after the last client has gone");
  assert.equal(a.program.exit.code, 0);
});

test("an upgrade that was under way is completed", async (t) => {
  const { a } = await startCluster(t, { drainTimeout: LONG });
  const session = await Polling.open(t, a);
  begin(a);
  await becomes(t, a, 503);
  const probe = await WebSocketClient.open(t, a, session.upgradePath);
  probe.send("2probe");
  assert.equal(await probe.text(), "3probe");
});

test("an HTTP connection is closed after its next exchange", async (t) => {
  const { a } = await startCluster(t, { drainTimeout: LONG });
  await Rider.join(t, a);
  const tcp = await TcpClient.connect(t, a.port);
  tcp.send(get("/readyz"));
  assert.equal((await readResponse(tcp)).headers.connection, "keep-alive");
  begin(a);
  await becomes(t, a, 503);
  tcp.send(get("/readyz"));
  const { status, headers } = await readResponse(tcp);
  assert.deepEqual([status, headers.connection], [503, "close"]);
  await tcp.readToEnd();
});

test("a second signal stops it at once", async (t) => {
  const { a, rider } = await draining(t);
  await a.stop("SIGINT");
  await rider.client.tcp.readToEnd();
});

test("clients are let go over the time, plain WebSockets last and with 1001", async (t) => {
  const { a } = await startCluster(t, { drainTimeout: 6000 });
  const options = { reconnection: false };
  const riders = await Promise.all(Array.from({ length: 20 }, () => Client.connect(t, a, "WebSocket only", options)));
  const plain = await WebSocketClient.open(t, a, "/ws");
  const gone = () => riders.filter(({ reason }) => reason).length;
  begin(a);
  await until(gone, () => "waiting for the first to go");
  assert.ok(gone() < 10, `${gone()} of 20 went at once`);
  const { opcode, payload } = await plain.frame();
  assert.deepEqual([opcode, payload.readUInt16BE()], [CLOSE, 1001]);
  assert.deepEqual(
    riders.map(({ reason }) => reason),
    riders.map(() => "transport close"),
  );
  await within(a.program.exited, () => "the end");
  assert.equal(a.program.exit.code, 0);
});

for (const mode of Object.keys(MODES)) {
  test(`${mode}: its riders go on at another gateway, and nobody hears of it`, async (t) => {
    const { a, b } = await startCluster(t, { drainTimeout: 500, ...UNLIMITED });
    const relay = await Relay.start(t, a);
    const rider = await Client.connect(t, relay, mode);
    const other = await Client.connect(t, b, mode);
    await rider.settled(t, a);
    await rider.ask(user("u"));
    await other.heard(1);
    const { id } = rider.socket;
    begin(a);
    relay.leadTo(b);
    const talk = boardings(other, "speaker", 200);
    await rider.back();
    await talk;
    assert.deepEqual([rider.socket.recovered, rider.socket.id], [true, id]);
    assert.equal((await recoveries(t, b)).recovered, 1);
    await other.heard(201);
    assertUnbroken(other.events);
    assert.deepEqual(await rider.heard(201), other.events);
    assert.deepEqual(await aboard(other), ["speaker", "u"]);
    await within(a.program.exited, () => "the end of the first gateway");
    assert.equal(a.program.exit.code, 0);
  });
}
