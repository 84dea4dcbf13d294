// From polling to WebSocket: the probe, the switch, what is kept in order, and upgrades that come to nothing.

import assert from "node:assert/strict";
import { test } from "node:test";
import { startEngine, startGateway } from "../lib/server.mjs";
import { BAD_REQUEST, Polling, SESSION_UNKNOWN } from "../lib/polling.mjs";
import { until } from "../lib/wait.mjs";
import { BINARY, TEXT, WebSocketClient, frame } from "../lib/websocket.mjs";

async function opened(t, options) {
  const server = await startEngine(t, options);
  return { server, session: await Polling.open(t, server) };
}

const attach = (t, session, options) => WebSocketClient.open(t, session.server, session.upgradePath, options);

async function probe(t, session) {
  const client = await attach(t, session);
  client.send("2probe");
  assert.equal(await client.text(), "3probe");
  return client;
}

async function assertEchoes(client, packet = "4hello") {
  client.send(packet);
  assert.equal(await client.text(), packet);
}

test("a probe, an upgrade packet, and the session is on WebSocket", async (t) => {
  const { session } = await opened(t);
  const client = await probe(t, session);
  client.send("5");
  await assertEchoes(client);
});

test("no open packet comes on an upgrading WebSocket", async (t) => {
  const { session } = await opened(t);
  const client = await attach(t, session);
  await client.tcp.staysSilent(200);
});

test("an upgrade packet without a probe is accepted", async (t) => {
  const { session } = await opened(t);
  const client = await attach(t, session);
  client.send("5");
  await assertEchoes(client);
});

test("probe and upgrade may follow the handshake at once", async (t) => {
  const { session } = await opened(t);
  const behind = Buffer.concat(["2probe", "5", "4hello"].map((packet) => frame(TEXT, packet)));
  const client = await attach(t, session, { behind });
  assert.equal(await client.text(), "3probe");
  assert.equal(await client.text(), "4hello");
});

test("a pending GET is released with a noop when the probe arrives", async (t) => {
  const { session } = await opened(t);
  const pending = await session.hold();
  await probe(t, session);
  assert.deepEqual(await pending.packets, ["6"]);
});

test("every GET between probe and upgrade is released", async (t) => {
  const { session } = await opened(t);
  const client = await probe(t, session);
  for (let i = 0; i < 3; i++) assert.deepEqual(await session.poll(), ["6"]);
  client.send("5");
  await assertEchoes(client);
});

test("between probe and upgrade polling works both ways", async (t) => {
  const { session } = await opened(t);
  const client = await probe(t, session);
  await session.send("4a", "4b");
  assert.deepEqual(await session.poll(), ["4a", "4b"]);
  client.send("5");
  await assertEchoes(client);
});

test("what is buffered at the switch comes over the WebSocket first, in order", async (t) => {
  const { session } = await opened(t);
  const client = await probe(t, session);
  await session.send("4a", "bAQID");
  await session.send("4b");
  client.send("5");
  client.send("4c");
  assert.equal(await client.text(), "4a");
  assert.deepEqual(await client.message(BINARY), Buffer.from([1, 2, 3]));
  assert.equal(await client.text(), "4b");
  assert.equal(await client.text(), "4c");
});

test("a GET pending at the switch is released with a noop", async (t) => {
  const { session } = await opened(t);
  const client = await attach(t, session);
  const pending = await session.hold();
  client.send("5");
  assert.deepEqual(await pending.packets, ["6"]);
  await assertEchoes(client);
});

test("after the switch polling is refused and the session unaffected", async (t) => {
  const { session } = await opened(t);
  const client = await probe(t, session);
  client.send("5");
  await assertEchoes(client);
  for (const answer of [await session.get(), await session.post("4x")]) {
    assert.deepEqual([answer.status, answer.body], [400, BAD_REQUEST]);
  }
  await assertEchoes(client);
});

for (const packet of ["4x", "2", "2other", "3probe", "6", "x", ""]) {
  test(`a first packet ${JSON.stringify(packet)} closes that WebSocket alone`, async (t) => {
    const { session } = await opened(t);
    const client = await attach(t, session);
    client.send(packet);
    await client.assertCloses();
    await session.send("4still polling");
    assert.deepEqual(await session.poll(), ["4still polling"]);
    (await probe(t, session)).send("5");
  });
}

test("a WebSocket lost before the switch leaves polling as it was, and a new one may try", async (t) => {
  const { session } = await opened(t);
  const first = await probe(t, session);
  first.tcp.reset();
  await session.send("4x");
  assert.deepEqual(
    (await session.poll()).filter((packet) => packet !== "6"),
    ["4x"],
  );
  // Until the loss is noticed a second upgrade is refused.
  const second = await until(
    async () => {
      const client = await attach(t, session);
      client.send("2probe");
      return (await client.frame()).opcode === TEXT && client;
    },
    () => "trying to upgrade again",
  );
  second.send("5");
  await assertEchoes(second);
});

test("a WebSocket lost after the switch ends the session", async (t) => {
  const { session } = await opened(t);
  const client = await probe(t, session);
  client.send("5");
  await assertEchoes(client);
  client.tcp.reset();
  const gone = async () => (await session.get()).body === SESSION_UNKNOWN;
  await until(gone, () => "waiting for the session to end");
});

test("a second WebSocket during the upgrade is closed, the first goes on", async (t) => {
  const { session } = await opened(t);
  const first = await probe(t, session);
  await (await attach(t, session)).assertCloses();
  first.send("5");
  await assertEchoes(first);
});

test("a second WebSocket after the upgrade is closed, the first goes on", async (t) => {
  const { session } = await opened(t);
  const first = await probe(t, session);
  first.send("5");
  await assertEchoes(first);
  await (await attach(t, session)).assertCloses();
  await assertEchoes(first);
});

test("a session closed meanwhile closes the WebSocket that probes", async (t) => {
  const { session } = await opened(t);
  const client = await probe(t, session);
  await session.send("1");
  await client.assertCloses();
});

test("an upgrade that is not finished in time is given up, polling goes on", async (t) => {
  const server = await startGateway(t, { upgradeTimeout: 1000 });
  const session = await Polling.open(t, server);
  const client = await probe(t, session);
  await client.assertCloses();
  await session.send("40");
  assert.match((await session.poll())[0], /^40\{"sid":/);
  (await probe(t, session)).send("5");
});

test("a WebSocket that never probes is given up in time", async (t) => {
  const server = await startGateway(t, { upgradeTimeout: 300 });
  const session = await Polling.open(t, server);
  await (await attach(t, session)).assertCloses();
  await session.send("40");
});

test("upgrades by the dozen that stall hold up nobody", async (t) => {
  const { server } = await opened(t);
  for (let i = 0; i < 60; i++) await probe(t, await Polling.open(t, server));
  const session = await Polling.open(t, server);
  (await probe(t, session)).send("5");
});
