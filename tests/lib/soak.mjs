// A soak: gateways that share a Redis, and the benchmark's load generator with clients of which some come and go all the
// time. The generator counts and checks every delivery; here memory, descriptors and what is left behind are watched.

import { startCluster } from "./cluster.mjs";
import { gauge } from "./metrics.mjs";
import { built } from "./places.mjs";
import { startProgram } from "./process.mjs";
import { UNLIMITED } from "./server.mjs";
import { trend } from "./trend.mjs";
import { usage } from "./usage.mjs";
import { until } from "./wait.mjs";

const ALL_FROM_HERE = { ...UNLIMITED, maxConnectionsPerAddress: 0, handshakesPerAddress: 0 };
const RIDES_LINGER_MS = 10_000;
const PATIENCE_MS = 60_000;

const flags = (options) => Object.entries(options).flatMap(([name, value]) => [`--${name}`, String(value)]);

export class Soak {
  // `options` are the gateways'.
  static async start(t, { size = 3, recoveryWindow = 15_000, ...options } = {}) {
    const soak = new Soak();
    soak.t = t;
    soak.recoveryWindow = recoveryWindow;
    Object.assign(soak, await startCluster(t, { size, recoveryWindow, ...ALL_FROM_HERE, ...options }));
    soak.rest = soak.usage(); // before the first client
    return soak;
  }

  usage() {
    const gateways = this.gateways.map(({ program }, i) => [`gateway ${i + 1}`, usage(program.child.pid)]);
    return Object.fromEntries([...gateways, ["Redis", usage(this.redis.program.child.pid)]]);
  }

  // The load generator's lines, each given to `onLine` as it comes; the last one is returned.
  async load(options, onLine = () => {}) {
    const ports = this.gateways.map(({ port }) => port).join(",");
    const program = startProgram(this.t, built("tests/bench/bench-load"), flags({ ports, ...options }));
    let told = 0;
    program.child.stdout.on("data", () => {
      const lines = program.stdout.split("\n");
      for (; told < lines.length - 1; told++) onLine(JSON.parse(lines[told]));
    });
    await program.exited;
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

  // Runs it for `seconds`. Every `partMs` the generator tells of what was until then: added to `parts`, and given to `onPart`,
  // with what the servers use. From the first part on that is also added to `samples`, every `sampleMs`.
  async run({ seconds, sampleMs, partMs, onPart = () => {}, ...options }) {
    const began = performance.now();
    const sample = () => ({ minutes: (performance.now() - began) / 60_000, ...this.usage() });
    this.samples = [];
    this.parts = [];
    const timer = setInterval(() => this.parts.length > 0 && this.samples.push(sample()), sampleMs);
    try {
      this.result = await this.load({ window: seconds * 1000, report: partMs, drain: PATIENCE_MS, ...options }, (part) => {
        if (part.clients) return; // the last line, of all
        this.parts.push({ ...part, held: sample() });
        onPart(this.parts.at(-1));
      });
    } finally {
      clearInterval(timer);
    }
  }

  // Resolves when no descriptor is left that was not there before, no ride, and nobody aboard. (Rides linger, and riders
  // whose clients dropped stay for the window.) `after` is what is used then.
  async becomesEmpty() {
    let left;
    await until(
      async () => {
        const rides = await Promise.all(this.gateways.map((gateway) => gauge(this.t, gateway, "ridecast_rides")));
        left = { rides, aboard: await this.redis.command("KEYS", "ridecast:*:users"), usage: this.usage() };
        const files = Object.keys(this.rest).filter((name) => left.usage[name].files > this.rest[name].files);
        return rides.every((count) => count === 0) && left.aboard.length === 0 && files.length === 0;
      },
      () => `waiting for the clients to be forgotten: ${JSON.stringify(left)}`,
      this.recoveryWindow + RIDES_LINGER_MS + PATIENCE_MS,
    );
    this.after = this.usage();
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
