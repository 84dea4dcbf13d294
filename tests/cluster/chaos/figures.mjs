// How long it takes: until a killed gateway's riders are told as gone, and until all is well again after Redis was
// away, came back with older data, or had keys deleted. Figures to print; nothing here judges them.

import { onEnd, scoped } from "../../lib/cleanup.mjs";
import { sleep, until, within } from "../../lib/wait.mjs";
import { LightClient } from "./clients.mjs";
import { Cluster, usersAt } from "./cluster.mjs";
import { kindOf, keysByKind } from "./keys.mjs";
import { Random } from "./random.mjs";

const RIDE = "/";
const RIDERS = 10;
const SLACK_MS = 20_000; // only there to end a trial that hangs
const TRIALS = 20;
const AT_A_TIME = 4; // of trials that mostly wait
const LEASE_MS = 3000; // the defaults
const WINDOW_MS = 15_000;

class Rider {
  constructor(id, url, ride = RIDE) {
    this.user = { id, name: id };
    this.joined = new Promise((resolve) => {
      const on = { joined: resolve, event: (name, { id: about }) => this.heard?.(name, about), left: () => {} };
      this.client = new LightClient(ride, () => url, on);
      this.client.connect();
    });
  }

  // Both resolve with the answer.
  board() {
    return this.#say("boarding");
  }

  exit() {
    return this.#say("exiting");
  }

  async #say(status) {
    await this.joined;
    return new Promise((resolve) =>
      this.client.request(["message", JSON.stringify({ ...this.user, status })], resolve),
    );
  }
}

// Boards that many riders at a gateway.
async function boarded(node, name, count, ride) {
  const riders = Array.from({ length: count }, (_, i) => new Rider(`${name}.${i}`, node.url, ride));
  const answers = await within(Promise.all(riders.map((rider) => rider.board())), () => `boarding at ${node.name}`);
  if (!answers.every((answer) => answer?.ok)) throw new Error(`boarding at ${node.name}: ${JSON.stringify(answers)}`);
  return riders;
}

// From kill -9 of a gateway to the last userDisconnected of its riders at another, in ms. Any of three may be the one,
// so also the one that does the sweeping for all; or there is one other, which has `onlyJust` started.
async function ghostTime(t, { windowMs, onlyJust, random }) {
  const options = { "node-lease": LEASE_MS, "recovery-window": windowMs };
  const cluster = await Cluster.start(t, { gateways: onlyJust ? 2 : 3, options });
  const victim = random.pick(cluster.nodes);
  const other = cluster.nodes.find((node) => node !== victim);
  const left = new Set();
  let last;
  const riders = await boarded(victim, "rider", RIDERS);
  // The roles among the gateways are settled, and the kill comes at any point of a lease.
  await sleep(random.between(2 * LEASE_MS, 3 * LEASE_MS));
  if (onlyJust) {
    await cluster.kill(other);
    await sleep(random.between(2 * LEASE_MS, 3 * LEASE_MS));
    await cluster.run(other);
  }
  const watcher = new Rider("watcher", other.url);
  watcher.heard = (name, id) => {
    if (name !== "userDisconnected") return;
    left.add(id);
    last = performance.now();
  };
  onEnd(t, () => [watcher, ...riders].forEach(({ client }) => client.end()));
  await watcher.joined;
  const killed = performance.now();
  await cluster.kill(victim);
  for (const { client } of riders) client.end();
  await until(
    () => left.size === RIDERS,
    () => `${RIDERS - left.size} riders of a killed gateway are still aboard`,
    LEASE_MS + windowMs + SLACK_MS,
  );
  return last - killed;
}

