// Messages that say nothing of use: the sender is told, nobody else is, and the connection stays.

import assert from "node:assert/strict";
import { test } from "node:test";
import { startGateway } from "../lib/server.mjs";
import { Rider, user } from "../lib/rider.mjs";

const text = (value) => JSON.stringify(typeof value === "string" ? value : JSON.stringify(value));
const nested = (depth) => JSON.parse("[".repeat(depth) + "]".repeat(depth));

// Arguments behind "message", as JSON.
const bad = {
  "text that is no JSON": [text("hello")],
  "an empty text": [text("")],
  "trailing text": [text(`${JSON.stringify(user("u"))}x`)],
  "two records": [text(`${JSON.stringify(user("u"))}${JSON.stringify(user("u"))}`)],
  "a byte order mark": [text(`\ufeff${JSON.stringify(user("u"))}`)],
  "a raw control character": [text('{"id":"u","name":"a\nb","status":"boarding"}')],
  "single quotes": [text("{'id':'u','name':'n','status':'boarding'}")],
  "a trailing comma": [text('{"id":"u","name":"n","status":"boarding",}')],
  "JSON null": [text("null")],
  "a JSON array": [text([user("u")])],
  "a JSON number": [text("1")],
  "a JSON string": [text('"boarding"')],
  "an empty record": [text({})],
  "no id": [text({ name: "n", status: "boarding" })],
  "an id that is a number": [text({ ...user("u"), id: 7 })],
  "an id that is null": [text({ ...user("u"), id: null })],
  "an empty id": [text({ ...user("u"), id: "" })],
  "an id of 129 bytes": [text({ ...user("u"), id: "x".repeat(129) })],
  "an id of 65 letters of two bytes": [text({ ...user("u"), id: "é".repeat(65) })],
  "an id with a NUL": [text({ ...user("u"), id: "a\0b" })],
  "no name": [text({ id: "u", status: "boarding" })],
  "a name that is an object": [text({ ...user("u"), name: {} })],
  "an empty name": [text({ ...user("u"), name: "" })],
  "a name of 257 bytes": [text({ ...user("u"), name: "x".repeat(257) })],
  "a name of a megabyte": [text({ ...user("u"), name: "x".repeat(900_000) })],
  "no status": [text({ id: "u", name: "n" })],
  "an unknown status": [text(user("u", "sleeping"))],
  "a status in capitals": [text(user("u", "Boarding"))],
  "a status that is an array": [text({ ...user("u"), status: ["boarding"] })],
  "a record of more than 4 KiB": [text(user("u", "boarding", { more: "x".repeat(4096) }))],
  "a record nested too deep": [text(user("u", "boarding", { more: nested(40) }))],
  "an object without an id": ["{}"],
  "an object in an array": [JSON.stringify([user("u")])],
  "a number instead of a string": ["1"],
  "null instead of a string": ["null"],
  "no argument": [],
};

test("a message that says nothing of use", async (t) => {
  const server = await startGateway(t);
  const rider = await Rider.join(t, server);
  const other = await Rider.join(t, server);
  for (const [name, args] of Object.entries(bad)) {
    await t.test(`${name} is told to the sender alone, who stays`, async () => {
      rider.send('"message"', ...args);
      assert.ok(await rider.hearsException());
      rider.say(user("u", "boarding", { name }));
      await rider.hears("userBoarded", user("u", "boarding", { name }));
      await other.hears("userBoarded", user("u", "boarding", { name }));
    });
  }
});

test("a record right at its limits is taken", async (t) => {
  const server = await startGateway(t);
  const rider = await Rider.join(t, server);
  const record = { id: "i".repeat(128), name: "é".repeat(128), status: "boarding", more: "" };
  record.more = "x".repeat(4096 - Buffer.byteLength(JSON.stringify(record)));
  rider.say(record);
  await rider.hears("userBoarded", record);
});

test("--max-user-bytes moves the limit", async (t) => {
  const server = await startGateway(t, { maxUserBytes: 100 });
  const rider = await Rider.join(t, server);
  rider.say(user("u", "boarding", { more: "x".repeat(60) }));
  await rider.hearsException();
  rider.say(user("u"));
  await rider.hears("userBoarded", user("u"));
});

test("who asked for an ack is told the error there", async (t) => {
  const server = await startGateway(t);
  const rider = await Rider.join(t, server);
  const id = rider.nextId;
  rider.ask('"message"', '"no JSON"');
  // The exception event may come as well.
  let packet;
  do packet = await rider.client.text();
  while (packet.startsWith('42["exception"'));
  assert.ok(packet.startsWith(`43${id}[`), packet);
  const [answer, ...rest] = JSON.parse(packet.slice(`43${id}`.length));
  assert.deepEqual(rest, []);
  assert.equal(answer.ok, false);
  assert.ok(typeof answer.error === "string" && answer.error.length > 0);
});

test("the error names no more than the field at fault", async (t) => {
  const rider = await Rider.join(t, await startGateway(t));
  rider.say({ ...user("u"), id: 7, name: "a secret name" });
  const message = await rider.hearsException();
  assert.match(message, /\bid\b/);
  assert.doesNotMatch(message, /secret/);
});

test("an event of another name is ignored", async (t) => {
  const rider = await Rider.join(t, await startGateway(t));
  rider.send('"userBoarded"', JSON.stringify(user("forged")));
  rider.send('"Message"', text(user("other")));
  rider.send("7", text(user("number")));
  rider.say(user("u"));
  await rider.hears("userBoarded", user("u"));
});

test("a thousand messages in one burst are all told, in order", async (t) => {
  const server = await startGateway(t, { transitionsPerSecond: 0 });
  const rider = await Rider.join(t, server);
  const other = await Rider.join(t, server);
  for (let i = 0; i < 1000; i++) rider.say(user("u", "boarding", { i }));
  for (let i = 0; i < 1000; i++) await other.hears("userBoarded", user("u", "boarding", { i }));
});
