// A rider is a person: what is told, and who is aboard, when somebody has several connections, or one connection is
// several people. The same on every door.

import assert from "node:assert/strict";
import { test } from "node:test";
import { request } from "../lib/http.mjs";
import { Client } from "../lib/official.mjs";
import { PlainClient } from "../lib/plain.mjs";
import { told } from "../lib/recovery.mjs";
import { Rider, user } from "../lib/rider.mjs";
import { startGateway } from "../lib/server.mjs";
import { until } from "../lib/wait.mjs";

const LONG = 600_000;
const SHORT = 1000;

// A rider's connection on either door: says, and ends in every way there is. `left` resolves when the server has ended
// it, `refused` with what it was told instead.
class SocketIo {
  static async connect(t, server) {
    return new SocketIo(await Client.connect(t, server, "WebSocket only", { reconnection: false }));
  }

  constructor(client) {
    this.client = client;
  }

  // Resolves when it has been said to everybody.
  async says(id, status = "boarding") {
    assert.equal((await this.client.ask(user(id, status))).ok, true);
  }

  refused(id) {
    return this.client.ask(user(id)).then(({ error }) => error);
  }

  goes() {
    this.client.socket.disconnect();
  }

  get left() {
    return this.client.disconnected();
  }

  get connected() {
    return this.client.socket.connected;
  }
}

class Plain {
  static async connect(t, server) {
    return new Plain(await PlainClient.connect(t, server));
  }

  constructor(client) {
    this.client = client;
    this.asked = 0;
  }

