// What the tests of connection recovery have in common: how clients drop, and what they must find when they are back.

import assert from "node:assert/strict";
import { metricsOf } from "./metrics.mjs";
import { numberOf, user } from "./rider.mjs";
import { DEADLINE_MS } from "./wait.mjs";

// Ways in which an official client loses its connection through a relay, and stays away until letBack().
export const DROPS = {
  "closes its engine": (client) => {
    client.socket.io.reconnection(false);
    client.socket.io.engine.close();
  },
  "is cut off": (client, relay) => relay.cut(),
};

export function letBack(client, relay, server) {
  relay.leadTo(server);
  client.socket.io.reconnection(true);
  client.socket.connect();
}

// `id` boards n times, with a number of its own each time.
export async function boardings(client, id, n) {
  for (let i = 0; i < n - 1; i++) client.say(user(id, "boarding", { i }));
  assert.equal((await client.ask(user(id, "boarding", { i: n - 1 }))).ok, true);
}

// Each event once, none left out.
export function assertUnbroken(events) {
  events.forEach(({ offset }, i) => assert.equal(numberOf(offset), numberOf(events[0].offset) + i));
}

export const told = (events) => events.map(({ name, record }) => [name, record.id]);

export const idsOf = (users) => users.map(({ id }) => id).sort();

export async function aboard(client) {
  return idsOf((await client.socket.timeout(DEADLINE_MS).emitWithAck("activeUsers")).users);
}

// The official client is back as somebody new, and nobody is aboard.
export async function assertNewcomer(client, formerId) {
  assert.equal(client.socket.recovered, false);
  assert.notEqual(client.socket.id, formerId);
  assert.deepEqual(await aboard(client), []);
}

// Over hand-written Socket.IO: `rider` is the former one come back, or a stranger.
export function assertRecovered(rider, former) {
  assert.deepEqual([rider.sid, rider.pid], [former.sid, former.pid]);
}

export function assertStranger(rider, former) {
  assert.notEqual(rider.sid, former.sid);
  assert.notEqual(rider.pid, former.pid);
  assert.equal(typeof rider.pid, "string");
}

// The rider of user "u" ends it in order; everybody has been read up to here.
export async function assertExits(rider, ...others) {
  rider.say(user("u", "exiting"));
  for (const client of [rider, ...others]) await client.hears("userExited", user("u", "exiting"));
  assert.equal(await rider.client.text(), "41");
}

// Clients that came back to this gateway, by how that ended.
export async function recoveries(t, server) {
  const counts = (await metricsOf(t, server)).matchAll(/^ridecast_recoveries_total\{result="([^"]+)"\} (\d+)$/gm);
  return Object.fromEntries([...counts].map(([, result, count]) => [result, Number(count)]));
}
