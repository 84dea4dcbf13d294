// Slots of a Redis Cluster that move, and primaries that change, under riders who board and exit: nobody is lost,
// doubled or disconnected, and whoever is not concerned notices nothing.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { test } from "node:test";
import { promisify } from "node:util";
import { becomes, boardTogether, startOnCluster } from "../lib/cluster.mjs";
import { gauge } from "../lib/metrics.mjs";
import { Client } from "../lib/official.mjs";
import { DROPS, boardings, letBack } from "../lib/recovery.mjs";
import { Relay } from "../lib/relay.mjs";
import { CLI } from "../lib/redis.mjs";
import { RedisCluster } from "../lib/redis-cluster.mjs";
import { user } from "../lib/rider.mjs";
import { UNLIMITED, startGateway } from "../lib/server.mjs";
import { sleep, until } from "../lib/wait.mjs";

const LEASE = 1000;
const HOME = "47"; // of the first of three primaries
const BETTER = "431"; // would be, and lies in a slot of the last one, whose home is another
const SHORT = 1000;

const join = (t, gateway, ride) => Client.connect(t, gateway, "WebSocket only", { ride });
const told = ({ events }) => events.map(({ name, record }) => `${name} ${record.id}`);
const offsets = ({ events }) => events.map(({ offset }) => Number(offset.split(".")[0]));

// A rider boards and exits on the ride, again and again, now at one gateway and now at the other, until end() is called;
// somebody hears all of it.
class Traffic {
  static async start(t, gateways, ride) {
    const traffic = new Traffic();
    traffic.ride = ride;
    traffic.onlooker = await join(t, gateways[0], ride);
    traffic.running = traffic.#run(t, gateways);
    return traffic;
  }

  count = 0;
  ended = false;

  async #run(t, gateways) {
    for (; !this.ended; this.count++) {
      const id = `u${this.count}`;
      const rider = await join(t, gateways[this.count % gateways.length], this.ride);
      const { ok, error } = await rider.ask(user(id));
      assert.equal(ok, true, error);
      rider.say(user(id, "exiting"));
      assert.equal(await rider.disconnected(), "io server disconnect");
    }
  }

  // `more` riders have come and gone from now on.
  async goesOn(more = 3) {
    const wanted = this.count + more;
    await Promise.race([
      this.running,
      until(
        () => this.count >= wanted,
        () => `waiting for riders of ${this.ride}, so far ${this.count}`,
      ),
    ]);
  }

  async end() {
    this.ended = true;
    await this.running;
    await this.onlooker.heard(2 * this.count);
    const ids = Array.from({ length: this.count }, (_, i) => `u${i}`);
    assert.deepEqual(
      told(this.onlooker),
      ids.flatMap((id) => [`userBoarded ${id}`, `userExited ${id}`]),
    );
    assert.deepEqual(
      offsets(this.onlooker),
      ids.flatMap((_, i) => [2 * i + 1, 2 * i + 2]),
    );
    assert.equal(this.onlooker.connections, 1);
  }
}

// Rides of the slots from `first` to `last`.
async function ridesBetween(redis, first, last, count) {
  const rides = [];
  for (let i = 0; rides.length < count; i++) {
    const slot = await redis.slotOf(`/ride-${i}`);
    if (first <= slot && slot <= last) rides.push(`/ride-${i}`);
  }
  return rides;
}

const reshard = async (redis, from, to, slots) => {
  const [source, target] = [await from.primary(), await to.primary()];
  await promisify(execFile)(CLI, [
    ...["--cluster", "reshard", `127.0.0.1:${source.port}`, "--cluster-yes"],
    ...["--cluster-from", source.id, "--cluster-to", target.id, "--cluster-slots", String(slots)],
  ]);
};

