// Plain WebSocket on /ws and /ws/<ride>: one JSON object per message, without Engine.IO and Socket.IO.

import assert from "node:assert/strict";
import { test } from "node:test";
import WebSocket from "ws";
import { readResponse, request } from "../lib/http.mjs";
import { PlainClient } from "../lib/plain.mjs";
import { Rider, user } from "../lib/rider.mjs";
import { UNLIMITED, startGateway } from "../lib/server.mjs";
import { TcpClient } from "../lib/tcp.mjs";
import { until, within } from "../lib/wait.mjs";
import { upgradeRequest } from "../lib/websocket.mjs";

// Members of a record that is JSON, but that clients in some languages cannot read.
const UNREADABLE = {
  "a number above all doubles": ['"x":1e999', /number/],
  "a number above all doubles, within": ['"x":[{"y":-1E400}]', /number/],
  "a number of 400 digits": [`"x":1${"0".repeat(399)}`, /number/],
  "a number below all doubles": ['"x":1e-400', /number/],
  "a member twice": ['"x":1,"x":2', /twice/],
  "an id twice": ['"id":"victim"', /twice/],
  "a member twice, once escaped, within": [String.raw`"x":{"y":1,"\u0079":2}`, /twice/],
  "half of a surrogate pair": [String.raw`"x":"\ud800"`, /surrogate/],
  "half of a surrogate pair in a name": [String.raw`"\udc00x":1`, /surrogate/],
  "a NUL": [String.raw`"x":["\u0000"]`, /NUL/],
};

const message = (data) => `{"event":"message","data":${data}}`;
const DOORS = {
  "a message of Socket.IO": (rider, plain, record) => rider.send('"message"', JSON.stringify(record)),
  "data that is the record": (rider, plain, record) => plain.send(message(record)),
  "data that is a string": (rider, plain, record) => plain.send(message(JSON.stringify(record))),
  "a record alone": (rider, plain, record) => plain.send(record),
};

test("a record that some client could not read is refused at every door, with the reason", async (t) => {
  const server = await startGateway(t);
  const rider = await Rider.join(t, server);
  const plain = await PlainClient.connect(t, server);
  const other = await Rider.join(t, server);
  for (const [what, [members, reason]] of Object.entries(UNREADABLE)) {
    for (const [door, send] of Object.entries(DOORS)) {
      send(rider, plain, `{"id":"u","name":"n","status":"boarding",${members}}`);
      const sender = door === "a message of Socket.IO" ? rider : plain;
      assert.match(await sender.hearsException(), reason, `${what}, ${door}`);
    }
  }
  other.say(user("last"));
  for (const client of [rider, plain, other]) await client.hears("userBoarded", user("last"));
});

test("half of a surrogate pair in the string around a record is one in the record", async (t) => {
  const server = await startGateway(t);
  const rider = await Rider.join(t, server);
  const plain = await PlainClient.connect(t, server);
  const text = String.raw`"{\"id\":\"u\",\"name\":\"a\ud800b\",\"status\":\"boarding\"}"`;
  rider.send('"message"', text);
  assert.match(await rider.hearsException(), /surrogate/);
  plain.send(message(text));
  assert.match(await plain.hearsException(), /surrogate/);
});

test("numbers of more digits than a double keeps are passed on as they came", async (t) => {
  const server = await startGateway(t);
  const rider = await Rider.join(t, server);
  const plain = await PlainClient.connect(t, server);
  const numbers = [
    "9007199254740993",
    "18446744073709551616",
    `0.${"123456789".repeat(20)}`,
    `1${"0".repeat(300)}`,
    "5e-324",
  ];
  const record = `{"id":"u","name":"n","status":"boarding","x":[${numbers}]}`;
  plain.send(message(record));
  const text = await rider.client.text();
  assert.ok(text.includes(record), text);
});

async function two(t, path) {
  const server = await startGateway(t);
  return {
    server,
    rider: await PlainClient.connect(t, server, path),
    other: await PlainClient.connect(t, server, path),
  };
}

test("boarding is heard by everybody, the sender included, at one offset", async (t) => {
  const { rider, other } = await two(t);
  rider.say(user("u", "boarding", { seat: [1, null] }));
  const offset = await rider.hears("userBoarded", user("u", "boarding", { seat: [1, null] }));
  assert.equal(await other.hears("userBoarded", user("u", "boarding", { seat: [1, null] })), offset);
});

test("a bare user object is a message too", async (t) => {
  const { rider, other } = await two(t);
  rider.send(user("u"));
  await other.hears("userBoarded", user("u"));
});

