// What clients can have the log say: whatever one does, as often as it likes, a few lines in ten seconds.

import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import { test } from "node:test";
import { get, post, request } from "../lib/http.mjs";
import { gauge } from "../lib/metrics.mjs";
import { Rider, user } from "../lib/rider.mjs";
import { UNLIMITED, startGateway } from "../lib/server.mjs";
import { join } from "../lib/socketio.mjs";
import { TcpClient } from "../lib/tcp.mjs";
import { tokenOptions } from "../lib/token.mjs";
import { until } from "../lib/wait.mjs";
import { CLOSE, TEXT, WebSocketClient, frame, openEngine, upgradeRequest } from "../lib/websocket.mjs";

const TIMES = 100;
const LINES = 4; // in ten seconds: two of a kind, and what is over a limit may be refused as something else besides

const OPEN = "/socket.io/?EIO=4&transport=polling";
const RECORD = (record) => JSON.stringify(JSON.stringify(record));

async function times(count, each) {
  for (let i = 0; i < count; i++) await each(i);
}

// Sends raw bytes on a connection of its own, and reads to the end of it.
async function say(t, server, bytes) {
  const tcp = await TcpClient.connect(t, server.port);
  tcp.send(bytes);
  return (await tcp.readToEnd()).toString("latin1");
}

async function readUntil(client, found) {
  for (;;) {
    const { opcode, payload } = await client.frame();
    if (opcode === CLOSE || found(payload.toString())) return;
  }
}

