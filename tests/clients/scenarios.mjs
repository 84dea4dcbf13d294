// What apps with any client library do and see, for the tests of this folder.

import assert from "node:assert/strict";
import { heard, startApp } from "../lib/app.mjs";
import { Relay } from "../lib/relay.mjs";
import { numberOf, OFFSET, Rider, user } from "../lib/rider.mjs";
import { startGateway } from "../lib/server.mjs";
import { until } from "../lib/wait.mjs";

// One boards, hears everybody, asks who is aboard, and exits.
export async function boardsAndExits(t, kind, ride = "/line-7") {
  const server = await startGateway(t);
  const other = await Rider.join(t, server, ride);
  const app = await startApp(t, kind, server, ride);
  const record = user("jane", "boarding", { name: "제인" });

  const { ok, offset } = await app.board(record);
  assert.equal(ok, true);
  assert.match(offset, OFFSET);
  assert.equal(await other.hears("userBoarded", record), offset);
  other.say(user("john"));
  const second = await other.hears("userBoarded", user("john"));
  await app.hears(heard(kind, "userBoarded", record, offset), heard(kind, "userBoarded", user("john"), second));
  const { users } = await app.users();
  assert.deepEqual(users.map(({ id }) => id).sort(), ["jane", "john"]);

  const exit = { ...record, status: "exiting" };
  const answer = await app.exit(exit);
  assert.equal(answer.ok, true);
  await app.lost();
  assert.deepEqual(app.events[2], heard(kind, "userExited", exit, answer.offset));
  assert.equal(await other.hears("userExited", exit), answer.offset);
  assert.equal(app.connections.length, 1);
}

// Jane with one of her devices.
const jane = (device, status = "boarding") => user("jane", status, { device });

async function atNetwork(t, kind, server) {
  const relay = await Relay.start(t, server);
  return { relay, app: await startApp(t, kind, relay) };
}

// What one app hears of the events that another client hears with their offsets.
async function hearAll(watcher, kind, apps, name, record) {
  const offset = await watcher.hears(name, record);
  for (const { app, events } of apps) {
    events.push(heard(kind, name, record, offset));
    await app.hears(...events);
  }
  return offset;
}

const listener = (app) => ({ app, events: [] });

// A phone whose network drops and returns, while its person has a laptop, too.
export async function comesBack(t, kind) {
  const server = await startGateway(t, { recoveryWindow: 3_600_000 });
  const watcher = await Rider.join(t, server);
  const { relay, app } = await atNetwork(t, kind, server);
  const [phone, laptop] = [listener(app), listener(await startApp(t, kind, server))];
  const { id } = app;
  for (const [{ app }, device] of [[phone, "phone"], [laptop, "laptop"]]) {
    await app.board(jane(device));
    await hearAll(watcher, kind, [phone, laptop], "userBoarded", jane(device));
  }

  relay.cut();
  await app.lost();
  watcher.say(user("john"));
  const missed = await hearAll(watcher, kind, [laptop], "userBoarded", user("john"));
  relay.leadTo(server);
  await app.connected(2);
  if (kind.recovers) {
    assert.equal(app.id, id);
    phone.events.push(heard(kind, "userBoarded", user("john"), missed));
    await app.hears(...phone.events);
  } else {
    assert.notEqual(app.id, id);
    await hearAll(watcher, kind, [phone, laptop], "userBoarded", jane("phone"));
  }

  // She is there once, whatever she has, and nobody has been told that she was gone.
  const device = kind.recovers ? "laptop" : "phone";
  for (const { app } of [phone, laptop]) {
    const { users } = await app.users();
    assert.deepEqual(users.sort((a, b) => a.id.localeCompare(b.id)), [jane(device), user("john")]);
  }
  watcher.say(user("john", "exiting"));
  await hearAll(watcher, kind, [phone, laptop], "userExited", user("john", "exiting"));
}

// Two phones, one laptop, one person: she boards on all, one dies, one is loaded anew, one exits.
export async function onePerson(t, kind) {
  const server = await startGateway(t, { recoveryWindow: 300 });
  const watcher = await Rider.join(t, server);
  const onlooker = listener(await startApp(t, kind, server));
  const phone = listener(await startApp(t, kind, server));
  const dying = await atNetwork(t, kind, server);
  const reloaded = await atNetwork(t, kind, server);
  const offsets = [];
  const told = async (apps, ...event) => offsets.push(await hearAll(watcher, kind, [onlooker, ...apps], ...event));
  const aboard = async (app, ...records) => assert.deepEqual((await app.users()).users, records);
  // An end that nobody is told has a place in the stream all the same.
  const ended = (silently) =>
    until(
      async () => numberOf((await onlooker.app.users()).offset) === offsets.length + silently,
      () => `waiting for ${silently} connections to end`,
    );

  const second = listener(dying.app);
  const laptop = listener(reloaded.app);
  for (const [{ app }, device] of [[phone, "phone"], [second, "second phone"], [laptop, "laptop"]]) {
    assert.equal((await app.board(jane(device))).ok, true);
    await told([phone, second, laptop], "userBoarded", jane(device));
  }
  for (const { app } of [onlooker, phone, second, laptop]) await aboard(app, jane("laptop"));

  // One dies: she has others.
  dying.relay.cut();
  await ended(1);
  await aboard(phone.app, jane("laptop"));

  // One is loaded anew: it is another client, and boards.
  reloaded.relay.cut();
  const again = await atNetwork(t, kind, server);
  const anew = listener(again.app);
  assert.equal((await anew.app.board(jane("laptop"))).ok, true);
  await told([phone, anew], "userBoarded", jane("laptop"));
  await ended(2);
  await aboard(anew.app, jane("laptop"));

  // She exits with one, so she is not aboard; the other hears it, and stays connected.
  const { ok, offset } = await phone.app.exit(jane("phone", "exiting"));
  assert.equal(ok, true);
  await told([phone, anew], "userExited", jane("phone", "exiting"));
  assert.equal(offset, offsets.at(-1));
  await phone.app.lost();
  await aboard(anew.app);
  assert.deepEqual([anew.app.connections.length, anew.app.disconnections], [1, 0]);

  // It may board again. Now it is the last that she has.
  assert.equal((await anew.app.board(jane("laptop"))).ok, true);
  await told([anew], "userBoarded", jane("laptop"));
  again.relay.cut();
  await told([], "userDisconnected", jane("laptop"));
  await aboard(onlooker.app);
  await ended(2);
  assert.equal(phone.app.connections.length, 1); // who exits does not come back
  assert.ok(offsets.every((offset, i) => i === 0 || numberOf(offset) > numberOf(offsets[i - 1])));
}