test("slots that redis-cli moves to another shard", async (t) => {
  const { redis, gateways } = await startOnCluster(t, UNLIMITED);
  const [from, to] = redis.shards;
  const SLOTS = 200; // the lowest of the shard's
  const moving = await ridesBetween(redis, 0, SLOTS - 1, 3);
  const staying = [...(await redis.ridesAt(redis.shards[2], 1)), ...(await ridesBetween(redis, SLOTS, 5000, 1))];
  const traffics = [];
  for (const ride of [...moving, ...staying]) traffics.push(await Traffic.start(t, gateways, ride));
  await reshard(redis, from, to, SLOTS);
  for (const traffic of traffics) await traffic.goesOn();
  for (const ride of moving) assert.equal(await redis.shardOf(ride), to);
  for (const traffic of traffics) await traffic.end();
  for (const { program } of gateways) {
    await program.stop();
    assert.doesNotMatch(program.stderr, /the broker is up, but for/); // not with another home, nor at the end
  }
});

test("a slot whose keys are on their way: what is said meanwhile is done behind that", async (t) => {
  const { redis, a, b } = await startOnCluster(t);
  const [from, to] = redis.shards;
  const [ride] = await redis.ridesAt(from, 1);
  const rider = await join(t, a, ride);
  const onlooker = await join(t, b, ride);
  assert.equal((await rider.ask(user("u0"))).ok, true);
  const answers = [];
  let said = 0;
  const meanwhile = async () => {
    const client = await join(t, said % 2 ? a : b, ride);
    answers.push(client.ask(user(`u${++said}`)));
    await sleep(100);
  };
  const slot = await redis.slotOf(ride);
  await redis.moveSlots([slot], to, { meanwhile });
  await redis.moveSlots([slot], redis.shards[2], { meanwhile });
  await redis.moveSlots([slot], from, { meanwhile });
  for (const answer of answers) assert.equal((await answer).ok, true);
  await onlooker.heard(said + 1);
  assert.deepEqual(
    told(onlooker).sort(),
    Array.from({ length: said + 1 }, (_, i) => `userBoarded u${i}`),
  );
  assert.deepEqual(
    offsets(onlooker),
    Array.from({ length: said + 1 }, (_, i) => i + 1),
  );
  assert.equal(Object.keys((await redis.keysOf(ride)).users).length, said + 1);
  // Rides of other slots have had the same connections all the time, and nothing was complained of.
  for (const gateway of [a, b]) {
    assert.equal(await gauge(t, gateway, "ridecast_broker_reconnects_total"), 0);
    assert.doesNotMatch(gateway.program.stderr, /failed|cannot|refuses/);
  }
});

test("rides in one call with one whose slot is on its way are not kept waiting, and nothing is done twice", async (t) => {
  const { redis, a, b } = await startOnCluster(t, { redis: { replicas: 0, timeout: 60_000 } });
  const [from, to] = redis.shards;
  const rides = await redis.ridesAt(from, 9);
  const moving = rides[5]; // in the middle of what goes together
  const riders = [];
  const onlookers = [];
  for (const ride of rides) {
    riders.push(await join(t, a, ride));
    onlookers.push(await join(t, b, ride));
  }
  assert.equal((await (await join(t, b, moving)).ask(user("v"))).ok, true);
  let answers;
  let left = 2;
  const meanwhile = async () => {
    if (--left > 0) return;
    answers = await boardTogether(t, a, from, riders);
    for (const [i, answer] of answers.entries()) if (rides[i] !== moving) assert.equal((await answer).ok, true);
    assert.deepEqual((await redis.keysOf(moving)).users, undefined); // gone, and not to be found where they are asked for
  };
  await redis.moveSlots([await redis.slotOf(moving)], to, { meanwhile });
  for (const answer of answers) assert.equal((await answer).ok, true);
  for (const [i, onlooker] of onlookers.entries()) {
    const before = rides[i] === moving ? ["userBoarded v"] : [];
    await onlooker.heard(before.length + 1);
    assert.deepEqual(told(onlooker), [...before, "userBoarded u"]);
    assert.equal((await redis.keysOf(rides[i])).meta.offset, String(before.length + 1));
  }
});