test("JSON in binary frames is read like text, whole or in fragments, and answered in text", async (t) => {
  const { rider, other } = await two(t);
  const kinds = [];
  rider.socket.on("message", (data, binary) => kinds.push(binary));
  const boarding = Buffer.from(message(JSON.stringify(user("é"))));
  rider.socket.send(boarding);
  await other.hears("userBoarded", user("é"));
  rider.socket.send(boarding.subarray(0, 30), { binary: true, fin: false });
  rider.socket.send(boarding.subarray(30), { binary: true });
  await other.hears("userBoarded", user("é"));
  rider.socket.send(Buffer.from(JSON.stringify(user("é"))));
  await other.hears("userBoarded", user("é"));
  rider.socket.send(Buffer.from('{"event":"activeUsers","id":1}'));
  for (let i = 0; i < 3; i++) await rider.next();
  const { event, data } = await rider.next();
  assert.deepEqual([event, data.users], ["activeUsers", [user("é")]]);
  for (const bytes of [Buffer.from([0xff, 0xfe]), Buffer.from([0x81, 0xa1]), Buffer.alloc(0)]) {
    rider.socket.send(bytes);
    assert.match(await rider.hearsException(), /JSON/);
  }
  assert.deepEqual(new Set(kinds), new Set([false]));
});

test("plain and Socket.IO clients of a ride hear each other at the same offsets", async (t) => {
  const { server, rider: plain } = await two(t, "/ws/line-7");
  const rider = await Rider.join(t, server, "/line-7");
  plain.say(user("plain"));
  assert.equal(await plain.hears("userBoarded", user("plain")), await rider.hears("userBoarded", user("plain")));
  rider.say(user("socket.io"));
  assert.equal(
    await plain.hears("userBoarded", user("socket.io")),
    await rider.hears("userBoarded", user("socket.io")),
  );
});

test("the path names the ride", async (t) => {
  const { server, rider: seven } = await two(t, "/ws/line-7");
  const main = await PlainClient.connect(t, server, "/ws");
  const slash = await PlainClient.connect(t, server, "/ws/");
  const encoded = await PlainClient.connect(t, server, "/ws/line%2d7");
  seven.say(user("seven"));
  await seven.hears("userBoarded", user("seven"));
  await encoded.hears("userBoarded", user("seven"));
  main.say(user("main"));
  await main.hears("userBoarded", user("main"));
  await slash.hears("userBoarded", user("main"));
});

test("a path that names no ride is refused", async (t) => {
  const server = await startGateway(t);
  await assert.rejects(PlainClient.connect(t, server, "/wsx"), /Unexpected server response: 4\d\d/);
  for (const [path, reason] of [
    ["/ws/no%20ride", "at most 127"],
    ["/ws/no%2", "at most 127"],
    ["/ws/no%00ride", "at most 127"],
    [`/ws/${"x".repeat(128)}`, "at most 127"],
    ["/ws/line-7/", "no / at its end"],
    ["/ws//line-7", "no two in a row"],
    ["/ws/line-7%2F", "no / at its end"],
  ]) {
    const tcp = await TcpClient.connect(t, server.port);
    tcp.send(upgradeRequest(path));
    const { status, body } = await readResponse(tcp);
    assert.equal(status, 404, path);
    assert.match(body, new RegExp(`^Invalid ride: a ride's name .*${reason}`));
  }
});

test("plain HTTP on /ws is refused", async (t) => {
  const server = await startGateway(t);
  const { status } = await request(t, server, { path: "/ws" });
  assert.ok([400, 404, 426].includes(status), String(status));
});

test("an ack echoes the id, after the event", async (t) => {
  const { rider } = await two(t);
  for (const id of [1, 0, "a-b", "é"]) {
    rider.send({ event: "message", id, data: user("u") });
    const offset = await rider.hears("userBoarded", user("u"));
    assert.deepEqual(await rider.next(), { event: "ack", id, data: { ok: true, offset } });
  }
});

test("an error is acknowledged where an id asks for it", async (t) => {
  const { rider } = await two(t);
  rider.send({ event: "message", id: 7, data: { id: "u" } });
  const { event, id, data } = await rider.next();
  assert.deepEqual([event, id, data.ok], ["ack", 7, false]);
  assert.ok(data.error.length > 0);
});

test("activeUsers answers with the same id", async (t) => {
  const { rider, other } = await two(t);
  rider.say(user("u"));
  const offset = await other.hears("userBoarded", user("u"));
  other.send({ event: "activeUsers", id: 1 });
  assert.deepEqual(await other.next(), { event: "activeUsers", id: 1, data: { offset, users: [user("u")] } });
});