// From the moment Redis answers again to that when it and all gateways have exactly the riders who are there.
async function convergenceTimes(t, { data, random }) {
  const cluster = await Cluster.start(t, { gateways: 3 });
  const riders = [];
  onEnd(t, () => riders.forEach(({ client }) => client.end()));
  for (const node of cluster.nodes) riders.push(...(await boarded(node, node.name, RIDERS)));
  const times = [];
  while (times.length < TRIALS) {
    await cluster.killRedis({ data });
    // Somebody boards meanwhile.
    const late = new Rider(`late ${times.length}`, random.pick(cluster.nodes).url);
    riders.push(late);
    const boarding = late.board();
    await sleep(random.between(100, 4000));
    await cluster.redis.run();
    const answering = performance.now();
    await until(
      () => isWhole(cluster, RIDE, riders),
      () => "the gateways have not converged",
      SLACK_MS,
    );
    times.push(performance.now() - answering);
    await boarding;
    await sleep(random.between(0, 1000));
  }
  return times;
}

// Redis comes back with what it had before somebody boarded and somebody exited. From the moment when all gateways are
// connected to it to that when it and they have exactly the riders who are there; null: that did not come.
async function olderCopyTime(t, { random }) {
  const cluster = await Cluster.start(t, { gateways: 3 });
  const riders = [];
  onEnd(t, () => riders.forEach(({ client }) => client.end()));
  for (const node of cluster.nodes) riders.push(...(await boarded(node, node.name, RIDERS)));
  const copy = await cluster.copyData();
  riders.push(...(await boarded(random.pick(cluster.nodes), "late", 1)));
  const [leaver] = riders.splice(random.between(0, riders.length - 2), 1);
  await leaver.exit();
  await sleep(random.between(0, 500));
  await cluster.killRedis({ data: copy });
  await sleep(random.between(0, 1000));
  await cluster.redis.run();
  await until(
    () => cluster.isReady(),
    () => "the gateways are not connected",
  );
  return timeUntil(() => isWhole(cluster, RIDE, riders), SLACK_MS);
}

// null: it did not come about in time.
async function timeUntil(condition, ms) {
  const begun = performance.now();
  while (!(await condition())) {
    if (performance.now() > begun + ms) return null;
    await sleep(10);
  }
  return performance.now() - begun;
}

async function isWhole(cluster, ride, riders) {
  const expected = sorted(riders.map(({ user }) => user));
  const users = await cluster.usersOf(ride);
  if (users === null || sorted(users) !== expected) return false;
  const answers = await Promise.all(cluster.nodes.map((node) => usersAt(node, ride)));
  return answers.every((answer) => answer !== null && sorted(answer.users) === expected);
}

const sorted = (users) =>
  users
    .map(({ id }) => id)
    .sort()
    .join("\n");

// --- keys that are deleted ---

const HEALED_WITHIN_MS = 70_000;
const LONG_WINDOW_MS = 240_000; // suspended riders stay so
const RIDES = Array.from({ length: TRIALS }, (_, i) => `/${i}`);

// What a key that is there again must have: the names in it where it has names. What the last operation of a process
// was is known again after its next.
async function namesIn(redis, key) {
  const read = { hash: ["HKEYS", key], set: ["SMEMBERS", key], zset: ["ZRANGE", key, "0", "-1"] };
  const command = read[await redis.command("TYPE", key)];
  const names = command ? await redis.command(...command) : [];
  return names.filter((name) => !name.startsWith("done:"));
}

async function hasAgain(redis, key, names) {
  if ((await redis.command("EXISTS", key)) === 0) return false;
  const there = new Set(await namesIn(redis, key));
  return names.every((name) => there.has(name));
}

// Rides that each have a rider at every gateway.
class Crews {
  static async start(t) {
    const crews = new Crews();
    crews.cluster = await Cluster.start(t, { gateways: 3, options: { "recovery-window": LONG_WINDOW_MS } });
    crews.riders = new Map(RIDES.map((ride) => [ride, []]));
    onEnd(t, () => [...crews.riders.values()].flat().forEach(({ client }) => client.end()));
    for (const [ride, riders] of crews.riders)
      for (const node of crews.cluster.nodes) riders.push(...(await boarded(node, `${ride} ${node.name}`, 1, ride)));
    return crews;
  }

