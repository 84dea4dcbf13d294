// A run: rounds of people and faults, each followed by quiet and a check of everything that was heard.

import { sleep } from "../../lib/wait.mjs";
import { besides, check } from "./checker.mjs";
import { Cluster, usersAt } from "./cluster.mjs";
import { Crowd } from "./crowd.mjs";
import { CLUSTER_FAULTS, FAULTS } from "./faults.mjs";
import { History } from "./history.mjs";
import { Random } from "./random.mjs";
import { allConnected } from "./server-faults.mjs";
import { ShardedCluster } from "./sharded.mjs";
import { Truth } from "./truth.mjs";

// Short, so that many rounds fit into a minute.
const LEASE_MS = 600;
const WINDOW_MS = 1500;
const LOOK_MS = 50;
const SLOW_MS = 2000;
const SHOWN_OF_A_KIND = 5;
const FAULTS_SHOWN = 40;
const WORDS_SHOWN = 30;
const STREAMS_SHOWN = 5;
const GATEWAY_LINES_SHOWN = 12;

const DEFAULTS = {
  seconds: 60,
  clients: 120,
  gateways: 3,
  rides: ["/", "/line-7"],
  rate: 100,
  onCluster: false, // of Redis: with faults of its own, and rides on all shards
  first: [], // faults that the first round begins with, one after the other
  leaseMs: LEASE_MS,
  windowMs: WINDOW_MS,
  wipingRounds: 0.4,
  quietMs: LEASE_MS + WINDOW_MS + 60_000, // whatever has been done to the keys, it is healed within a minute
  alone: false,
  enough: () => true, // else it goes on, for five times as long at most
};

const PACE = { "transitions-per-second": 0, "resumes-per-address": 0, "asks-per-second": 0 }; // all are at one address
const PINGS = { "ping-interval": 1000, "ping-timeout": 3000 };

export class ChaosFailure extends Error {
  constructor(run, violations) {
    super(
      [
        `seed ${run.seed}, round ${run.round}`,
        ...describe(violations),
        ...run.logAbout(violations),
        ...run.gatewayLogs(),
      ].join("\n"),
    );
    this.violations = violations;
    this.summary = run.summary();
    this.everything = run.everything(violations);
  }
}

function describe(violations) {
  const byKind = new Map();
  for (const { kind, text } of violations) byKind.set(kind, [...(byKind.get(kind) ?? []), text]);
  return [...byKind].flatMap(([kind, texts]) => [
    `${texts.length} × ${kind}`,
    ...texts.slice(0, SHOWN_OF_A_KIND).map((text) => `  ${text}`),
  ]);
}

// Runs to the end or throws a ChaosFailure. Answers what happened, in numbers.
export async function runChaos(t, { seed, ...settings }) {
  const run = new Run(seed, { ...DEFAULTS, ...settings });
  await run.start(t);
  await run.play();
  return run.summary();
}

class Run {
  log = [];
  round = 0;
  survived = {}; // name of a fault → how often, in rounds that ended well
  #faults = new Set();
  #begun = []; // in this round
  #redisInUse = false;

  constructor(seed, settings) {
    this.catalogue = settings.onCluster ? CLUSTER_FAULTS : FAULTS;
    Object.assign(this, { faults: Object.keys(this.catalogue), seed, ...settings });
    this.started = performance.now();
    this.random = new Random(seed);
    this.history = new History();
  }

  async start(t) {
    const options = { "node-lease": this.leaseMs, "recovery-window": this.windowMs, ...PINGS, ...PACE, ...this.options };
    const Kind = this.onCluster ? ShardedCluster : Cluster;
    this.cluster = await Kind.start(t, { gateways: this.gateways, binary: this.binary, options });
    if (this.cluster.rides) this.rides = this.cluster.rides;
    this.crowd = new Crowd(t, {
      size: this.clients,
      rides: this.rides,
      cluster: this.cluster,
      history: this.history,
      random: this.random.fork(),
      note: (name, text) => this.#note(text, name),
      awayMs: this.windowMs + this.leaseMs + 500,
      alone: this.alone,
      silenceMs: PINGS["ping-interval"] + PINGS["ping-timeout"],
    });
    for (const phone of this.crowd.phones) phone.arrive();
    await this.#checkQuiet();
  }

  async play() {
    while (!this.#isOver()) {
      this.round++;
      await this.#makeTrouble();
      await this.#checkQuiet();
    }
    // What comes late must not come either.
    await sleep(this.leaseMs + this.windowMs);
    await this.#checkQuiet();
  }

