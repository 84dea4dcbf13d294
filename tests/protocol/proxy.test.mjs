// What a proxy may say of a client, and who is believed.

import assert from "node:assert/strict";
import { test } from "node:test";
import { readResponse, request } from "../lib/http.mjs";
import { Client, MODES } from "../lib/official.mjs";
import { Polling, SESSION_UNKNOWN } from "../lib/polling.mjs";
import { Rider } from "../lib/rider.mjs";
import { startGateway } from "../lib/server.mjs";
import { TcpClient } from "../lib/tcp.mjs";
import { openEngine, upgradeRequest } from "../lib/websocket.mjs";
import { until } from "../lib/wait.mjs";

const TRUSTING = { trustedProxy: "10.0.0.0/8, 127.0.0.0/8" };
const SID = "0123456789abcdef0123456789abcdef";
const OPEN = "/socket.io/?EIO=4&transport=polling";
const OPEN_WS = "/socket.io/?EIO=4&transport=websocket";
const naming = (sid) => ({ headers: { "X-Ridecast-Session": sid } });

const open = (t, server, sid) => request(t, server, { path: OPEN, ...naming(sid) });
const sidOf = ({ status, body }) => (assert.equal(status, 200, body), JSON.parse(body.slice(1)).sid);

async function upgrade(t, server, sid) {
  const tcp = await TcpClient.connect(t, server.port);
  tcp.send(upgradeRequest(OPEN_WS, { "X-Ridecast-Session": sid }));
  return readResponse(tcp);
}

test("of a proxy that is not trusted the log says what to do, once for all its requests", async (t) => {
  const forwarded = { path: "/healthz", headers: { "X-Forwarded-For": "203.0.113.9" } };
  const lines = async (options) => {
    const server = await startGateway(t, options);
    await request(t, server, { path: "/healthz" });
    for (let i = 0; i < 3; i++) await request(t, server, forwarded);
    return server.program.stderr.split("\n").filter((line) => /--trusted-proxy/.test(line));
  };
  const [line, ...more] = await lines({ trustedProxy: "10.0.0.0/8" });
  assert.match(line, /127\.0\.0\.1 sends X-Forwarded-For, .* not in --trusted-proxy: .* if it is your proxy.* give --trusted-proxy 127\.0\.0\.1$/);
  assert.deepEqual(more, []);
  assert.deepEqual(await lines(TRUSTING), []);
});

test("a trusted proxy gives a polling session its id", async (t) => {
  const server = await startGateway(t, TRUSTING);
  for (const sid of [SID, "A-Za-z0-9_-".padEnd(20, "x"), "y".repeat(64)]) {
    assert.equal(sidOf(await open(t, server, sid)), sid);
    const session = new Polling(t, server);
    session.path += `&sid=${sid}`;
    await session.assertAlive();
  }
});

test("a trusted proxy gives a WebSocket session its id", async (t) => {
  const server = await startGateway(t, TRUSTING);
  assert.equal((await openEngine(t, server, naming(SID))).handshake.sid, SID);
  assert.equal((await open(t, server, SID)).status, 400);
});

for (const [name, sid] of Object.entries({
  "too short": "x".repeat(19),
  "too long": "x".repeat(65),
  "empty": "",
  "of other letters": `${"x".repeat(20)}.`,
  "given twice": [SID, SID],
  "very long": "x".repeat(10_000),
})) {
  test(`an id that is ${name} is refused`, async (t) => {
    const server = await startGateway(t, TRUSTING);
    const { status, headers, body } = await open(t, server, sid);
    assert.deepEqual([status, headers["content-type"]], [400, "text/plain; charset=utf-8"]);
    assert.match(body, /^X-Ridecast-Session must be 20 to 64 of/);
    const answer = await upgrade(t, server, Array.isArray(sid) ? sid.join(", ") : sid);
    assert.deepEqual([answer.status, answer.body], [400, body]);
  });
}

test("an id that a session has is refused, and the session is left alone", async (t) => {
  const server = await startGateway(t, TRUSTING);
  const session = await Polling.open(t, server);
  for (const answer of [await open(t, server, session.sid), await upgrade(t, server, session.sid)]) {
    assert.equal(answer.status, 400);
    assert.equal(answer.body, "X-Ridecast-Session names a session that is there\n");
  }
  await session.assertAlive();
});

test("an id is free again once its session is over", async (t) => {
  const server = await startGateway(t, TRUSTING);
  assert.equal(sidOf(await open(t, server, SID)), SID);
  await request(t, server, { method: "POST", path: `${OPEN}&sid=${SID}`, body: "1" });
  assert.equal(sidOf(await open(t, server, SID)), SID);
});

test("the header means nothing on the requests of a session", async (t) => {
  const server = await startGateway(t, TRUSTING);
  const session = await Polling.open(t, server);
  const options = { method: "POST", path: session.path, body: "3" };
  assert.equal((await request(t, server, { ...options, ...naming("!") })).status, 200);
  assert.equal((await request(t, server, { path: `${OPEN}&sid=${SID}`, ...naming(SID) })).body, SESSION_UNKNOWN);
});

for (const [name, options] of Object.entries({
  "a gateway that trusts nobody": {},
  "a gateway that trusts others": { trustedProxy: "10.0.0.0/8 ::1" },
}))
  test(`${name} ignores the header`, async (t) => {
    const server = await startGateway(t, options);
    for (const sid of [SID, "!"]) {
      assert.notEqual(sidOf(await open(t, server, sid)), sid);
      assert.notEqual((await openEngine(t, server, naming(sid))).handshake.sid, sid);
    }
  });

test("the official client works with ids that a proxy gives", async (t) => {
  const server = await startGateway(t, TRUSTING);
  for (const mode of Object.keys(MODES)) {
    const sid = `${mode.replaceAll(" ", "-")}-0123456789`;
    const client = await Client.connect(t, server, mode, { extraHeaders: { "X-Ridecast-Session": sid } });
    assert.equal(client.socket.io.engine.id, sid);
    await client.settled(t, server);
  }
});

// Who is blamed in the log for a message that is refused.
async function blamed(t, server, open) {
  const rider = await open();
  rider.send('"message"', '"no record"');
  await rider.hearsException();
  const line = () => server.program.stderr.match(/refused (\S+) a message/);
  return (await until(line, () => server.program.stderr))[1];
}

for (const [name, options, forwarded, expected] of [
  ["a trusted proxy's client", TRUSTING, "203.0.113.9", "203.0.113.9"],
  ["a client that claims to be another", TRUSTING, "198.51.100.1, 203.0.113.9, 10.1.2.3", "203.0.113.9"],
  ["a client behind a proxy that is not trusted", {}, "203.0.113.9", "127.0.0.1"],
])
  test(`${name} is logged with the address of ${expected}`, async (t) => {
    const server = await startGateway(t, options);
    const headers = { "X-Forwarded-For": forwarded };
    assert.equal(await blamed(t, server, () => Rider.join(t, server, "/", undefined, { headers })), expected);
  });
