// A soak: gateways that share a Redis, and the benchmark's load generator with clients of which some come and go all the
// time. The generator counts and checks every delivery; here memory, descriptors and what is left behind are watched.

import path from "node:path";
import { startCluster } from "./cluster.mjs";
import { gauge } from "./onlooker.mjs";
import { startProgram } from "./process.mjs";
import { BUILD, UNLIMITED } from "./server.mjs";
import { trend } from "./trend.mjs";
import { usage } from "./usage.mjs";
import { until } from "./wait.mjs";

const ALL_FROM_HERE = { ...UNLIMITED, maxConnectionsPerAddress: 0, handshakesPerAddress: 0 };
const RIDES_LINGER_MS = 10_000;
const PATIENCE_MS = 60_000;

// What memory may rise by over the judged stretch, by its trend, and still be flat.
const FLAT = 0.01;

const flags = (options) => Object.entries(options).flatMap(([name, value]) => [`--${name}`, String(value)]);

export class Soak {
  // `options` are the gateways'.
  static async start(t, { size = 3, recoveryWindow = 15_000, ...options } = {}) {
    const soak = new Soak();
    soak.t = t;
    soak.recoveryWindow = recoveryWindow;
    Object.assign(soak, await startCluster(t, { size, recoveryWindow, ...ALL_FROM_HERE, ...options }));
    soak.programs = Object.fromEntries(soak.gateways.map(({ program }, i) => [`gateway ${i + 1}`, program]));
    soak.rest = soak.usage(); // before the first client
    return soak;
  }

  usage() {
    const programs = { ...this.programs, Redis: this.redis.program };
    return Object.fromEntries(Object.entries(programs).map(([name, { child }]) => [name, usage(child.pid)]));
  }

  // The load generator's lines, each given to `onLine` as it comes; the last one is returned.
  async load(options, onLine = () => {}) {
    const ports = this.gateways.map(({ port }) => port).join(",");
    const program = startProgram(this.t, path.join(BUILD, "tests/bench/bench-load"), flags({ ports, ...options }));
    this.programs["load generator"] = program;
    let told = 0;
    program.child.stdout.on("data", () => {
      const lines = program.stdout.split("\n");
      for (; told < lines.length - 1; told++) onLine(JSON.parse(lines[told]));
    });
    await program.exited;
    delete this.programs["load generator"];
    if (told === 0) throw new Error(`the load generator failed\n${program.stderr}`);
    return JSON.parse(program.stdout.trim().split("\n").at(-1));
  }

  // Events a second that the cluster and the generator, on this machine, just keep up with for ten seconds, half a second
  // late at most: other programs may hold them up for a while.
  async limit(options) {
    const ramp = { mode: "ramp", rate: 1000, window: 10_000, enough: 950 };
    const { eventsPerSecond, keptUp } = await this.load({ ...ramp, ...options });
    if (!keptUp) throw new Error("no rate was found that the cluster keeps up with");
    await this.becomesEmpty();
    return eventsPerSecond;
  }

  // Runs it for `seconds`. Every `sampleMs` what the processes use is added to `samples`; with each line of the generator
  // `onPart` gets that and the latest sample. Resolves when all clients are gone.
  async run({ seconds, sampleMs, partMs, onPart = () => {}, ...options }) {
    const began = performance.now();
    const sample = () => ({ minutes: (performance.now() - began) / 60_000, ...this.usage() });
    this.samples = [];
    this.parts = [];
    const timer = setInterval(() => this.samples.push(sample()), sampleMs);
    try {
      this.result = await this.load({ window: seconds * 1000, report: partMs, drain: PATIENCE_MS, ...options }, (part) => {
        if (part.clients) return; // the last line, of all
        this.parts.push({ ...part, held: sample() });
        onPart(this.parts.at(-1));
      });
    } finally {
      clearInterval(timer);
    }
    await this.becomesEmpty();
    this.after = this.usage();
  }

  // No connection is left, no ride, and nobody aboard. Rides linger, riders whose clients dropped stay for the window.
  becomesEmpty() {
    let left;
    return until(
      async () => {
        const rides = await Promise.all(this.gateways.map((gateway) => gauge(this.t, gateway, "ridecast_rides")));
        left = { rides, aboard: await this.redis.command("KEYS", "ridecast:*:users"), usage: this.usage() };
        const files = Object.keys(this.rest).filter((name) => left.usage[name].files > this.rest[name].files);
        return rides.every((count) => count === 0) && left.aboard.length === 0 && files.length === 0;
      },
      () => `waiting for the clients to be forgotten: ${JSON.stringify(left)}`,
      this.recoveryWindow + RIDES_LINGER_MS + PATIENCE_MS,
    );
  }

  // Of each server: how its memory and its open files went, from minute `from` on.
  trends(from) {
    const samples = this.samples.filter(({ minutes }) => minutes >= from);
    const of = (name, member) => trend(samples.map((sample) => [sample.minutes, sample[name][member]]));
    const names = Object.keys(this.rest);
    return Object.fromEntries(names.map((name) => [name, { memory: of(name, "resident"), files: of(name, "files") }]));
  }
}

// What is wrong with it, in words.
export function faults(result) {
  const counts = ["lost", "repeated", "disordered", "malformed", "refused", "skipped", "closed", "unheard", "gaps", "back"];
  return counts.filter((name) => result[name] !== 0).map((name) => `${name}: ${result[name]}`);
}

// Which gateways grow too much, in words. Files may rise by as many clients as come and go in a second.
export function growth({ Redis, ...gateways }, churn) {
  return Object.entries(gateways).flatMap(([name, { memory, files }]) => [
    ...(memory.rise > FLAT ? [`the memory of ${name} rises by ${(100 * memory.rise).toFixed(1)} %`] : []),
    ...(files.rise * files.mean > churn ? [`the open files of ${name} rise by ${(files.rise * files.mean).toFixed(0)}`] : []),
  ]);
}