test("a ride that is emptied while its slot is on its way", async (t) => {
  const { redis, a, b } = await startOnCluster(t);
  const [ride] = await redis.ridesAt(redis.shards[0], 1);
  const onlooker = await join(t, b, ride);
  const rider = await join(t, a, ride);
  assert.equal((await rider.ask(user("u"))).ok, true);
  let exits;
  const meanwhile = async () => {
    exits ??= rider.ask(user("u", "exiting"));
    await sleep(1000);
  };
  await redis.moveSlots([await redis.slotOf(ride)], redis.shards[1], { meanwhile });
  assert.equal((await exits).ok, true);
  await onlooker.heard(2);
  assert.deepEqual(told(onlooker), ["userBoarded u", "userExited u"]);
  const again = await join(t, a, ride);
  assert.equal((await again.ask(user("v"))).ok, true);
  await onlooker.heard(3);
  assert.deepEqual(Object.keys((await redis.keysOf(ride)).users), ["v"]);
  assert.equal(onlooker.connections, 1);
});

// A person is aboard with one connection and has another that is suspended; somebody hears of it at the other gateway.
async function lastPerson(t, redis, a, b) {
  const [ride] = await redis.ridesAt(redis.shards[0], 1);
  const onlooker = await join(t, b, ride);
  const rider = await join(t, a, ride);
  assert.equal((await rider.ask(user("u"))).ok, true);
  const dropped = await join(t, a, ride);
  assert.equal((await dropped.ask(user("u"))).ok, true);
  await onlooker.heard(2);
  dropped.socket.io.reconnection(false);
  dropped.socket.io.engine.close();
  await until(
    async () => (await redis.keysOf(ride)).away?.length > 0,
    () => "waiting for the suspension",
  );
  return { ride, rider, onlooker };
}

test("the last person exits while the slot is on its way: once, and whoever boards behind that stays", async (t) => {
  const { redis, a, b } = await startOnCluster(t, { recoveryWindow: 600_000 });
  const { ride, rider, onlooker } = await lastPerson(t, redis, a, b);
  const again = await join(t, b, ride);
  let exit, boarding;
  const meanwhile = async () => {
    if (exit) {
      boarding ??= again.ask(user("u"));
      return;
    }
    exit = rider.ask(user("u", "exiting"));
    await onlooker.heard(3); // before any key has left
  };
  await redis.moveSlots([await redis.slotOf(ride)], redis.shards[1], { meanwhile });
  assert.equal((await exit).ok, true);
  assert.equal((await boarding).ok, true);
  assert.equal((await (await join(t, a, ride)).ask(user("v"))).ok, true);
  await onlooker.heard(5);
  assert.deepEqual(told(onlooker).slice(2), ["userExited u", "userBoarded u", "userBoarded v"]);
  assert.deepEqual(Object.keys((await redis.keysOf(ride)).users).sort(), ["u", "v"]);
  assert.doesNotMatch(a.program.stderr + b.program.stderr, /spoiled|failed/);
});

test("a script that is said to have been ended half-way may have done it all: it is not done again", async (t) => {
  let isArmed = false;
  const DONE = /\*1\r\n\$\d+\r\nok [^\r]*\r\n/;
  const ENDED = "-ERR Script attempted to access a non local key in a cluster node script: 1, on @user_script:1.\r\n";
  const reworded = (text) => {
    const found = isArmed && DONE.test(text);
    if (found) isArmed = false;
    return found ? text.replace(DONE, ENDED) : text;
  };
  const relays = { start: (test, server) => Relay.start(test, server, { reworded }) };
  const { redis, a, b } = await startOnCluster(t, { redis: { relays }, recoveryWindow: 600_000 });
  const { ride, rider, onlooker } = await lastPerson(t, redis, a, b);
  isArmed = true;
  assert.equal((await rider.ask(user("u", "exiting"))).ok, true);
  assert.equal(isArmed, false);
  assert.equal((await (await join(t, a, ride)).ask(user("v"))).ok, true);
  await onlooker.heard(4);
  assert.deepEqual(told(onlooker).slice(2), ["userExited u", "userBoarded v"]);
  assert.doesNotMatch(a.program.stderr, /spoiled/);
});

