// Opening an Engine.IO session, and every way to be refused one.

import assert from "node:assert/strict";
import { test } from "node:test";
import { startEngine, startGateway } from "../lib/server.mjs";
import { readResponse, request } from "../lib/http.mjs";
import { BAD_REQUEST, Polling, SESSION_UNKNOWN } from "../lib/polling.mjs";
import { TcpClient } from "../lib/tcp.mjs";
import { WebSocketClient, openEngine, upgradeRequest } from "../lib/websocket.mjs";

const TRANSPORT_UNKNOWN = '{"code":0,"message":"Transport unknown"}';
const BAD_METHOD = '{"code":2,"message":"Bad handshake method"}';
const BAD_VERSION = '{"code":5,"message":"Unsupported protocol version"}';

test("the open packet tells the defaults and nothing more", async (t) => {
  const server = await startGateway(t);
  const { status, headers, body } = await request(t, server, { path: "/socket.io/?EIO=4&transport=polling" });
  assert.equal(status, 200);
  assert.equal(headers["content-type"], "text/plain; charset=UTF-8");
  assert.equal(headers["cache-control"], "no-store");
  assert.equal(headers["content-length"], String(body.length));
  assert.equal(headers["set-cookie"], undefined);
  assert.match(
    body,
    /^0\{"sid":"[A-Za-z0-9_-]{20}","upgrades":\["websocket"\],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000\}$/,
  );
});

test("the open packet tells the options given", async (t) => {
  const server = await startEngine(t, { pingInterval: 1234, pingTimeout: 567, maxPayload: 8910 });
  const { sid, ...rest } = (await Polling.open(t, server)).handshake;
  assert.match(sid, /^[A-Za-z0-9_-]{20}$/);
  assert.deepEqual(rest, { upgrades: ["websocket"], pingInterval: 1234, pingTimeout: 567, maxPayload: 8910 });
});

test("a session on WebSocket opens with the same packet and nothing to upgrade to", async (t) => {
  const server = await startGateway(t);
  const { sid, ...rest } = (await openEngine(t, server)).handshake;
  assert.match(sid, /^[A-Za-z0-9_-]{20}$/);
  assert.deepEqual(rest, { upgrades: [], pingInterval: 25000, pingTimeout: 20000, maxPayload: 1000000 });
});

test("no two sessions share an id", async (t) => {
  const server = await startEngine(t);
  const ids = new Set();
  for (let i = 0; i < 200; i++) ids.add((await Polling.open(t, server)).sid);
  assert.equal(ids.size, 200);
});

