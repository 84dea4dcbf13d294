// Boarding, exiting and who hears of it, over Socket.IO.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Client, MODES } from "../lib/official.mjs";
import { PlainClient } from "../lib/plain.mjs";
import { startGateway } from "../lib/server.mjs";
import { OFFSET, Rider, numberOf, user } from "../lib/rider.mjs";
import { Polling } from "../lib/polling.mjs";
import { until } from "../lib/wait.mjs";
import { BINARY, openEngine } from "../lib/websocket.mjs";

async function two(t, options) {
  const server = await startGateway(t, options);
  return { server, rider: await Rider.join(t, server), other: await Rider.join(t, server) };
}

test("boarding is heard by everybody, the sender included, at one offset", async (t) => {
  const { rider, other } = await two(t);
  const john = user("user123");
  rider.say(john);
  const offset = await rider.hears("userBoarded", john);
  assert.equal(await other.hears("userBoarded", john), offset);
});

test("offsets count events one by one", async (t) => {
  const { rider, other } = await two(t);
  const offsets = [];
  for (let i = 0; i < 5; i++) {
    rider.say(user("u", "boarding", { i }));
    offsets.push(numberOf(await other.hears("userBoarded", user("u", "boarding", { i }))));
  }
  assert.deepEqual(
    offsets,
    offsets.map((_, i) => offsets[0] + i),
  );
});

test("a repeated boarding is told again and the latest record counts", async (t) => {
  const { rider, other } = await two(t);
  for (const seat of [1, 2]) {
    rider.say(user("u", "boarding", { seat }));
    await other.hears("userBoarded", user("u", "boarding", { seat }));
  }
  const { users } = await other.activeUsers();
  assert.deepEqual(users, [user("u", "boarding", { seat: 2 })]);
});

test("exiting without boarding is told as well", async (t) => {
  const { rider, other } = await two(t);
  rider.say(user("u", "exiting"));
  await other.hears("userExited", user("u", "exiting"));
});

test("a record's further fields travel along unchanged", async (t) => {
  const { rider, other } = await two(t);
  const record = user("u", "boarding", { seat: { row: 7, window: true }, tags: [1, null, "é😀"], "": "empty" });
  rider.say(record);
  await other.hears("userBoarded", record);
});

test("numbers keep their digits and characters their escapes", async (t) => {
  const { rider, other } = await two(t);
  const name = String.raw`"name":"\ud83d\ude00 \u0041"`;
  const record = `{"id":"u",${name},"status":"boarding","n":12345678901234567890123.4560,"m":9007199254740993}`;
  rider.send('"message"', JSON.stringify(record));
  const text = await other.client.text();
  assert.ok(text.includes(record), text);
});

const FIRST = '{"_placeholder":true,"num":0}';
const SECOND = '{"num":1,"_placeholder":true}';

test("a record in binary is read like a string, over WebSocket and polling", async (t) => {
  const { server, rider, other } = await two(t);
  const bytes = Buffer.from(JSON.stringify(user("é")));
  rider.client.send(`451-["message",${FIRST}]`);
  rider.client.sendFrame(BINARY, bytes);
  await other.hears("userBoarded", user("é"));
  rider.client.send(`452-["message",${SECOND},${FIRST}]`);
  for (const part of [Buffer.from("{}"), bytes]) rider.client.sendFrame(BINARY, part);
  await other.hears("userBoarded", user("é"));
  const polling = await Polling.open(t, server);
  await polling.send("40", `451-["message",${FIRST}]`, `b${bytes.toString("base64")}`);
  await other.hears("userBoarded", user("é"));
});

test("the official client may send its record as bytes", async (t) => {
  const { server, other } = await two(t);
  for (const mode of Object.keys(MODES)) {
    const { socket } = await Client.connect(t, server, mode);
    assert.equal((await socket.emitWithAck("message", Buffer.from(JSON.stringify(user(mode))))).ok, true);
    await other.hears("userBoarded", user(mode));
  }
});