  // One rider of each ride is away.
  async suspendSome() {
    for (const [first] of this.riders.values()) first.client.drop();
    const suspended = async (ride) => (await this.cluster.redis.command("ZCARD", `ridecast:{${ride}}:away`)) === 1;
    for (const ride of RIDES)
      await until(
        () => suspended(ride),
        () => `waiting for a suspension on ${ride}`,
      );
  }

  // From the deletion to when the keys are there again with the names they had, and Redis and all gateways have
  // exactly the riders who are there; null: that did not come. What an event alone brings back gets one.
  async healingTime(keys, ride) {
    const { redis } = this.cluster;
    const before = await Promise.all(keys.map((key) => namesIn(redis, key)));
    await redis.command("DEL", ...keys);
    if (BY_EVENT.test(kindOf(keys[0]))) for (const rider of this.riders.get(ride)) await rider.board();
    const there = async () => {
      for (const [i, key] of keys.entries()) if (!(await hasAgain(redis, key, before[i]))) return false;
      return isWhole(this.cluster, ride, this.riders.get(ride));
    };
    return timeUntil(there, HEALED_WITHIN_MS);
  }
}

const BY_EVENT = /^a ride's (log|done)$/;

// Each of the rides' keys at a moment of its own; keys that all rides share one trial after the other.
async function keyHealingTimes(t, { kind, random }) {
  const crews = await Crews.start(t);
  if (/away$/.test(kind)) await crews.suspendSome();
  const keys = (await keysByKind(crews.cluster.redis)).get(kind);
  const trial = async (ride, own, pauseMs) => {
    await sleep(pauseMs);
    return crews.healingTime(own, ride);
  };
  if (kind.startsWith("a ride's"))
    return Promise.all(
      RIDES.map((ride) =>
        trial(
          ride,
          keys.filter((key) => key.includes(`{${ride}}`)),
          random.between(0, 10_000),
        ),
      ),
    );
  const times = [];
  while (times.length < TRIALS && !times.includes(null))
    times.push(await trial(RIDES[times.length], keys, random.between(0, 1000)));
  return times;
}

// The kinds there are when somebody is aboard and somebody is away.
async function allKinds(t) {
  const crews = await Crews.start(t);
  await crews.suspendSome();
  return [...(await keysByKind(crews.cluster.redis)).keys()];
}

// --- all of them, printed ---

const inSeconds = (ms) => `${(ms / 1000).toFixed(2)} s`;

function print(what, times) {
  const order = times.filter((ms) => ms !== null).sort((a, b) => a - b);
  const never = times.length - order.length;
  const figures =
    order.length > 0
      ? `median ${inSeconds(order[Math.floor(order.length / 2)])}, worst ${inSeconds(order.at(-1))} of ${order.length}`
      : "never";
  console.log(`${what}: ${figures}${never > 0 ? `; ${never} did not come about` : ""}`);
}

// Several at a time, each with a cluster of its own.
async function trials(trial) {
  const times = [];
  while (times.length < TRIALS)
    times.push(...(await Promise.all(Array.from({ length: AT_A_TIME }, () => scoped(trial)))));
  return times;
}

export async function printFigures(seed) {
  const random = new Random(seed);
  for (const [windowMs, onlyJust] of [
    [WINDOW_MS, false],
    [0, false],
    [0, true],
  ]) {
    const times = await trials((t) => ghostTime(t, { windowMs, onlyJust, random }));
    const others = onlyJust ? ", the other has only just started" : "";
    print(`kill -9 of a gateway to the last ghost's end (lease ${LEASE_MS} ms, window ${windowMs} ms${others})`, times);
  }
  for (const data of ["kept", "lost"]) {
    const times = await scoped((t) => convergenceTimes(t, { data, random }));
    print(`Redis answering again to all gateways whole (data ${data})`, times);
  }
  const times = await trials((t) => olderCopyTime(t, { random }));
  print("an older copy of Redis, all gateways connected, to all whole", times);
  for (const kind of await scoped(allKinds))
    print(`${kind} deleted to all whole`, await scoped((t) => keyHealingTimes(t, { kind, random })));
}