test("who is suspended while the slot is on its way for long is swept behind that", async (t) => {
  const [BRIEF, LEASES_OF_REST] = [200, 20];
  const { redis, a } = await startOnCluster(t, { nodeLease: BRIEF, recoveryWindow: SHORT });
  const [from, to] = redis.shards;
  const [ride] = await ridesBetween(redis, 100, 5000, 1); // not with the home
  const rider = await join(t, a, ride);
  rider.socket.io.reconnection(false);
  assert.equal((await rider.ask(user("u"))).ok, true);
  await a.stop();
  const primary = await from.primary(); // which nobody finds the ride by any more but by its deadline
  for (const key of await primary.command("KEYS", "ridecast:{*}:node:*:rides")) await primary.command("DEL", key);
  let left = 2;
  const meanwhile = async () => {
    if (--left === 0) await sleep(SHORT + 2 * LEASES_OF_REST * BRIEF); // by then what is over has been forgotten
  };
  await redis.moveSlots([await redis.slotOf(ride)], to, { meanwhile });
  assert.equal(await redis.shardOf(ride), to);
  await until(
    async () => !(await redis.keysOf(ride)).users,
    () => "waiting for the end of who nobody knows of",
  );
});

test("a client that comes back while the slot is on its way is recovered behind that", async (t) => {
  const MISSED = 20;
  const { redis, a, b } = await startOnCluster(t, { recoveryWindow: 600_000, ...UNLIMITED });
  const [ride] = await redis.ridesAt(redis.shards[0], 1);
  const relay = await Relay.start(t, a);
  const rider = await join(t, relay, ride);
  const other = await join(t, a, ride);
  assert.equal((await rider.ask(user("u"))).ok, true);
  await rider.heard(1);
  const { id } = rider.socket;
  DROPS["closes its engine"](rider);
  const suspended = async () => (await redis.keysOf(ride)).away?.length > 0;
  await until(suspended, () => "waiting for the suspension");
  await boardings(other, "v", MISSED);
  await join(t, b, ride); // which has heard nothing of that
  let away;
  const meanwhile = async ({ from }) => {
    if (away) return;
    away = `ridecast:{${ride}}:away`; // with the only one that was suspended, the key is gone: nothing can be read
    letBack(rider, relay, b);
    const isGone = () => from.command("ZCARD", away).then(() => false, ({ message }) => message.startsWith("ASK"));
    await until(isGone, () => "waiting for the resumption");
    await sleep(SHORT);
  };
  await redis.moveSlots([await redis.slotOf(ride)], redis.shards[1], { meanwhile });
  await rider.back();
  assert.deepEqual([rider.socket.recovered, rider.socket.id], [true, id]);
  await rider.heard(1 + MISSED);
  assert.deepEqual(offsets(rider), Array.from({ length: 1 + MISSED }, (_, i) => i + 1));
});

test("a ride that is on its way for long keeps nobody else from being put back", async (t) => {
  const MANY = 300; // more than are put back at once
  const { redis, a } = await startOnCluster(t, { size: 1, ...UNLIMITED });
  const [from, to] = redis.shards;
  const [stuck, ride] = await ridesBetween(redis, 100, 5000, 2);
  for (let i = 0; i < MANY; i++) await (await join(t, a, stuck)).ask(user(`u${i}`));
  await (await join(t, a, ride)).ask(user("u"));
  const primary = await from.primary();
  let left = 2;
  const meanwhile = async () => {
    if (--left > 0) return;
    // The gateway has been taken for dead, and its riders have left.
    for (const key of await primary.command("KEYS", "ridecast:{*}:node:*"))
      if (!key.endsWith(":rides")) await primary.command("DEL", key);
    await sleep(3 * SHORT); // the others are under way
    await primary.command("DEL", `ridecast:{${ride}}:users`, `ridecast:{${ride}}:connections`);
    await until(
      async () => (await redis.keysOf(ride)).users?.u,
      () => "waiting for the rider to be put back",
    );
  };
  await redis.moveSlots([await redis.slotOf(stuck)], to, { meanwhile });
  const everybody = async () => Object.keys((await redis.keysOf(stuck)).users ?? {}).length === MANY;
  await until(everybody, () => "waiting for the others");
});

