// What a client says of its connection, and what its phone makes of that.

import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import { WebSocketServer } from "ws";
import { onEnd } from "../../lib/cleanup.mjs";
import { until } from "../../lib/wait.mjs";
import { OfficialClient, PlainClient } from "./clients.mjs";
import { History } from "./history.mjs";
import { Phone } from "./phone.mjs";

const RIDE = "/line-7";
const OPEN = JSON.stringify({ sid: "s", upgrades: [], pingInterval: 25000, pingTimeout: 20000, maxPayload: 1000 });

// Does with each connection that asks to join what comes next in `deeds`.
async function startServer(t, deeds) {
  const server = new WebSocketServer({ host: "127.0.0.1", port: 0 });
  onEnd(t, () => server.close());
  await once(server, "listening");
  server.on("connection", (ws) => {
    ws.send(`0${OPEN}`);
    ws.on("message", (text) => {
      if (text.toString().startsWith("40")) deeds.shift()?.(ws);
    });
  });
  return `http://127.0.0.1:${server.address().port}`;
}

test("an official client that has not joined has not left, and one that has leaves once", async (t) => {
  const breaks = (ws) => ws.close();
  const joins = (ws) => ws.send(`40${RIDE},{"sid":"one"}`);
  const joinsAndBreaks = (ws) => {
    joins(ws);
    ws.close();
  };
  const url = await startServer(t, [breaks, breaks, joinsAndBreaks, breaks, joins]);
  const said = [];
  const on = { joined: () => said.push("joined"), left: () => said.push("left"), event() {} };
  const client = new OfficialClient(RIDE, () => url, on, { mode: "WebSocket only", declines: false });
  onEnd(t, () => client.end());
  client.connect();
  await until(
    () => said.filter((word) => word === "joined").length === 2,
    () => `waiting for a second connection: ${said}`,
  );
  assert.deepEqual(said, ["joined", "left", "joined"]);
});

test("a client that has given a connection up goes by nothing that it brought and nobody had read", async (t) => {
  const server = new WebSocketServer({ host: "127.0.0.1", port: 0 });
  onEnd(t, () => server.close());
  await once(server, "listening");
  let connections = 0;
  server.on("connection", (ws) => {
    connections++;
    ws.on("message", () => {
      ws.send('{"event":"ack","id":0,"data":{"ok":true}}');
      ws.close(1000);
    });
  });
  const answers = [];
  const on = { joined() {}, left() {}, event() {} };
  const client = new PlainClient("/", () => `http://127.0.0.1:${server.address().port}`, on, { silenceMs: 200 });
  onEnd(t, () => client.end());
  client.connect();
  await until(
    () => client.connected,
    () => "waiting for the connection",
  );
  client.request(["message", "{}"], (answer) => answers.push(answer));
  client.freeze(2000);
  await until(
    () => connections === 2,
    () => `waiting for a second connection after ${answers}`,
  );
  assert.deepEqual(answers, [null]);
});

test("a phone that is recovered goes on with its stream, whether it has heard anything or not", () => {
  for (const hears of [false, true]) {
    const history = new History();
    let line;
    const makeClient = (ride, on) => {
      line = on;
      return { request() {} };
    };
    const phone = new Phone("ann", RIDE, ["ann"], { history, makeClient, note() {} });
    line.joined({ sid: "one", recovered: false });
    const { stream } = phone;
    if (hears) line.event("userBoarded", { id: "bob", t: 1 }, "1-epoch001");
    line.left();
    line.joined({ sid: "one", recovered: true });
    assert.equal(phone.stream, stream);
    assert.equal(stream.resumed.length, 1);
    line.left();
    line.joined({ sid: "two", recovered: false });
    assert.notEqual(phone.stream, stream);
    assert.ok(stream.ended);
  }
});