// The same as often as it likes: each name with the options of its gateway, and what the client does.
const PROVOCATIONS = {
  "a record that cannot be taken, by a rider that is new each time": [
    UNLIMITED,
    async (t, server) => {
      const client = await openEngine(t, server);
      await times(TIMES, async (i) => {
        await join(client, `/line-${i % 7}`);
        client.send(`42/line-${i % 7},["message","{}"]`);
        await readUntil(client, (text) => text.includes("exception"));
        client.send(`41/line-${i % 7},`);
      });
    },
  ],
  "the same on plain WebSockets": [
    UNLIMITED,
    (t, server) =>
      times(TIMES, async () => {
        const client = await WebSocketClient.open(t, server, "/ws/line-7");
        client.send('{"event":"message","data":{}}');
        await readUntil(client, (text) => text.includes("exception"));
        client.tcp.destroy();
      }),
  ],
  "a boarding that is refused when its client has gone": [
    { ...UNLIMITED, connectionsPerUser: 1 },
    async (t, server) => {
      const first = await Rider.join(t, server);
      first.say(user("ann"));
      await first.hears("userBoarded", user("ann"));
      const client = await openEngine(t, server);
      await times(TIMES, async () => {
        await join(client);
        client.tcp.send(Buffer.concat([frame(TEXT, `42["message",${RECORD(user("ann"))}]`), frame(TEXT, "41")]));
      });
      const refused = 'ridecast_transitions_total{result="refused"}';
      await until(async () => (await gauge(t, server, refused)) === TIMES, () => "waiting for refusals");
    },
  ],
  "a boarding of a full ride": [
    { ...UNLIMITED, ridersPerRide: 1 },
    async (t, server) => {
      const rider = await Rider.join(t, server);
      rider.say(user("ann"));
      await rider.hears("userBoarded", user("ann"));
      await times(TIMES, async () => {
        rider.say(user("bob"));
        await rider.hearsException();
      });
    },
  ],
  "more messages than it may send": [
    { messagesPerSecond: 1 },
    (t, server) =>
      times(10, async () => {
        const rider = await Rider.join(t, server);
        await times(TIMES, () => rider.send('"message"', '"{}"'));
        await readUntil(rider.client, () => false);
      }),
  ],
  "more rides than it may join": [
    { ...UNLIMITED, ridesPerConnection: 1 },
    async (t, server) => {
      const client = await openEngine(t, server);
      await join(client);
      await times(10, async (i) => {
        client.send(`40/line-${i},`);
        await readUntil(client, (text) => text.startsWith("44"));
      });
    },
  ],
  "no token, and bad ones": [
    (t) => ({ ...UNLIMITED, ...tokenOptions(t) }),
    (t, server) =>
      times(TIMES, (i) => request(t, server, { path: `/api/users?ride=/line-${i}&token=${"x".repeat(i)}` })),
  ],
  "heads and bodies over their size": [
    { maxHeaderBytes: 2000, maxPayload: 1024 },
    (t, server) =>
      times(TIMES, async (i) => {
        assert.match(await say(t, server, get(OPEN, `X: ${"x".repeat(2000)}\r\n`)), /^HTTP\/1\.1 431/);
        const session = JSON.parse((await request(t, server, { path: OPEN })).body.slice(1)).sid;
        assert.match(await say(t, server, post(`${OPEN}&sid=${session}`, "4".repeat(1025))), /^HTTP\/1\.1 413/, `${i}`);
      }),
  ],
  "heads that are late": [
    { headerTimeout: 10 },
    (t, server) => Promise.all(Array.from({ length: TIMES }, () => say(t, server, "GET / HT"))),
  ],
  "more handshakes than it may begin": [
    { handshakesPerAddress: 1 },
    (t, server) => times(TIMES, () => request(t, server, { path: OPEN })),
  ],
  "more connections than it may have": [
    { maxConnectionsPerAddress: 1 },
    async (t, server) => {
      const held = await TcpClient.connect(t, server.port);
      await times(TIMES, async () => assert.match(await say(t, server, ""), /^HTTP\/1\.1 429/));
      held.destroy();
    },
  ],
  "what is no protocol at all": [
    UNLIMITED,
    (t, server) =>
      times(TIMES, async (i) => {
        await say(t, server, "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03");
        await say(t, server, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
        await say(t, server, upgradeRequest("/ws/no such ride"));
        for (const wrong of [frame(3), frame(TEXT, [0xff]), frame(TEXT, "", { rsv: 7 }), frame(TEXT, "", { mask: false })]) {
          const plain = await WebSocketClient.open(t, server, "/ws");
          plain.tcp.send(wrong);
          await readUntil(plain, () => false);
          plain.tcp.destroy();
        }
        for (const wrong of ["9", "4", "49", "42[]", "44", "41{}", `40{"pid":"${"x".repeat(i)}"}`, "40/no?such,", "40", "40"])
          await openEngine(t, server).then((client) => (client.send(wrong), client.tcp.socket.resetAndDestroy()));
      }),
  ],
};

for (const [what, [options, provoke]] of Object.entries(PROVOCATIONS))
  test(`a few lines for: ${what}`, async (t) => {
    const started = performance.now();
    const server = await startGateway(t, typeof options === "function" ? options(t) : options);
    await provoke(t, server);
    await server.stop();
    const lines = server.program.stderr.split("\n").filter((line) => / (warn|error) /.test(line));
    const windows = 1 + Math.floor((performance.now() - started) / 10_000);
    t.diagnostic(`${lines.length} lines${lines.length ? `, such as: ${lines[0]}` : ""}`);
    assert.ok(lines.length <= LINES * windows, lines.join("\n"));
  });

// Above debug, the log of a gateway's client half is written to at the start, at signals, when the broker comes or goes,
// and for other gateways; for clients by one file, which limits itself.
const WRITERS = {
  "auth/auth.c": "keys read anew at SIGHUP",
  "gateway.c": "start and signals",
  "net/net.c": "start, and libwebsockets' own complaints",
  "net/refusals.c": "clients",
  "pages/agreement.c": "options of other gateways",
  "pages/static_load.c": "start",
  "rides/presence.c": "the broker is up or down",
};

test("one file says what clients do", async () => {
  const root = new URL("../../gateway/", import.meta.url);
  const files = (await readdir(root, { recursive: true })).filter((file) => file.endsWith(".c"));
  const texts = await Promise.all(files.map(async (file) => [file, await readFile(new URL(file, root), "utf8")]));
  const writers = texts.filter(([, text]) => /\blog_(info|warn|error)\(/.test(text)).map(([file]) => file);
  assert.deepEqual(writers.sort(), Object.keys(WRITERS));
});