  async #answer(id, status) {
    const number = ++this.asked;
    const isIt = ({ event, id: to }) => event === "ack" && to === number;
    this.client.send({ event: "message", data: user(id, status), id: number });
    await until(
      () => this.client.messages.some(isIt),
      () => `the ack of ${id} ${status}`,
    );
    return this.client.messages.find(isIt).data;
  }

  async says(id, status = "boarding") {
    assert.equal((await this.#answer(id, status)).ok, true);
  }

  async refused(id) {
    return (await this.#answer(id, "boarding")).error;
  }

  goes() {
    this.client.socket.close();
  }

  get left() {
    return this.client.closed;
  }

  get connected() {
    return this.client.socket.readyState === 1;
  }
}

const DOORS = { "Socket.IO": SocketIo, "plain WebSocket": Plain };

// Who listens, and is sure at every look that what it has heard adds up to who is aboard.
class Watcher {
  static async start(t, server) {
    const watcher = new Watcher();
    Object.assign(watcher, { t, server, client: await Client.connect(t, server, "WebSocket only") });
    return watcher;
  }

  // The events so far, as words, and who is aboard by them.
  async heard(...expected) {
    const { events } = this.client;
    await until(
      () => events.length >= expected.length,
      () => `${expected}; so far ${events.map(({ name, record }) => `${name} ${record.id}`)}`,
    );
    assert.deepEqual(
      told(events).map(([name, id]) => `${name.slice("user".length).toLowerCase()} ${id}`),
      expected,
    );
    const aboard = new Set();
    for (const { name, record } of events) name === "userBoarded" ? aboard.add(record.id) : aboard.delete(record.id);
    assert.deepEqual(await this.#listed(), [...aboard].sort());
  }

  async #listed() {
    const ask = new Promise((resolve) => this.client.socket.emit("activeUsers", resolve));
    const { body } = await request(this.t, this.server, { path: "/api/users" });
    const [here, there] = [(await ask).users, JSON.parse(body).users].map((users) => users.map(({ id }) => id).sort());
    assert.deepEqual(here, there);
    return here;
  }
}

async function world(t, one, other, options) {
  const server = await startGateway(t, { recoveryWindow: LONG, ...options });
  const watcher = await Watcher.start(t, server);
  return { server, watcher, one: await one.connect(t, server), other: await other.connect(t, server) };
}

const pairs = Object.entries(DOORS).flatMap(([a, one]) =>
  Object.entries(DOORS).map(([b, other]) => [a, one, b, other]),
);

for (const [a, one, b, other] of pairs) {
  const on = `${a} and ${b}`;

  test(`${on}: each boarding is told, and who boards twice is aboard once`, async (t) => {
    const { watcher, ...riders } = await world(t, one, other);
    await riders.one.says("ann");
    await riders.other.says("ann");
    await watcher.heard("boarded ann", "boarded ann");
  });

  test(`${on}: an exit takes off who is aboard twice; the other connection stays and may board again`, async (t) => {
    const { watcher, ...riders } = await world(t, one, other);
    await riders.one.says("ann");
    await riders.other.says("ann");
    await riders.one.says("ann", "exiting");
    await riders.one.left;
    await watcher.heard("boarded ann", "boarded ann", "exited ann");
    assert.ok(riders.other.connected);
    await riders.other.says("ann");
    await watcher.heard("boarded ann", "boarded ann", "exited ann", "boarded ann");
  });

  test(`${on}: the connection of a rider who exited elsewhere ends in silence`, async (t) => {
    const { watcher, server, ...riders } = await world(t, one, other);
    await riders.one.says("ann");
    await riders.other.says("ann");
    await riders.one.says("ann", "exiting");
    riders.other.goes();
    await riders.other.left;
    await (await SocketIo.connect(t, server)).says("bob");
    await watcher.heard("boarded ann", "boarded ann", "exited ann", "boarded bob");
  });

  test(`${on}: only the last connection that goes is told`, async (t) => {
    const { watcher, server, ...riders } = await world(t, one, other);
    await riders.one.says("ann");
    await riders.other.says("ann");
    riders.one.goes();
    await riders.one.left;
    await (await SocketIo.connect(t, server)).says("bob");
    await watcher.heard("boarded ann", "boarded ann", "boarded bob");
    riders.other.goes();
    await watcher.heard("boarded ann", "boarded ann", "boarded bob", "disconnected ann");
  });

  test(`${on}: who boards or exits as somebody else leaves as who it was, unless it is aboard twice`, async (t) => {
    const { watcher, ...riders } = await world(t, one, other);
    await riders.one.says("ann");
    await riders.one.says("bob");
    await watcher.heard("boarded ann", "disconnected ann", "boarded bob");
    await riders.other.says("bob");
    await riders.one.says("cyd");
    await watcher.heard("boarded ann", "disconnected ann", "boarded bob", "boarded bob", "boarded cyd");
    await riders.other.says("cyd", "exiting");
    await watcher.heard(
      ...["boarded ann", "disconnected ann", "boarded bob", "boarded bob", "boarded cyd"],
      ...["disconnected bob", "exited cyd"],
    );
    assert.ok(riders.one.connected);
  });

  test(`${on}: one connection of a person too many is refused`, async (t) => {
    const { watcher, server, ...riders } = await world(t, one, other, { connectionsPerUser: 2 });
    await riders.one.says("ann");
    await riders.other.says("ann");
    for (const door of [one, other]) {
      const third = await door.connect(t, server);
      assert.equal(await third.refused("ann"), "the user has too many connections");
      await third.says("bob");
    }
    await riders.one.says("ann");
    await watcher.heard("boarded ann", "boarded ann", "boarded bob", "boarded bob", "boarded ann");
  });
}

// --- coming back ---

const drops = (rider) => rider.client.tcp.reset();

// Until nothing is left of a rider's connection: it is suspended then.
async function dropped(t, server, rider) {
  const sessions = async () => {
    const { body } = await request(t, server, { path: "/metrics" });
    return Number(/ridecast_riders_held (\d+)/.exec(body)[1]);
  };
  const before = await sessions();
  drops(rider);
  for (;;) if ((await sessions()) < before) return;
}

async function boarded(t, server, id) {
  const rider = await Rider.join(t, server);
  rider.say(user(id));
  rider.at = await rider.hears("userBoarded", user(id));
  return rider;
}

test("who comes back as a new client within the window is aboard once and never told as gone", async (t) => {
  const server = await startGateway(t, { recoveryWindow: SHORT });
  const watcher = await Watcher.start(t, server);
  const rider = await boarded(t, server, "ann");
  await dropped(t, server, rider);
  const again = await boarded(t, server, "ann");
  await watcher.heard("boarded ann", "boarded ann");
  // Somebody whose window begins later ends later, so the first one is over then.
  await dropped(t, server, await boarded(t, server, "bob"));
  await watcher.heard("boarded ann", "boarded ann", "boarded bob", "disconnected bob");
  drops(again);
  await watcher.heard("boarded ann", "boarded ann", "boarded bob", "disconnected bob", "disconnected ann");
});

const returns = (t, server, { pid, at }) => Rider.join(t, server, "/", { pid, offset: at });

test("a connection that ended while its person stayed aboard is not recovered", async (t) => {
  const server = await startGateway(t, { recoveryWindow: SHORT });
  const watcher = await Watcher.start(t, server);
  const rider = await boarded(t, server, "ann");
  await boarded(t, server, "ann");
  await dropped(t, server, rider);
  await dropped(t, server, await boarded(t, server, "bob"));
  await watcher.heard("boarded ann", "boarded ann", "boarded bob", "disconnected bob");
  const again = await returns(t, server, rider);
  assert.notEqual(again.sid, rider.sid);
  assert.notEqual(again.pid, rider.pid);
});

test("who exited through another connection while it was away is told so, and is recovered", async (t) => {
  const server = await startGateway(t, { recoveryWindow: LONG });
  const watcher = await Watcher.start(t, server);
  const rider = await boarded(t, server, "ann");
  await dropped(t, server, rider);
  const other = await boarded(t, server, "ann");
  other.say(user("ann", "exiting"));
  await other.hears("userExited", user("ann", "exiting"));
  const again = await returns(t, server, rider);
  assert.deepEqual([again.sid, again.pid], [rider.sid, rider.pid]);
  await again.hears("userBoarded", user("ann"));
  await again.hears("userExited", user("ann", "exiting"));
  await watcher.heard("boarded ann", "boarded ann", "exited ann");
  drops(again);
  await boarded(t, server, "bob");
  await watcher.heard("boarded ann", "boarded ann", "exited ann", "boarded bob");
});

test("of too many connections those that are away give way", async (t) => {
  const server = await startGateway(t, { recoveryWindow: LONG, connectionsPerUser: 2 });
  const watcher = await Watcher.start(t, server);
  const rider = await boarded(t, server, "ann");
  await boarded(t, server, "ann");
  await dropped(t, server, rider);
  await boarded(t, server, "ann");
  await watcher.heard("boarded ann", "boarded ann", "boarded ann");
  const again = await returns(t, server, rider);
  assert.notEqual(again.sid, rider.sid);
  again.say(user("ann"));
  assert.equal(await again.hearsException(), "the user has too many connections");
});

// --- the law ---

// A pseudo-random sequence, so that a failure can be had again by its seed.
function numbers(seed) {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

const fold = (aboard, { name, record }) =>
  name === "userBoarded" ? aboard.set(record.id, record) : aboard.delete(record.id);

// Asks who is aboard, and counts what was heard before the answer: at once, as more may come with it.
const snapshot = ({ client }) =>
  new Promise((resolve) =>
    client.socket.emit("activeUsers", ({ users }) =>
      resolve({ heard: client.events.length, aboard: new Map(users.map((record) => [record.id, record])) }),
    ),
  );

// What was aboard at the last look and what was told since is who is aboard now.
async function holds(listener, seed) {
  const now = await snapshot(listener);
  if (listener.before) {
    const { aboard, heard } = listener.before;
    for (const event of listener.client.events.slice(heard, now.heard)) fold(aboard, event);
    const sorted = (map) => [...map.values()].sort((a, b) => (a.id < b.id ? -1 : 1));
    assert.deepEqual(sorted(aboard), sorted(now.aboard), `seed ${seed}`);
  }
  listener.before = now;
}

const IDS = ["ann", "bob", "cyd"];
const STEPS = 60;

for (let seed = 1; seed <= 4; seed++) {
  test(`whatever happens, a snapshot and what is told after it is the next snapshot (seed ${seed})`, async (t) => {
    const server = await startGateway(t, { recoveryWindow: seed % 2 ? SHORT / 4 : LONG, connectionsPerUser: 3 });
    const listeners = [];
    for (const mode of ["WebSocket only", "polling only"])
      listeners.push({ client: await Client.connect(t, server, mode) });
    const next = numbers(seed);
    const riders = new Array(5).fill(null);
    for (let step = 0; step < STEPS; step++) {
      const at = next(riders.length);
      const id = IDS[next(IDS.length)];
      riders[at] ??= await Client.connect(t, server, next(2) ? "WebSocket only" : "polling only");
      const rider = riders[at];
      const what = next(10);
      if (what < 6) {
        await rider.ask(user(id, "boarding", { step }));
      } else if (what < 7) {
        await rider.ask(user(id, "exiting", { step }));
        await rider.disconnected();
        riders[at] = null;
      } else if (what < 8) {
        rider.socket.disconnect();
        riders[at] = null;
      } else if (rider.socket.connected) {
        const { connections } = rider;
        rider.socket.io.engine.close(); // it comes back by itself
        await rider.back(connections + 1);
      }
      if (next(3) === 0) for (const listener of listeners) await holds(listener, seed);
    }
    for (const listener of listeners) await holds(listener, seed);
  });
}