const bad = {
  "no JSON": "hello",
  "an empty message": "",
  "JSON null": "null",
  "an array": "[]",
  "a number": "1",
  "trailing text": `${JSON.stringify(user("u"))}x`,
  "an empty object": "{}",
  "a message without data": '{"event":"message"}',
  "a record without id": JSON.stringify({ event: "message", data: { name: "n", status: "boarding" } }),
  "an unknown status": JSON.stringify(user("u", "sleeping")),
  "an event that is no string": '{"event":7,"data":{}}',
  depth: `{"event":"message","data":${"[".repeat(50_000)}${"]".repeat(50_000)}}`,
  "a record of more than 4 KiB": JSON.stringify(user("u", "boarding", { more: "x".repeat(4096) })),
};

for (const [name, text] of Object.entries(bad)) {
  test(`${name} is told to the sender alone, who stays`, async (t) => {
    const { rider, other } = await two(t);
    rider.send(text);
    await rider.hearsException();
    rider.say(user("u"));
    await rider.hears("userBoarded", user("u"));
    await other.hears("userBoarded", user("u"));
  });
}

test("an exiting rider hears the event, then the connection ends in order", async (t) => {
  const { rider, other } = await two(t);
  rider.say(user("u"));
  rider.say(user("u", "exiting"));
  for (const client of [rider, other]) {
    await client.hears("userBoarded", user("u"));
    await client.hears("userExited", user("u", "exiting"));
  }
  const code = await within(rider.closed, () => "waiting for the close");
  assert.ok([1000, 1005].includes(code), `close code ${code}`);
  assert.equal(other.socket.readyState, WebSocket.OPEN);
});

test("a rider who drops is told as userDisconnected", async (t) => {
  const { rider, other } = await two(t);
  rider.say(user("u"));
  await other.hears("userBoarded", user("u"));
  rider.socket.terminate();
  await other.hears("userDisconnected", user("u"));
});

test("messages of more than the largest payload close with 1009", async (t) => {
  const { rider, other } = await two(t);
  rider.send("x".repeat(1_000_001));
  assert.equal(await within(rider.closed, () => "waiting for the close"), 1009);
  other.say(user("u"));
  await other.hears("userBoarded", user("u"));
});

test("a bad key is refused", async (t) => {
  const server = await startGateway(t);
  const tcp = await TcpClient.connect(t, server.port);
  tcp.send(upgradeRequest("/ws", { "Sec-WebSocket-Key": "short" }));
  assert.match((await tcp.readToEnd()).toString(), /^HTTP\/1\.1 400 /);
});

test("a client that has asked who is aboard and stalls past the backlog is told anew, and stays", async (t) => {
  const server = await startGateway(t, { backlogBytes: 65_536, pingInterval: 600_000, ...UNLIMITED });
  const [talker, stalled] = [await PlainClient.connect(t, server), await PlainClient.connect(t, server)];
  stalled.say(user("stalled"));
  for (const client of [talker, stalled]) await client.hears("userBoarded", user("stalled"));
  stalled.send({ event: "activeUsers" });
  assert.equal((await stalled.next()).event, "activeUsers");
  stalled.socket.pause();
  // More than the kernel buffers for one connection, and the backlog.
  const count = 6000;
  const record = (i) => user("talker", "boarding", { i, more: "x".repeat(3900) });
  for (let i = 0; i < count; i++) {
    talker.say(record(i));
    if (i % 10 === 9)
      await until(
        () => talker.messages.at(-1)?.data.i === i,
        () => "waiting for the talker's own events",
      );
  }
  assert.deepEqual(
    talker.messages.map(({ event }) => event).filter((event) => event !== "userBoarded"),
    [],
  );

  // It may fall behind more than once before it stalls for good; the last answer takes it to the end.
  stalled.socket.resume();
  const answers = () => stalled.messages.filter(({ event }) => event === "activeUsers");
  const latest = () =>
    answers()
      .at(-1)
      ?.data.users.find(({ id }) => id === "talker");
  await until(
    () => latest()?.i === count - 1,
    () => "waiting for a new answer",
  );
  const events = stalled.messages.filter(({ event }) => event === "userBoarded").map(({ data }) => data.i);
  assert.ok(events.length < count);
  assert.deepEqual(
    events,
    [...new Set(events)].sort((a, b) => a - b),
  );
  const at = stalled.messages.findLastIndex(({ event }) => event === "activeUsers");
  const { id, data } = stalled.messages[at];
  assert.equal(id, undefined);
  assert.deepEqual(data.users, [user("stalled"), record(count - 1)]);
  // From there on it hears everything.
  talker.say(user("talker", "exiting"));
  await until(
    () => stalled.messages.length > at + 1,
    () => "waiting for what comes next",
  );
  assert.equal(stalled.messages[at + 1].event, "userExited");
});
