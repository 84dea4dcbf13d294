// Through nginx nobody chooses a session's id, and with it the gateway it is at, however the request is spelled.

import assert from "node:assert/strict";
import { test } from "node:test";
import { request } from "../lib/http.mjs";
import { total } from "../lib/metrics.mjs";
import { Nginx } from "../lib/nginx.mjs";
import { Polling, SESSION_UNKNOWN } from "../lib/polling.mjs";
import { startGateway } from "../lib/server.mjs";
import { WebSocketClient } from "../lib/websocket.mjs";

const MINE = "0123456789abcdefghij";
const OF_NGINX = /^k+[0-9a-f]{32}$/;

async function balanced(t) {
  const gateways = [];
  for (let i = 0; i < 3; i++) gateways.push(await startGateway(t, { trustedProxy: "127.0.0.0/8" }));
  return { gateways, nginx: await Nginx.start(t, gateways) };
}

// Each opens a session, as the gateway finds no id in it.
const OPENING = {
  "in capitals": { query: `&SID=${MINE}` },
  "with one capital": { query: `&Sid=${MINE}` },
  "with the last one large": { query: `&siD=${MINE}` },
  "in capitals, before all else": { before: `SID=${MINE}&` },
  "encoded": { query: `&s%69d=${MINE}` },
  "encoded in capitals": { query: `&%53ID=${MINE}` },
  "repeated in other letters": { query: `&Sid=${MINE}&SID=${MINE}&sId=${MINE}` },
  "empty": { query: "&sid=" },
  "empty, then in capitals": { query: `&sid=&SID=${MINE}` },
  "empty, then once more": { query: `&sid=&sid=${MINE}` },
  "without a value, then once more": { query: `&sid&sid=${MINE}` },
  "as the end of another name": { query: `&xsid=${MINE}&x.sid=${MINE}` },
  "as the beginning of another name": { query: `&sidx=${MINE}&sid[]=${MINE}` },
  "behind a semicolon": { query: `&x=;sid=${MINE}` },
  "within another value": { query: `&x=?sid=${MINE}` },
  "in the path": { path: `/socket.io/sid=${MINE}` },
  "in the path, behind a question mark": { path: `/socket.io/%3Fsid=${MINE}` },
  "as a header": { headers: { "X-Ridecast-Session": MINE } },
  "as a header, twice": { headers: { "x-ridecast-session": [MINE, MINE] } },
  "as a header with an underscore": { headers: { X_Ridecast_Session: MINE } },
};

for (const [how, { path: place = "/socket.io/", before = "", query = "", headers = {} }] of Object.entries(OPENING))
  test(`an id ${how} does not become the session's`, async (t) => {
    const { nginx } = await balanced(t);
    const path = (transport) => `${place}?${before}EIO=4&transport=${transport}${query}`;
    const { status, body } = await request(t, nginx, { path: path("polling"), headers });
    assert.equal(status, 200, body);
    assert.match(JSON.parse(body.slice(1)).sid, OF_NGINX);
    const repeated = Object.values(headers).some(Array.isArray);
    const client = await WebSocketClient.open(t, nginx, path("websocket"), repeated ? {} : { headers });
    assert.match(JSON.parse((await client.text()).slice(1)).sid, OF_NGINX);
  });

const REFUSED = {
  "as it should be": `/socket.io/?EIO=4&transport=polling&sid=${MINE}`,
  "repeated": `/socket.io/?EIO=4&transport=polling&sid=${MINE}&sid=${MINE}`,
  "with a value that is encoded": `/socket.io/?EIO=4&transport=polling&sid=%30${MINE.slice(1)}`,
  "in the path, as a parameter": `/socket.io;sid=${MINE}/?EIO=4&transport=polling`,
  "behind a fragment": `/socket.io/?EIO=4&transport=polling#&sid=${MINE}`,
};

for (const [how, path] of Object.entries(REFUSED))
  test(`with an id ${how} no session begins`, async (t) => {
    const { nginx, gateways } = await balanced(t);
    const { status, body } = await request(t, nginx, { path });
    assert.ok(status === 400 || status === 404, `${status} ${body}`);
    for (const gateway of gateways) assert.equal(await total(t, gateway, "ridecast_sessions"), 0);
  });

test("an id in other letters does not lead a session astray", async (t) => {
  const { nginx } = await balanced(t);
  for (let i = 0; i < 8; i++) {
    const session = await Polling.open(t, nginx);
    for (const [before, after] of [["SID=elsewhere&", ""], ["", "&Sid=elsewhere"], ["", "&sid=elsewhere"]]) {
      const path = `/socket.io/?${before}EIO=4&transport=polling&sid=${session.sid}${after}`;
      const { status, body } = await request(t, nginx, { method: "POST", path, body: "3" });
      assert.deepEqual([status, body], [200, "ok"], path);
    }
  }
});

test("a session that nobody has is unknown, wherever its id leads", async (t) => {
  const { nginx } = await balanced(t);
  for (let i = 0; i < 8; i++) {
    const path = `/socket.io/?EIO=4&transport=polling&sid=${MINE}${i}`;
    assert.deepEqual((await request(t, nginx, { path })).body, SESSION_UNKNOWN);
  }
});
