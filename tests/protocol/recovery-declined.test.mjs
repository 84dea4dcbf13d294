// Clients that do not come back: events have one argument, as those of the original, and CONNECT brings no `pid`.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Client, MODES } from "../lib/official.mjs";
import { OFFSET, Rider, user } from "../lib/rider.mjs";
import { startGateway } from "../lib/server.mjs";
import { join } from "../lib/socketio.mjs";
import { WebSocketClient } from "../lib/websocket.mjs";

// [the gateway's options, the client's]
const WAYS = {
  "auth: { recover: false }": [{}, { auth: { recover: false } }],
  "?recover=0": [{}, { query: { recover: "0" } }],
  "?recover=false": [{}, { query: { recover: "false" } }],
  "--recovery-window 0": [{ recoveryWindow: 0 }, {}],
};

// The arguments of each event, as handlers get them.
function listen({ socket }) {
  const heard = [];
  socket.onAny((name, ...args) => heard.push([name, ...args]));
  return heard;
}

for (const [way, [options, declining]] of Object.entries(WAYS)) {
  for (const mode of Object.keys(MODES)) {
    test(`${mode}: with ${way} handlers get the user alone`, async (t) => {
      const server = await startGateway(t, options);
      const client = await Client.connect(t, server, mode, { ride: "/line-7", ...declining });
      const heard = listen(client);
      assert.equal(client.socket._pid, undefined);
      const { ok, offset } = await client.ask(user("u"));
      assert.equal(ok, true);
      assert.match(offset, OFFSET);
      const aboard = await client.socket.timeout(10_000).emitWithAck("activeUsers");
      assert.deepEqual(aboard, { offset, users: [user("u")] });
      client.say(user("u", "exiting"));
      assert.equal(await client.disconnected(), "io server disconnect");
      assert.deepEqual(heard, [
        ["userBoarded", user("u")],
        ["userExited", user("u", "exiting")],
      ]);
    });
  }
}

for (const mode of Object.keys(MODES)) {
  test(`${mode}: who recovers on the same ride keeps its positions`, async (t) => {
    const server = await startGateway(t);
    const declining = await Client.connect(t, server, mode, { auth: { recover: false } });
    const recovering = await Client.connect(t, server, mode);
    const [one, two] = [listen(declining), listen(recovering)];
    const { offset } = await declining.ask(user("u"));
    await recovering.heard(1);
    assert.deepEqual(one, [["userBoarded", user("u")]]);
    assert.deepEqual(two, [["userBoarded", user("u"), offset]]);

    await recovering.settled(t, server);
    const { id } = recovering.socket;
    recovering.socket.io.engine.close();
    await recovering.lost();
    declining.say(user("u", "boarding", { again: true }));
    await recovering.back();
    assert.deepEqual([recovering.socket.recovered, recovering.socket.id], [true, id]);
    await recovering.heard(2);
    assert.deepEqual(two[1].slice(0, 2), ["userBoarded", user("u", "boarding", { again: true })]);
    assert.match(two[1][2], OFFSET);
    assert.deepEqual(one[1], ["userBoarded", user("u", "boarding", { again: true })]);
  });

  test(`${mode}: who declined comes back as somebody new`, async (t) => {
    const server = await startGateway(t);
    const client = await Client.connect(t, server, mode, { auth: { recover: false } });
    const { id } = client.socket;
    client.socket.io.engine.close();
    await client.lost();
    await client.back();
    assert.notEqual(client.socket.id, id);
    assert.ok(!client.socket.recovered);
  });
}

test("a plain WebSocket keeps its offsets, on the same ride", async (t) => {
  const server = await startGateway(t, { recoveryWindow: 0 });
  const rider = await Rider.join(t, server);
  const plain = await WebSocketClient.open(t, server, "/ws");
  rider.say(user("u"));
  const { event, data, offset } = JSON.parse(await plain.text());
  assert.deepEqual([event, data], ["userBoarded", user("u")]);
  assert.match(offset, OFFSET);
  await rider.hears("userBoarded", user("u"));
});

test("CONNECT decides for its own ride, and has the last word", async (t) => {
  const server = await startGateway(t);
  const client = await WebSocketClient.open(t, server, "/socket.io/?EIO=4&transport=websocket&recover=0");
  await client.text();
  for (const [ride, auth, recovers] of [
    ["/", "", false],
    ["/a", '{"recover":true}', true],
    ["/b", '{"recover":false}', false],
    ["/c", '{"recover":0}', false],
  ]) {
    const { pid } = await join(client, ride, auth);
    assert.equal(pid !== undefined, recovers, ride);
  }
});

test("a recovery id shown by who declines is ignored", async (t) => {
  const server = await startGateway(t);
  const rider = await Rider.join(t, server);
  rider.say(user("u"));
  const offset = await rider.hears("userBoarded", user("u"));
  rider.client.tcp.reset();
  const again = await Rider.join(t, server, "/", { pid: rider.pid, offset, recover: false });
  assert.deepEqual(Object.keys(again.client.socket), ["sid"]);
  assert.notEqual(again.sid, rider.sid);
});