test("a ride that could not be noted where it has moved to is found where it was", async (t) => {
  const { redis, a } = await startOnCluster(t, { nodeLease: LEASE, recoveryWindow: SHORT });
  const [from, to, third] = redis.shards;
  const [ride] = await ridesBetween(redis, 2000, 5000, 1);
  const rider = await join(t, a, ride);
  rider.socket.io.reconnection(false);
  assert.equal((await rider.ask(user("u"))).ok, true);
  // Where nodes note their rides there, what does not exist yet counts as gone already.
  const [primary, other] = [await to.primary(), await third.primary()];
  const [nodes] = await primary.command("KEYS", "ridecast:{*}:nodes");
  const home = String(await redis.slotOf(nodes.match(/\{(.*)\}/)[1]));
  await primary.command("CLUSTER", "SETSLOT", home, "MIGRATING", other.id);
  await redis.moveSlots([await redis.slotOf(ride)], to);
  assert.equal((await rider.ask(user("u"))).ok, true);
  assert.notEqual(await redis.shardOf(ride), from);
  await a.kill();
  await primary.command("CLUSTER", "SETSLOT", home, "STABLE");
  await until(
    async () => !(await redis.keysOf(ride)).users,
    () => "waiting for the end of who nobody knows of",
  );
});

test("a gateway that ends after its rides have moved leaves nobody behind", async (t) => {
  const { redis, a, b } = await startOnCluster(t, { nodeLease: LEASE, recoveryWindow: SHORT });
  const [from, to] = redis.shards;
  const SLOTS = 64;
  const onlookers = [];
  for (const ride of await ridesBetween(redis, 0, 5000, 3)) {
    const rider = await join(t, a, ride);
    rider.socket.io.reconnection(false);
    assert.equal((await rider.ask(user("u"))).ok, true);
    onlookers.push(await join(t, b, ride));
  }
  await redis.moveSlots([...Array.from({ length: SLOTS }, (_, i) => i), await redis.slotOf(HOME)], to);
  for (const onlooker of onlookers) assert.equal((await onlooker.ask(user("v"))).ok, true);
  await a.kill();
  for (const onlooker of onlookers) {
    await onlooker.heard(2);
    assert.deepEqual(told(onlooker), ["userBoarded v", "userDisconnected u"]);
  }
  assert.equal(await redis.shardOf((await ridesBetween(redis, 0, SLOTS - 1, 1))[0]), to);
  assert.equal(await redis.shardOf((await ridesBetween(redis, SLOTS, 5000, 1))[0]), from);
});

test("riders whom no gateway knows any more leave, though what was noted of them is at a former home", async (t) => {
  const { redis, gateways } = await startOnCluster(t, { size: 3, nodeLease: LEASE, recoveryWindow: 3000, drainTimeout: 100 });
  const [stopped, killed, left] = gateways;
  const [from, to] = redis.shards;
  const rides = await redis.ridesAt(from, 2);
  for (const [i, gateway] of [stopped, killed].entries()) {
    const rider = await join(t, gateway, rides[i]);
    rider.socket.io.reconnection(false);
    assert.equal((await rider.ask(user("u"))).ok, true);
  }
  await stopped.stop();
  await killed.kill();
  const home = await redis.slotOf(HOME);
  await redis.moveSlots([home], to);
  const there = await to.primary();
  assert.deepEqual(await there.command("ZRANGE", `ridecast:{${HOME}}:away`, "0", "-1"), [rides[0]]);
  for (const ride of rides) assert.ok((await redis.keysOf(ride)).users);
  for (const ride of rides)
    await until(
      async () => !(await redis.keysOf(ride)).users,
      () => `waiting for the rider on ${ride} to leave`,
    );
  assert.equal(await gauge(t, left, "ridecast_riders_reaped_total"), 1);
  assert.equal(await gauge(t, left, "ridecast_riders_swept_total"), 2);
  const kept = await there.command("KEYS", `ridecast:{${HOME}}:*`);
  assert.deepEqual(kept.filter((key) => /away|node/.test(key)), []);
});

