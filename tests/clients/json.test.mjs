// Whatever odd record a gateway takes, every language reads it alike when it is told; what some would fail on, or read
// otherwise, is refused with the reason.

import assert from "node:assert/strict";
import { test } from "node:test";
import { request } from "../lib/http.mjs";
import { Rider } from "../lib/rider.mjs";
import { UNLIMITED, startGateway } from "../lib/server.mjs";
import { WebSocketClient } from "../lib/websocket.mjs";
import { LIGHT } from "./readers/readers.mjs";
import { readsAlike } from "./readers/scenario.mjs";
import { REFUSED } from "./readers/records.mjs";

for (const [language, reader] of Object.entries(LIGHT))
  test(`${language} reads what is told as JavaScript does`, (t) => readsAlike(t, reader));

test("what parsers fail on, or read each in its way, is refused", async (t) => {
  const server = await startGateway(t, UNLIMITED);
  const rider = await Rider.join(t, server);
  const plain = await WebSocketClient.open(t, server, "/ws");
  for (const [what, [members, reason]] of Object.entries(REFUSED)) {
    const record = `{"id":"ann","name":"Ann","status":"boarding",${members}}`;
    rider.send('"message"', JSON.stringify(record));
    assert.equal(await rider.hearsException(), reason, what);
    await plain.send(JSON.stringify({ event: "message", data: record }));
    assert.equal(JSON.parse(await plain.text()).data.message, reason, what);
  }
  assert.equal(JSON.parse((await request(t, server, { path: "/api/users" })).body).users.length, 0);
});