test("parameters may be percent-encoded, others are ignored, an empty sid is none", async (t) => {
  const server = await startEngine(t);
  for (const query of [
    "EIO=4&transport=%70olling",
    "t=abc&b64=1&EIO=4&transport=polling&x=y",
    "EIO=4&transport=polling&sid=",
  ]) {
    const { status, body } = await request(t, server, { path: `/engine.io/?${query}` });
    assert.equal(status, 200, query);
    assert.match(body, /^0\{/);
  }
});

test("a session id is looked for under its name alone, as it is written", async (t) => {
  const server = await startEngine(t);
  const { sid } = await Polling.open(t, server);
  const post = async (query) => {
    const path = `/engine.io/?EIO=4&transport=polling&${query.replaceAll("SID", sid)}`;
    const { status, body } = await request(t, server, { method: "POST", path, body: "3" });
    return status === 200 ? body : JSON.parse(body).code;
  };
  const last = `sid=${sid.slice(0, -1)}%${sid.charCodeAt(19).toString(16)}`;
  for (const query of ["sid=SID", "x=1&sid=SID", "&sid=SID", "sid=SID&sid=none", last]) assert.equal(await post(query), "ok", query);
  for (const query of ["sId=SID", "Sid=SID", "s%69d=SID", "%73id=SID", "+sid=SID"])
    assert.equal(await post(query), 2, query);
  for (const query of ["sid[]=SID", "x=1;sid=SID", "?sid=SID", "sid=&sid=SID", "sid&sid=SID"])
    assert.equal(await post(query), 2, query);
  for (const query of ["sid=none&sid=SID", "sid=SID%20", "sid=SID%00", "sid=+SID", "sid=SID;x=1", "sid=SIDx", "sid=%zz"])
    assert.equal(await post(query), 1, query);
});

// The first rule that matches decides; SID stands for the id of a session on polling.
const refused = [
  ["no transport", "GET", "EIO=4", TRANSPORT_UNKNOWN],
  ["an unknown transport", "GET", "EIO=4&transport=flashsocket", TRANSPORT_UNKNOWN],
  ["an empty transport", "GET", "EIO=4&transport=", TRANSPORT_UNKNOWN],
  ["a name that only starts like a transport", "GET", "EIO=4&transport=pollingx", TRANSPORT_UNKNOWN],
  ["an unknown transport before all else", "POST", "EIO=3&transport=x&sid=none", TRANSPORT_UNKNOWN],
  ["an unknown session", "GET", "EIO=4&transport=polling&sid=none", SESSION_UNKNOWN],
  ["an unknown session before method and version", "POST", "EIO=3&transport=polling&sid=none", SESSION_UNKNOWN],
  ["an enormous session id", "GET", `EIO=4&transport=polling&sid=${"x".repeat(10_000)}`, SESSION_UNKNOWN],
  ["another transport than the session's", "GET", "EIO=4&transport=websocket&sid=SID", BAD_REQUEST],
  ["another version than the session's", "GET", "EIO=3&transport=polling&sid=SID", BAD_REQUEST],
  ["no version for a session", "POST", "transport=polling&sid=SID", BAD_REQUEST],
  ["POST as a handshake", "POST", "EIO=4&transport=polling", BAD_METHOD],
  ["PUT as a handshake", "PUT", "EIO=4&transport=polling", BAD_METHOD],
  ["DELETE as a handshake", "DELETE", "EIO=4&transport=polling", BAD_METHOD],
  ["a bad method before a bad version", "POST", "EIO=3&transport=polling", BAD_METHOD],
  ["a bad method before a missing upgrade", "POST", "EIO=4&transport=websocket", BAD_METHOD],
  ["transport=websocket without an upgrade", "GET", "EIO=4&transport=websocket", BAD_REQUEST],
  ["a missing upgrade before a bad version", "GET", "EIO=3&transport=websocket", BAD_REQUEST],
  ["version 3", "GET", "EIO=3&transport=polling", BAD_VERSION],
  ["no version", "GET", "transport=polling", BAD_VERSION],
  ["a version that is no number", "GET", "EIO=abc&transport=polling", BAD_VERSION],
];

test("a request that cannot be served says why", async (t) => {
  const server = await startEngine(t);
  const session = await Polling.open(t, server);
  for (const [name, method, query, expected] of refused) {
    await t.test(name, async (t) => {
      const path = `/engine.io/?${query.replace("SID", session.sid)}`;
      const { status, headers, body } = await request(t, server, { method, path });
      assert.deepEqual({ status, body }, { status: 400, body: expected });
      assert.equal(headers["content-type"], "application/json");
    });
  }
  await session.assertAlive();
});

test("other methods on a session are answered 500 and leave it alone", async (t) => {
  const server = await startEngine(t);
  const session = await Polling.open(t, server);
  for (const method of ["PUT", "DELETE", "HEAD", "PATCH"]) {
    const { status, body } = await request(t, server, { method, path: session.path });
    assert.deepEqual({ method, status, body }, { method, status: 500, body: "" });
  }
  await session.assertAlive();
});

test("duplicated and badly encoded parameters get an answer", async (t) => {
  const server = await startEngine(t);
  for (const query of [
    "EIO=4&transport=%zz",
    "EIO=4&transport=polling%00",
    "EIO=4&transport=polling&sid=%zz",
    "&&==&%",
    "EIO[]=4",
  ]) {
    const { status, body } = await request(t, server, { path: `/engine.io/?${query}` });
    assert.equal(status, 400, query);
    assert.match(body, /^\{"code":\d,"message":"/);
  }
  const twice = await request(t, server, { path: "/engine.io/?EIO=4&EIO=4&transport=polling&transport=websocket" });
  assert.ok([200, 400].includes(twice.status), String(twice.status));
});

const upgradesRefused = [
  ["an unknown transport", "EIO=4&transport=none", {}, "GET", "Transport unknown"],
  ["no transport", "EIO=4", {}, "GET", "Transport unknown"],
  ["an unknown session", "EIO=4&transport=websocket&sid=none", {}, "GET", "Session ID unknown"],
  ["version 3", "EIO=3&transport=websocket", {}, "GET", "Unsupported protocol version"],
  ["no version", "transport=websocket", {}, "GET", "Unsupported protocol version"],
  ["another method", "EIO=4&transport=websocket", {}, "POST", "Bad handshake method"],
];

for (const [name, query, headers, method, expected] of upgradesRefused) {
  test(`an upgrade with ${name} is refused in plain text and the connection ended`, async (t) => {
    const server = await startEngine(t);
    const tcp = await TcpClient.connect(t, server.port);
    tcp.send(upgradeRequest(`/engine.io/?${query}`, headers, method));
    const answer = await readResponse(tcp);
    assert.equal(answer.statusLine, "HTTP/1.1 400 Bad Request");
    assert.equal(answer.headers.connection, "close");
    assert.equal(answer.headers["content-type"], "text/html");
    assert.equal(answer.body, expected);
    assert.equal((await tcp.readToEnd()).length, 0);
  });
}

test("an upgrade of a session with another version is refused and leaves the session alone", async (t) => {
  const server = await startEngine(t);
  const session = await Polling.open(t, server);
  const tcp = await TcpClient.connect(t, server.port);
  tcp.send(upgradeRequest(session.upgradePath.replace("EIO=4", "EIO=3")));
  const answer = await readResponse(tcp);
  assert.deepEqual([answer.status, answer.body], [400, "Bad request"]);
  assert.equal((await tcp.readToEnd()).length, 0);
  await session.assertAlive();
});

test("an upgrade that asks for polling is accepted and closed at once", async (t) => {
  const server = await startEngine(t);
  const client = await WebSocketClient.open(t, server, "/engine.io/?EIO=4&transport=polling");
  await client.assertCloses();
});