test("a home whose slot is on its way: no gateway is up at its server without a lease, and the log says why", async (t) => {
  const { redis, a, b } = await startOnCluster(t, { nodeLease: LEASE });
  const [from, to] = redis.shards;
  const [ride] = await redis.ridesAt(from, 1);
  const home = await redis.slotOf(HOME);
  let newcomer;
  const meanwhile = async () => {
    if (newcomer) return;
    newcomer = await startGateway(t, { broker: redis.url, nodeLease: LEASE });
    await becomes(t, newcomer, 200);
    const at = `127.0.0.1:${(await from.primary()).port}`;
    for (const line of [`no lease at Redis at ${at}, as slot ${home} is on its way`, `the broker is up, but for ${at}`])
      await until(
        () => newcomer.program.stderr.includes(line),
        () => `waiting for the line "${line}" in ${newcomer.program.stderr}`,
      );
    assert.equal(newcomer.program.stderr.match(/no lease at/g).length, 1);
    // Whoever has a lease there keeps it, and goes on.
    const client = await join(t, a, ride);
    assert.equal((await client.ask(user("u"))).ok, true);
    assert.doesNotMatch(b.program.stderr, /no lease at/);
  };
  await redis.moveSlots([home], to, { meanwhile });
  const client = await join(t, newcomer, ride);
  assert.equal((await client.ask(user("v"))).ok, true);
});

test("a server that gets a better home: a gateway that does not hear of it takes nobody for dead", async (t) => {
  const redis = await RedisCluster.start(t);
  const [shard] = redis.shards;
  const everywhere = async (...command) => {
    for (const node of redis.nodes) await node.command(...command);
  };
  await everywhere("ACL", "SETUSER", "late", "on", ">pw", "~*", "&*", "+@all");
  const options = { nodeLease: LEASE, recoveryWindow: 0 };
  const late = await startGateway(t, { broker: redis.url.replace("://", "://late:pw@"), ...options });
  await becomes(t, late, 200); // first, so that it is the sweeper
  const other = await startGateway(t, { broker: redis.url, ...options });
  await becomes(t, other, 200);
  const [ride] = await redis.ridesAt(shard, 1);
  for (const gateway of [late, other]) assert.equal((await (await join(t, gateway, ride)).ask(user("u"))).ok, true);
  await sleep(2 * LEASE); // it has seen the lease of the other one
  await everywhere("ACL", "SETUSER", "late", "-cluster|nodes");
  await redis.moveSlots([await redis.slotOf(BETTER)], shard);
  // The other one, at the new home, misses the late one in the end, but not the other way round.
  await until(
    async () => (await gauge(t, other, "ridecast_nodes_reaped_total")) === 1,
    () => "waiting for the late one to be missed",
  );
  assert.equal(await gauge(t, late, "ridecast_nodes_reaped_total"), 0);
});

// The replica has everything: what it lacks when it takes over, nobody can know.
const replicated = (node) => node.command("WAIT", "1", "60000");

const FAILOVERS = {
  "whose primary is killed": async (shard) => {
    const primary = await shard.primary();
    await replicated(primary);
    await primary.kill();
    await shard.promotion(primary);
  },
  "whose replica takes over as it is told": (shard) => shard.failover(),
};

for (const [what, failOver] of Object.entries(FAILOVERS))
  test(`a shard ${what}: its rides go on there, and others notice nothing`, async (t) => {
    const { redis, gateways } = await startOnCluster(t, UNLIMITED);
    const [shard, ...others] = redis.shards;
    const [ride] = await redis.ridesAt(shard, 1);
    const rider = await join(t, gateways[0], ride);
    const onlooker = await join(t, gateways[1], ride);
    assert.equal((await rider.ask(user("u"))).ok, true);
    const traffics = [];
    for (const other of others)
      traffics.push(await Traffic.start(t, gateways, (await redis.ridesAt(other, 1))[0]));
    const changing = failOver(shard);
    const second = await join(t, gateways[1], ride);
    const answer = second.ask(user("v"));
    for (const traffic of traffics) await traffic.goesOn();
    await changing;
    assert.equal((await answer).ok, true);
    assert.equal((await rider.ask(user("w"))).ok, true);
    await onlooker.heard(4);
    assert.deepEqual(told(onlooker), ["userBoarded u", "userBoarded v", "userDisconnected u", "userBoarded w"]);
    assert.deepEqual(Object.keys((await redis.keysOf(ride)).users).sort(), ["v", "w"]);
    for (const traffic of traffics) await traffic.end();
    for (const client of [rider, onlooker, second]) assert.equal(client.connections, 1);
    for (const gateway of gateways) assert.equal(await gauge(t, gateway, "ridecast_broker_reconnects_total"), 1);
  });
