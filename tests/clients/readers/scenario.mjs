// Everybody hears of odd records: what is told of them, in each of its forms, is read by a language's parser.

import assert from "node:assert/strict";
import { request } from "../../lib/http.mjs";
import { Rider } from "../../lib/rider.mjs";
import { UNLIMITED, startGateway } from "../../lib/server.mjs";
import { WebSocketClient } from "../../lib/websocket.mjs";
import { TAKEN } from "./records.mjs";
import { own, read } from "./readers.mjs";

// The texts that tell of records of these names, each with what it is about.
async function told(t, names) {
  const server = await startGateway(t, UNLIMITED);
  const onlooker = await Rider.join(t, server);
  const plain = await WebSocketClient.open(t, server, "/ws");
  const texts = [];
  for (const what of names) {
    const rider = await Rider.join(t, server);
    const record = `{"id":"${what}","name":"\\u004f\u0308","status":"boarding",${TAKEN[what]}}`;
    rider.send('"message"', JSON.stringify(record));
    const event = await onlooker.client.text();
    const message = await plain.text();
    for (const text of [event, message]) assert.ok(text.includes(record), `${what}: ${text}`); // byte for byte
    texts.push([what, event.slice(2)], [what, message]);
  }
  texts.push(["all of them", (await request(t, server, { path: "/api/users" })).body]);
  return texts;
}

export async function readsAlike(t, { differs = {}, ...reader }) {
  const texts = await told(t, Object.keys(TAKEN).filter((what) => !(what in differs)));
  const got = read(reader, texts.map(([, text]) => text));
  for (const [i, [what, text]] of texts.entries()) assert.deepEqual(got[i], own(JSON.parse(text)), what);
  for (const [what, expected] of Object.entries(differs))
    assert.deepEqual(read(reader, [`{${TAKEN[what]}}`]), [{ o: [[own("x"), expected]] }], what);
}
