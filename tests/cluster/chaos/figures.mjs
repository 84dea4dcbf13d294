// How long it takes: until a killed gateway's riders are told as gone, and until all is well again after Redis was
// away. Figures to print; nothing here judges them.

import { onEnd } from "../../lib/cleanup.mjs";
import { sleep, until, within } from "../../lib/wait.mjs";
import { LightClient } from "./clients.mjs";
import { Cluster } from "./cluster.mjs";

const RIDE = "/";
const RIDERS = 10;
const SLACK_MS = 20_000; // only there to end a trial that hangs

class Rider {
  constructor(id, url) {
    this.record = JSON.stringify({ id, name: id, status: "boarding" });
    this.joined = new Promise((resolve) => {
      const on = { joined: resolve, event: (name, { id: about }) => this.heard?.(name, about), left: () => {} };
      this.client = new LightClient(RIDE, () => url, on);
      this.client.connect();
    });
  }

  // Resolves with the answer.
  async board() {
    await this.joined;
    return new Promise((resolve) => this.client.request(["message", this.record], resolve));
  }
}

// Boards that many riders at a gateway.
async function boarded(node, name, count) {
  const riders = Array.from({ length: count }, (_, i) => new Rider(`${name}.${i}`, node.url));
  const answers = await within(Promise.all(riders.map((rider) => rider.board())), () => `boarding at ${node.name}`);
  if (!answers.every((answer) => answer?.ok)) throw new Error(`boarding at ${node.name}: ${JSON.stringify(answers)}`);
  return riders;
}

// From kill -9 of a gateway to the last userDisconnected of its riders at another, in ms. Any of three may be the one,
// so also the one that does the sweeping for all.
export async function ghostTime(t, { leaseMs, windowMs, random }) {
  const options = { "node-lease": leaseMs, "recovery-window": windowMs };
  const cluster = await Cluster.start(t, { gateways: 3, options });
  const victim = random.pick(cluster.nodes);
  const left = new Set();
  let last;
  const watcher = new Rider("watcher", cluster.nodes.find((node) => node !== victim).url);
  watcher.heard = (name, id) => {
    if (name !== "userDisconnected") return;
    left.add(id);
    last = performance.now();
  };
  const riders = await boarded(victim, "rider", RIDERS);
  onEnd(t, () => [watcher, ...riders].forEach(({ client }) => client.end()));
  await watcher.joined;
  // The roles among the gateways are settled, and the kill comes at any point of a lease.
  await sleep(random.between(2 * leaseMs, 3 * leaseMs));
  const killed = performance.now();
  await cluster.kill(victim);
  for (const { client } of riders) client.end();
  await until(
    () => left.size === RIDERS,
    () => `${RIDERS - left.size} riders of a killed gateway are still aboard`,
    leaseMs + windowMs + SLACK_MS,
  );
  return last - killed;
}

// From the moment Redis answers again to that when it and all gateways have exactly the riders who are there.
export async function convergenceTimes(t, { trials, keepData, random }) {
  const cluster = await Cluster.start(t, { gateways: 3 });
  const riders = [];
  onEnd(t, () => riders.forEach(({ client }) => client.end()));
  for (const node of cluster.nodes) riders.push(...(await boarded(node, node.name, RIDERS)));
  const times = [];
  while (times.length < trials) {
    await cluster.killRedis({ keepData });
    // Somebody boards meanwhile.
    const late = new Rider(`late ${times.length}`, random.pick(cluster.nodes).url);
    riders.push(late);
    const boarding = late.board();
    await sleep(random.between(100, 4000));
    await cluster.redis.run();
    const answering = performance.now();
    await until(
      () => isWhole(cluster, riders),
      () => "the gateways have not converged",
      SLACK_MS,
    );
    times.push(performance.now() - answering);
    await boarding;
    await sleep(random.between(0, 1000));
  }
  return times;
}

async function isWhole(cluster, riders) {
  const expected = sorted(riders.map(({ record }) => record));
  if (sorted(Object.values(await cluster.usersOf(RIDE))) !== expected) return false;
  const answers = await Promise.all(cluster.nodes.map((node) => usersAt(node)));
  return answers.every((users) => users === expected);
}

// null: it cannot say now.
async function usersAt(node) {
  const answer = await fetch(`${node.url}/api/users?ride=${RIDE}`).catch(() => null);
  if (answer?.status !== 200) return null;
  return sorted((await answer.json()).users.map((user) => JSON.stringify(user)));
}

const sorted = (list) => [...list].sort().join("\n");