test("binary that is no record is refused, and a placeholder without attachments is an object", async (t) => {
  const { rider } = await two(t);
  for (const bytes of [Buffer.from([0xff, 0xfe]), Buffer.from([0x81, 0xa1]), Buffer.alloc(0), Buffer.from("[]")]) {
    rider.client.send(`451-["message",${FIRST}]`);
    rider.client.sendFrame(BINARY, bytes);
    assert.match(await rider.hearsException(), /JSON/);
  }
  rider.client.send(`451-["message",{"x":${FIRST}}]`);
  rider.client.sendFrame(BINARY, Buffer.from(JSON.stringify(user("u"))));
  assert.match(await rider.hearsException(), /must be the user/);
  rider.client.send(`451-["message",${JSON.stringify(user("u")).replace("}", `,"x":${FIRST}}`)}]`);
  rider.client.sendFrame(BINARY, Buffer.from("x"));
  assert.match(await rider.hearsException(), /must be the user/);
  rider.send('"message"', FIRST);
  assert.match(await rider.hearsException(), /"id" must be a string/);
});

test("an object is the record itself, as on a plain WebSocket, byte for byte", async (t) => {
  const server = await startGateway(t);
  const rider = await Rider.join(t, server);
  const plain = await PlainClient.connect(t, server);
  const record = '{ "id":"u", "name":"\\u0055","status" : "boarding","x":1.50 }';
  rider.send('"message"', record);
  assert.ok((await rider.client.text()).startsWith(`42["userBoarded",${record},`));
  await plain.hears("userBoarded", JSON.parse(record));
  plain.send({ event: "message", data: user("u", "boarding", { by: "plain" }) });
  await rider.hears("userBoarded", user("u", "boarding", { by: "plain" }));
});

test("the official client may emit an object", async (t) => {
  const server = await startGateway(t);
  const onlooker = await Rider.join(t, server);
  const client = await Client.connect(t, server, Object.keys(MODES)[0]);
  client.socket.emit("message", user("u"));
  await onlooker.hears("userBoarded", user("u"));
});

test("only the first argument counts", async (t) => {
  const { rider, other } = await two(t);
  rider.send('"message"', JSON.stringify(JSON.stringify(user("u"))), '"another"', "{}");
  await other.hears("userBoarded", user("u"));
});

test("names and values are read after unescaping", async (t) => {
  const { rider, other } = await two(t);
  const text = String.raw`{"\u0069d":"u","name":"n","st\u0061tus":"bo\u0061rding"}`;
  rider.send('"message"', JSON.stringify(text));
  await other.hears("userBoarded", { id: "u", name: "n", status: "boarding" });
});

test("an ack tells the offset, after the event", async (t) => {
  const { rider, other } = await two(t);
  const ack = rider.ask('"message"', JSON.stringify(JSON.stringify(user("u"))));
  const offset = await rider.hears("userBoarded", user("u"));
  assert.deepEqual(await ack(), { ok: true, offset });
  assert.equal(await other.hears("userBoarded", user("u")), offset);
});

test("activeUsers tells who is aboard and up to which event", async (t) => {
  const { rider, other } = await two(t);
  const empty = await rider.activeUsers();
  assert.deepEqual(Object.keys(empty).sort(), ["offset", "users"]);
  assert.match(empty.offset, OFFSET);
  assert.deepEqual(empty.users, []);
  rider.say(user("one"));
  other.say(user("two"));
  const heard = [];
  for (let i = 0; i < 2; i++) heard.push((await other.event())[2]);
  const { offset, users } = await other.activeUsers();
  assert.equal(offset, heard[1]);
  assert.deepEqual(users.map(({ id }) => id).sort(), ["one", "two"]);
});

test("a newcomer is told nothing until something happens", async (t) => {
  const { server, rider } = await two(t);
  rider.say(user("one"));
  await rider.hears("userBoarded", user("one"));
  const late = await Rider.join(t, server);
  assert.deepEqual((await late.activeUsers()).users, [user("one")]);
});

test("rides are apart from each other", async (t) => {
  const { server, rider } = await two(t);
  const seven = await Rider.join(t, server, "/line-7");
  const eight = await Rider.join(t, server, "/line-8");
  seven.say(user("seven"));
  await seven.hears("userBoarded", user("seven"));
  for (const [on, id] of [
    [rider, "main"],
    [eight, "eight"],
  ]) {
    on.say(user(id));
    await on.hears("userBoarded", user(id));
    assert.deepEqual((await on.activeUsers()).users, [user(id)]);
  }
  assert.deepEqual((await seven.activeUsers()).users, [user("seven")]);
});