  #isOver() {
    const seconds = (performance.now() - this.started) / 1000;
    return seconds > this.seconds && (seconds > 5 * this.seconds || this.enough(this.summary()));
  }

  #note(text, about = null) {
    this.log.push({ ms: performance.now() - this.started, text, about });
  }

  // Whoever looks for the cause of a failure needs all of it.
  everything(violations) {
    const logs = [...this.cluster.past, ...this.cluster.nodes].flatMap(({ name, program }) => [
      `--- ${name}, process ${program.child.pid}`,
      program.stderr.trimEnd(),
    ]);
    return [
      `seed ${this.seed}, round ${this.round}`,
      ...violations.map(({ kind, text }) => `${kind}: ${text}`),
      ...this.#heardBy(violations),
      "--- what was done",
      ...this.log.map(line),
      ...logs,
      ...this.cluster.serverLogs.flatMap(([name, text]) => [`--- ${name}`, text.trimEnd()]),
    ].join("\n");
  }

  // What was heard by the clients that the first violations name, and by the one of each ride that has been there
  // longest.
  #heardBy(violations) {
    const named = violations.slice(0, STREAMS_SHOWN).map(({ text }) => text.split(" ", 1)[0]);
    const streams = this.history.streams.filter(({ connected, ended }) => connected && !ended);
    const oldest = this.rides.map((ride) => streams.find((stream) => stream.ride === ride));
    return streams
      .filter((stream) => oldest.includes(stream) || named.includes(stream.who))
      .flatMap(({ who, entries }) => [
        `--- what ${who} has heard`,
        ...entries.map(({ event, users, id, t, offset }, at) =>
          event
            ? `${at} ${event} ${id} (${t}) at ${offset}`
            : `${at} activeUsers at ${offset}: ${users.map((user) => `${user.id} (${user.t})`).join(", ")}`,
        ),
      ]);
  }

  // The last of what was done to the cluster, and of what was done by whom the first violations name.
  logAbout(violations) {
    const text = violations
      .slice(0, 2)
      .map((violation) => violation.text)
      .join(" ");
    const done = this.log.filter(({ about }) => about === null).slice(-FAULTS_SHOWN);
    const said = this.log.filter(({ about }) => about && text.match(new RegExp(`\\b${about}\\b`))).slice(-WORDS_SHOWN);
    return [...done, ...said].sort((a, b) => a.ms - b.ms).map(line);
  }

  gatewayLogs() {
    return this.cluster.nodes.flatMap(({ name, program }) => [
      `${name}:`,
      ...program.stderr.trimEnd().split("\n").slice(-GATEWAY_LINES_SHOWN),
    ]);
  }

  async #makeTrouble() {
    const ms = this.random.between(2500, 5000);
    // After a wipe little can be said about losses before it: rounds with one are the exception.
    const wiping = this.random.chance(this.wipingRounds);
    this.#note(`round ${this.round}, ${ms} ms`);
    let isOver = false;
    const breaking = this.#breakThings(ms, wiping).finally(() => (isOver = true));
    await Promise.all([this.crowd.act(this.rate, () => isOver), breaking]);
    await this.#mended();
    await this.crowd.returned();
  }

  async #breakThings(ms, wiping) {
    const allowed = this.faults.filter((name) => wiping || !this.catalogue[name].wipes);
    const weights = Object.fromEntries(allowed.map((name) => [name, this.catalogue[name].weight]));
    const end = performance.now() + ms;
    if (this.round === 1) for (const name of this.first) await this.#breakAlone(name);
    if (allowed.length === 0) return sleep(ms);
    for (;;) {
      await sleep(this.random.between(100, 1200));
      if (performance.now() > end) return;
      const name = this.random.weighted(weights);
      if (this.catalogue[name].alone) await this.#breakAlone(name);
      else this.#breakOne(name);
    }
  }

  // All that is broken has been mended before, and nothing else is broken meanwhile.
  async #breakAlone(name) {
    await this.#mended();
    await allConnected(this.cluster);
    this.#breakOne(name);
    await this.#mended();
  }

  async #mended() {
    while (this.#faults.size > 0) await Promise.all(this.#faults);
  }

  #breakOne(name) {
    const { cluster, history, leaseMs, windowMs } = this;
    const random = this.random.fork();
    const node = random.pick(cluster.nodes);
    const setting = { cluster, history, leaseMs, windowMs, random, node, way: cluster.aWay(node, random) };
    const { exclusive, wipes, fits, run } = this.catalogue[name];
    if ((exclusive && this.#redisInUse) || (fits && !fits(setting.node))) return;
    if (exclusive) this.#redisInUse = true;
    this.#begun.push(name);
    const what = exclusive ? name : `${name}: ${setting.node.name}`;
    this.#note(what);
    const action = async (trouble, wipe) => {
      try {
        await run({ ...setting, trouble, wipe, note: (text) => this.#note(`${what}: ${text}`) });
      } finally {
        if (exclusive) this.#redisInUse = false;
        this.#note(`over: ${what}`);
      }
    };
    const fault = history
      .trouble((trouble) => (wipes ? history.wipe((wipe) => action(trouble, wipe)) : action(trouble)))
      .then(() => this.#faults.delete(fault));
    this.#faults.add(fault);
  }

  async #checkQuiet() {
    this.#note("quiet");
    const deadline = performance.now() + this.quietMs;
    let state = await this.#look();
    while (state.pending.length > 0 && this.cluster.crashed.length === 0 && performance.now() < deadline) {
      await sleep(LOOK_MS);
      state = await this.#look();
    }
    const late = state.pending.map((text) => ({ kind: "quiet", text }));
    const crashes = this.cluster.crashed.map(({ name, program }) => ({
      kind: "crash",
      text: `${name} ended with ${JSON.stringify(program.exit)}`,
    }));
    const surprised = await this.cluster.surprised();
    if (surprised.length > 0) this.#note(`a failover that nobody has asked for: ${surprised.join(" ")}`);
    if (surprised.length > 0) this.history.wiped(surprised);
    const violations = [...crashes, ...check(this.history, state.rosters), ...late];
    if (violations.length > 0) throw new ChaosFailure(this, violations);
    const truth = new Truth(this.history);
    this.history.calm(state.rosters, (connection) => truth.standings(connection));
    for (const name of this.#begun.splice(0)) this.survived[name] = (this.survived[name] ?? 0) + 1;
    this.#note("as it should be");
  }

  // What there is, and what has still to come about.
  async #look() {
    const pending = this.crowd.phones
      .filter(({ settled }) => !settled)
      .map((phone) => `${phone.name} is not settled: ${phone.state}`);
    const rosters = {};
    for (const ride of this.rides) {
      const users = await this.cluster.usersOf(ride);
      if (users === null) pending.push(`${ride}: Redis does not say who is aboard`);
      rosters[ride] = listed(users ?? []);
      if (pending.length === 0) pending.push(...(await this.#compare(ride, rosters[ride])));
    }
    return { pending, rosters };
  }

  // Asks everybody who is connected, so that all that had to be heard before has been, and every gateway.
  async #compare(ride, roster) {
    const faults = new Truth(this.history).faultsOf(ride, roster);
    if (faults.length > 0) return faults.map((text) => `${ride}: in Redis, ${text}`);
    const position = await this.cluster.positionOf(ride);
    const judge = (who, answer) => {
      if (answer === null) return [`${who} does not answer`];
      if (sorted(listed(answer.users)) !== sorted(roster)) return [`${who} tells other riders`];
      return position === null || answer.offset === position ? [] : [`${who} is at ${answer.offset}`];
    };
    const listeners = this.crowd.phones.filter((phone) => phone.ride === ride && phone.present);
    const answers = await Promise.all([
      ...listeners.map(async (phone) => judge(phone.name, await phone.ask())),
      ...this.cluster.nodes.map(async (node) => judge(node.name, await usersAt(node, ride))),
    ]);
    return answers.flat().map((text) => `${ride} at ${position}: ${text}`);
  }

  summary() {
    const said = [...this.history.transitions.values()];
    const boardings = besides(this.history);
    const total = (name) => this.crowd.phones.reduce((sum, { counts }) => sum + counts[name], 0);
    return {
      seed: this.seed,
      rounds: this.round,
      wipes: this.history.wipes.length,
      said: said.length,
      acknowledged: said.filter(({ acked }) => acked).length,
      joined: total("joined"),
      recovered: total("recovered"),
      stillAboard: total("stillAboard"),
      putOff: total("putOff"),
      changedId: total("changedId"),
      besides: boardings.length, // boardings while a shard was away that has not their ride
      late: boardings.filter(({ took }) => took > SLOW_MS).length,
      survived: this.survived,
      failing: this.#begun, // faults of the round that did not end well
    };
  }
}

const listed = (users) => users.map(({ id, t }) => [id, t]);
const sorted = (list) => list.map(String).sort().join("\n");
const line = ({ ms, text, about }) => `${(ms / 1000).toFixed(3).padStart(8)} ${about ? `  ${about} ` : ""}${text}`;
