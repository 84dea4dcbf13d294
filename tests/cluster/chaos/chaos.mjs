// A run: rounds of people and faults, each followed by quiet and a check of everything that was heard.

import { sleep } from "../../lib/wait.mjs";
import { check } from "./checker.mjs";
import { Cluster } from "./cluster.mjs";
import { Crowd } from "./crowd.mjs";
import { FAULTS } from "./faults.mjs";
import { History } from "./history.mjs";
import { Random } from "./random.mjs";

// Short, so that many rounds fit into a minute.
const LEASE_MS = 600;
const WINDOW_MS = 1500;
// Only there to end a run that hangs.
const QUIET_MS = LEASE_MS + WINDOW_MS + 20_000;
const LOOK_MS = 50;
const SHOWN_OF_A_KIND = 5;
const FAULTS_SHOWN = 40;
const WORDS_SHOWN = 30;
const GATEWAY_LINES_SHOWN = 12;

const DEFAULTS = {
  seconds: 60,
  clients: 120,
  gateways: 3,
  rides: ["/", "/line-7"],
  rate: 100,
  faults: Object.keys(FAULTS),
  leaseMs: LEASE_MS,
  windowMs: WINDOW_MS,
  wipingRounds: 0.4,
};

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
  faultCount = 0;
  #faults = new Set();
  #redisInUse = false;

  constructor(seed, settings) {
    Object.assign(this, { seed, ...settings });
    this.started = performance.now();
    this.random = new Random(seed);
    this.history = new History();
  }

  async start(t) {
    const options = { "node-lease": this.leaseMs, "recovery-window": this.windowMs, ...PINGS, ...this.options };
    this.cluster = await Cluster.start(t, { gateways: this.gateways, binary: this.binary, options });
    this.crowd = new Crowd(t, {
      size: this.clients,
      rides: this.rides,
      cluster: this.cluster,
      history: this.history,
      random: this.random.fork(),
      note: (name, text) => this.#note(text, name),
      awayMs: this.windowMs + this.leaseMs + 500,
    });
    for (const person of this.crowd.people) person.arrive();
    await this.#checkQuiet();
  }

  async play() {
    while (performance.now() - this.started < this.seconds * 1000) {
      this.round++;
      await this.#makeTrouble();
      await this.#checkQuiet();
    }
    // What comes late must not come either.
    await sleep(this.leaseMs + this.windowMs);
    await this.#checkQuiet();
  }

  #note(text, about = null) {
    this.log.push({ ms: performance.now() - this.started, text, about });
  }

  // The last of what was done to the cluster, and of what was done by whom the first violations name.
  logAbout(violations) {
    const text = violations
      .slice(0, 2)
      .map((violation) => violation.text)
      .join(" ");
    const done = this.log.filter(({ about }) => about === null).slice(-FAULTS_SHOWN);
    const said = this.log.filter(({ about }) => about && text.match(new RegExp(`\\b${about}\\b`))).slice(-WORDS_SHOWN);
    return [...done, ...said]
      .sort((a, b) => a.ms - b.ms)
      .map(({ ms, text: what, about }) => `${(ms / 1000).toFixed(3).padStart(8)} ${about ? `  ${about} ` : ""}${what}`);
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
    await Promise.all([this.crowd.act(ms, this.rate), this.#breakThings(ms, wiping)]);
    while (this.#faults.size > 0) await Promise.all(this.#faults);
    await this.crowd.returned();
  }

  async #breakThings(ms, wiping) {
    const allowed = this.faults.filter((name) => wiping || !FAULTS[name].wipes);
    if (allowed.length === 0) return;
    const weights = Object.fromEntries(allowed.map((name) => [name, FAULTS[name].weight]));
    const end = performance.now() + ms;
    for (;;) {
      await sleep(this.random.between(100, 1200));
      if (performance.now() > end) return;
      const name = this.random.weighted(weights);
      const setting = { random: this.random.fork(), node: this.random.pick(this.cluster.nodes) };
      this.#breakOne(name, { ...setting, cluster: this.cluster, leaseMs: this.leaseMs, windowMs: this.windowMs });
    }
  }

  #breakOne(name, setting) {
    const { exclusive, wipes, fits, run } = FAULTS[name];
    if ((exclusive && this.#redisInUse) || (fits && !fits(setting.node))) return;
    if (exclusive) this.#redisInUse = true;
    this.faultCount++;
    this.#note(exclusive ? name : `${name}: ${setting.node.name}`);
    const action = async () => {
      try {
        await run(setting);
      } finally {
        if (exclusive) this.#redisInUse = false;
        this.#note(`over: ${exclusive ? name : `${name}: ${setting.node.name}`}`);
      }
    };
    const fault = (wipes ? this.history.wipe(action) : action()).then(() => this.#faults.delete(fault));
    this.#faults.add(fault);
  }

  async #checkQuiet() {
    this.#note("quiet");
    const deadline = performance.now() + QUIET_MS;
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
    const violations = [...crashes, ...check(this.history, state.rides), ...late];
    if (violations.length > 0) throw new ChaosFailure(this, violations);
    this.history.calm();
    this.#note("as it should be");
  }

  // What there is, and what has still to come about.
  async #look() {
    const { people } = this.crowd;
    const pending = people
      .filter(({ settled }) => !settled)
      .map((person) => `${person.name} is not settled: ${person.state}`);
    const rides = {};
    for (const ride of this.rides) {
      rides[ride] = await this.#lookAt(ride);
      if (pending.length === 0) pending.push(...(await this.#compare(ride, rides[ride])));
    }
    return { pending, rides };
  }

  async #lookAt(ride) {
    const aboard = this.crowd.people
      .filter((person) => person.ride === ride && person.aboard)
      .map(({ sid, rider }) => [sid, rider.id, rider.t]);
    const hash = Object.entries(await this.cluster.usersOf(ride)).map(([sid, json]) => {
      const { id, t } = JSON.parse(json);
      return [sid, id, t];
    });
    return { aboard, hash };
  }

  // Asks everybody who is aboard, so that all that had to be heard before has been.
  async #compare(ride, { aboard, hash }) {
    const expected = sorted(aboard);
    if (sorted(hash) !== expected) return [`${ride}: Redis has other riders than are aboard`];
    const position = await this.cluster.positionOf(ride);
    const riders = sorted(aboard.map(([, id, t]) => [id, t]));
    const listeners = this.crowd.people.filter((person) => person.ride === ride && person.present);
    const answers = await Promise.all(
      listeners.map(async (person) => {
        const answer = await person.ask();
        if (answer === null) return `${person.name} was interrupted`;
        if (sorted(answer.users.map(({ id, t }) => [id, t])) !== riders) return `${person.name} is told other riders`;
        return position === null || answer.offset === position ? null : `${person.name} is at ${answer.offset}`;
      }),
    );
    return answers.filter((text) => text !== null).map((text) => `${ride} at ${position}: ${text}`);
  }

  summary() {
    const said = [...this.history.transitions.values()];
    const total = (name) => this.crowd.people.reduce((sum, { counts }) => sum + counts[name], 0);
    return {
      seed: this.seed,
      rounds: this.round,
      faults: this.faultCount,
      wipes: this.history.wipes.length,
      said: said.length,
      acknowledged: said.filter(({ acked }) => acked).length,
      joined: total("joined"),
      recovered: total("recovered"),
      stillAboard: total("stillAboard"),
    };
  }
}

const sorted = (list) => list.map(String).sort().join("\n");