test("one connection may be on several rides", async (t) => {
  const server = await startGateway(t);
  const main = await Rider.join(t, server);
  main.client.send("40/line-7");
  assert.match(await main.client.text(), /^40\/line-7,\{"sid":/);
  const seven = new Rider(main.client, "/line-7");
  seven.say(user("u"));
  await seven.hears("userBoarded", user("u"));
  assert.deepEqual((await main.activeUsers()).users, []);
});

const LETTERS = "a ride's name is / and at most 127 of A-Z a-z 0-9 / _ . ~ -";
const SLASHES = "a ride's name has no / at its end and no two in a row";
const UNKNOWN = "there is no ride of that name here";

const invalid = (reason) => `{"message":"Invalid namespace","data":{"reason":"${reason}"}}`;

test("a name that cannot be a ride's is an invalid namespace", async (t) => {
  const server = await startGateway(t);
  const client = await openEngine(t, server);
  for (const name of ["/a b", "/ä", "/a%20b", "/a{b}", "/a?b=c", "/*", `/${"x".repeat(128)}`]) {
    client.send(`40${name},`);
    assert.equal(await client.text(), `44${name},${invalid(LETTERS)}`);
  }
  for (const name of ["/line-7/", "//line-7", "/a//b", "//"]) {
    client.send(`40${name},`);
    assert.equal(await client.text(), `44${name},${invalid(SLASHES)}`);
  }
  for (const name of ["/A-z_0.9~", "/a/b", `/${"x".repeat(127)}`]) {
    client.send(`40${name},`);
    assert.ok((await client.text()).startsWith(`40${name},{"sid":`));
  }
});

test("--rides narrows the rides to patterns", async (t) => {
  const server = await startGateway(t, { rides: "/line-* /bus" });
  const client = await openEngine(t, server);
  for (const name of ["/line-", "/line-7", "/bus"]) {
    client.send(`40${name},`);
    assert.ok((await client.text()).startsWith(`40${name},{"sid":`));
  }
  for (const name of ["/line", "/bus-2", "/x/line-7"]) {
    client.send(`40${name},`);
    assert.equal(await client.text(), `44${name},${invalid(UNKNOWN)}`);
  }
  client.send("40");
  assert.equal(await client.text(), `44${invalid(UNKNOWN)}`);
});

const departures = {
  "whose connection drops": (rider) => rider.client.tcp.reset(),
  "who ends the WebSocket": (rider) => rider.client.sendFrame(8),
  "who leaves the namespace": (rider) => rider.client.send("41"),
  "who sends nonsense": (rider) => rider.client.send("9"),
};

for (const [who, depart] of Object.entries(departures)) {
  test(`a rider ${who} is told as userDisconnected and no longer aboard`, async (t) => {
    const { rider, other } = await two(t, { recoveryWindow: 0 });
    rider.say(user("u"));
    await other.hears("userBoarded", user("u"));
    depart(rider);
    await other.hears("userDisconnected", user("u"));
    assert.deepEqual((await other.activeUsers()).users, []);
  });
}

test("a rider who falls silent is told as userDisconnected", async (t) => {
  const server = await startGateway(t, { recoveryWindow: 0, pingInterval: 300, pingTimeout: 1500 });
  const watcher = await Polling.open(t, server);
  await watcher.send("40");
  const rider = await Rider.join(t, server);
  rider.say(user("u"));
  const heard = [];
  const toldGone = async () => {
    const packets = await watcher.poll();
    if (packets.includes("2")) await watcher.send("3");
    heard.push(...packets.filter((packet) => packet.startsWith("42")));
    return heard.some((packet) => packet.startsWith('42["userDisconnected"'));
  };
  await until(toldGone, () => `waiting for userDisconnected, so far ${heard}`);
  assert.equal(heard.length, 2);
  assert.match(heard[0], /^42\["userBoarded",/);
});

test("a watcher who drops is no news", async (t) => {
  const { server, rider, other } = await two(t);
  (await Rider.join(t, server)).client.tcp.reset();
  rider.say(user("u"));
  await other.hears("userBoarded", user("u"));
});
