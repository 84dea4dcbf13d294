// The real socket.io-client, unmodified.

import assert from "node:assert/strict";
import { test } from "node:test";
import { startGateway } from "../lib/server.mjs";
import { Client, MODES } from "../lib/official.mjs";
import { user } from "../lib/rider.mjs";
import { sleep, until, within } from "../lib/wait.mjs";

for (const mode of Object.keys(MODES)) {
  test(`${mode}: boarding and exiting are heard, then the server disconnects for good`, async (t) => {
    const server = await startGateway(t);
    const rider = await Client.connect(t, server, mode);
    const other = await Client.connect(t, server, mode);
    rider.say(user("u", "boarding", { seat: "é😀" }));
    await rider.heard(1);
    await other.heard(1);
    rider.say(user("u", "exiting"));
    assert.equal(await rider.disconnected(), "io server disconnect");
    for (const client of [rider, other]) {
      const events = await client.heard(2);
      assert.deepEqual(
        events.map(({ name, record }) => [name, record]),
        [
          ["userBoarded", user("u", "boarding", { seat: "é😀" })],
          ["userExited", user("u", "exiting")],
        ],
      );
    }
    // Longer than the client would wait before it reconnects.
    await sleep(300);
    assert.equal(rider.connections, 1);
    assert.equal(rider.socket.active, false);
    assert.equal(other.socket.connected, true);
  });

  test(`${mode}: rides, acks and activeUsers`, async (t) => {
    const server = await startGateway(t);
    const seven = await Client.connect(t, server, mode, { ride: "/line-7" });
    const main = await Client.connect(t, server, mode);
    const { ok, offset } = await seven.ask(user("u"));
    assert.equal(ok, true);
    assert.equal((await seven.heard(1))[0].offset, offset);
    const { users } = await seven.socket.timeout(10_000).emitWithAck("activeUsers");
    assert.deepEqual(users, [user("u")]);
    assert.equal((await main.ask({ id: "u" })).ok, false);
    assert.equal(main.events.filter(({ name }) => name !== "exception").length, 0);
  });

  test(`${mode}: an invalid ride is a connect_error`, async (t) => {
    const server = await startGateway(t);
    await assert.rejects(Client.connect(t, server, mode, { ride: "/no%20ride" }), { message: "Invalid namespace" });
  });

  test(`${mode}: a bad message is told by an exception event`, async (t) => {
    const client = await Client.connect(t, await startGateway(t), mode);
    client.socket.emit("message", "no JSON");
    const [{ name, record }] = await client.heard(1);
    assert.equal(name, "exception");
    assert.equal(record.status, "error");
    assert.equal(client.socket.connected, true);
  });

  test(`${mode}: pings keep the connection`, async (t) => {
    const client = await Client.connect(t, await startGateway(t, { pingInterval: 200, pingTimeout: 10_000 }), mode);
    let pings = 0;
    client.socket.io.on("ping", () => pings++);
    await until(
      () => pings >= 5,
      () => `5 pings, so far ${pings}`,
    );
    assert.equal(client.reason, undefined);
  });

  test(`${mode}: a client that disconnects may connect again`, async (t) => {
    const server = await startGateway(t);
    const client = await Client.connect(t, server, mode);
    const other = await Client.connect(t, server, mode);
    client.say(user("u"));
    await other.heard(1);
    client.socket.disconnect();
    assert.equal((await other.heard(2))[1].name, "userDisconnected");
    client.socket.connect();
    await until(
      () => client.connections === 2,
      () => "connecting again",
    );
    client.say(user("u"));
    await other.heard(3);
  });
}

test("the default transports end up on WebSocket and lose nothing on the way", async (t) => {
  const server = await startGateway(t);
  const client = await Client.connect(t, server, "default transports");
  const upgraded = new Promise((resolve) => client.socket.io.engine.once("upgrade", resolve));
  const other = await Client.connect(t, server, "WebSocket only");
  for (let i = 0; i < 100; i++) {
    (i % 2 ? client : other).say(user("u", "boarding", { i }));
    if (i % 10 === 0) await sleep(1);
  }
  if (client.transport() !== "websocket") await within(upgraded, () => "the upgrade");
  const events = await client.heard(100);
  assert.deepEqual(events, await other.heard(100));
  const order = (parity) => events.map(({ record }) => record.i).filter((i) => i % 2 === parity);
  for (const parity of [0, 1])
    assert.deepEqual(
      order(parity),
      order(parity).sort((a, b) => a - b),
    );
});
