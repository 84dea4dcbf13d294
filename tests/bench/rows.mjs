// What is measured: each row runs its servers and returns
//   { columns, lines: [[…]…], findings: [{ text, met }…], chart: which column is drawn, if any is }
// `available(name)` says whether a server can be run; one that cannot is a line that says so.

import { execFileSync } from "node:child_process";
import path from "node:path";
import { built } from "../lib/places.mjs";
import { instructions, valgrindMissing } from "./instructions.mjs";
import { measure } from "./load.mjs";
import { LOAD_CORE, SERVER_CORE } from "./servers.mjs";

const number = (value, digits = 0) =>
  value === undefined ? "–" : value.toLocaleString("en-US", { maximumFractionDigits: digits, minimumFractionDigits: digits });
const faults = (r) => [r.lost, (r.faults ?? 0) + (r.faults === undefined ? r.repeated + r.disordered : 0)].map((n) => number(n));

// "wanted at least 30 times: 41.2 times"
const atLeast = (what, wanted, value, unit = "times") => ({
  text: `${what}: ${number(value, value < 100 ? 1 : 0)} ${unit}, wanted at least ${number(wanted)}`,
  met: value >= wanted,
});
const atMost = (what, wanted, value, unit = "times") => ({
  text: `${what}: ${number(value, 2)} ${unit}, wanted at most ${wanted}`,
  met: value <= wanted,
});

// One measurement per label, in order; a server that is missing is not run, one that fails says why.
async function each(cases, available, line) {
  const results = {};
  const lines = [];
  for (const { label, server, setting = {}, options, check } of cases) {
    const missing = available(server);
    const result = missing ? { error: `missing (${missing})` } : await measure(server, setting, options, check);
    results[label] = result;
    lines.push(result.error ? [label, result.error] : [label, ...line(result)]);
    console.log(`  ${lines.at(-1).join("  ")}`);
  }
  return { results, lines };
}

const good = (...results) => results.every((result) => result && !result.error);

// --- how much each server keeps up with ---

// They start near where each server ends, to be short; one that starts too high goes down first.
const RAMP = { mode: "ramp", clients: 1000, window: 1200, drain: 2000 };
const RAMP_COLUMNS = ["server", "events/s", "deliveries/s", "CPU ns per delivery", "generator busy", "p99 ms", "lost", "doubled or out of order"];
const rampLine = (r) => [
  number(r.eventsPerSecond),
  number(r.deliveriesPerSecond),
  number(r.cpuNsPerDelivery),
  `${number(r.loadCpuShare * 100)} %`,
  number(r.p99Ms, 1),
  ...faults(r),
];

async function limit(available) {
  const cases = [
    { label: "floor", server: "floor", options: { ...RAMP, rate: 8000 } },
    { label: "ridecast", server: "ridecast", options: { ...RAMP, rate: 6000 } },
    { label: "socketioxide", server: "socketioxide", options: { ...RAMP, rate: 400 } },
    { label: "ws", server: "ws", options: { ...RAMP, rate: 40 } },
    { label: "socket.io", server: "socket.io", options: { ...RAMP, rate: 50 } },
  ];
  const { results, lines } = await each(cases, available, rampLine);
  const per = (name) => results.ridecast.deliveriesPerSecond / results[name].deliveriesPerSecond;
  const findings = [];
  if (good(results.ridecast, results["socket.io"])) findings.push(atLeast("ridecast to socket.io", 30, per("socket.io")));
  if (good(results.ridecast, results.socketioxide)) findings.push(atLeast("ridecast to socketioxide", 10, per("socketioxide")));
  return { columns: RAMP_COLUMNS, lines, findings, chart: "deliveries/s" };
}

async function pair(available) {
  const two = { count: 2, redis: "one" };
  const cases = [
    { label: "ridecast", server: "ridecast", setting: two, options: { ...RAMP, rate: 4000 } },
    { label: "socketioxide", server: "socketioxide", setting: two, options: { ...RAMP, rate: 400 } },
    { label: "socket.io", server: "socket.io", setting: two, options: { ...RAMP, rate: 40 } },
  ];
  const { results, lines } = await each(cases, available, rampLine);
  const findings = [];
  if (good(results.ridecast)) findings.push(atLeast("ridecast", 1000, results.ridecast.eventsPerSecond, "events/s"));
  if (good(results.ridecast, results["socket.io"]))
    findings.push(
      atLeast("ridecast to socket.io", 20, results.ridecast.eventsPerSecond / results["socket.io"].eventsPerSecond),
    );
  return { columns: RAMP_COLUMNS, lines, findings, chart: "events/s" };
}

// --- the same load for all ---

const LOADS = [
  [1000, 50],
  [1000, 1000],
  [5000, 200],
];
const RATE_COLUMNS = ["", "deliveries/s", "CPU ns per delivery", "p50 ms", "p99 ms", "max ms", "lost", "doubled or out of order"];
const rateLine = (r) => [
  number(r.deliveriesPerSecond),
  number(r.cpuNsPerDelivery),
  number(r.p50Ms, 2),
  number(r.p99Ms, 2),
  number(r.maxMs, 1),
  ...faults(r),
];

async function cost(available) {
  const cases = LOADS.flatMap(([clients, rate]) =>
    ["floor", "ridecast"].map((server) => ({
      label: `${server}, ${number(clients)} × ${number(rate)}/s`,
      server,
      options: { clients, rate, window: 3000 },
    })),
  );
  const { results, lines } = await each(cases, available, rateLine);
  const findings = LOADS.flatMap(([clients, rate]) => {
    const load = `${number(clients)} × ${number(rate)}/s`;
    const [floor, ridecast] = [results[`floor, ${load}`], results[`ridecast, ${load}`]];
    if (!good(floor, ridecast)) return [];
    return [
      atMost(`CPU per delivery to the floor's, ${load}`, 1.25, ridecast.cpuNsPerDelivery / floor.cpuNsPerDelivery),
      atMost(`p99 to the floor's, ${load}`, 1.5, ridecast.p99Ms / floor.p99Ms),
    ];
  });
  return { columns: RATE_COLUMNS, lines, findings, chart: "CPU ns per delivery" };
}

async function growth(available) {
  const shapes = [
    ["1,000 clients × 100/s", { clients: 1000, rate: 100 }],
    ["clients × 2, events / 2", { clients: 2000, rate: 50 }],
    ["events × 2, clients / 2", { clients: 500, rate: 200 }],
    ["rides × 100, of 10 clients each", { clients: 1000, rides: 100, publishers: 1, rate: 10000 }],
  ];
  const cases = shapes.map(([label, options]) => ({ label, server: "ridecast", options: { ...options, window: 3000 } }));
  const { results, lines } = await each(cases, available, rateLine);
  const [first, ...others] = shapes.map(([label]) => label);
  const findings = others
    .filter((label) => good(results[first], results[label]))
    .map((label) =>
      atMost(`CPU per delivery, ${label}`, 1.15, results[label].cpuNsPerDelivery / results[first].cpuNsPerDelivery),
    );
  return { columns: RATE_COLUMNS, lines, findings, chart: "CPU ns per delivery" };
}

async function redis(available) {
  const cases = [50, 1000].flatMap((rate) => {
    const options = { clients: 1000, rate, window: 3000 };
    const at = `1,000 × ${number(rate)}/s`;
    return [
      { label: `memory, ${at}`, server: "ridecast", options },
      { label: `Redis, ${at}`, server: "ridecast", setting: { redis: "one" }, options },
      { label: `Redis, its CPU included, ${at}`, server: "ridecast", setting: { redis: "one", measured: "both" }, options },
    ];
  });
  const { results, lines } = await each(cases, available, rateLine);
  return { columns: RATE_COLUMNS, lines, findings: [], chart: "CPU ns per delivery" };
}

// The warm-up fills the kernel's buffers of those who do not read: only then are they stalled. It also takes them past
// the smaller of the two ceilings, where they are cut off.
async function stalled(available) {
  const options = { clients: 1000, rate: 500, window: 6000, warmup: 9000, "warmup-rate": 3000 };
  const cases = [
    { label: "alone", stalled: 0, backlog: 1 << 20 },
    { label: "beside 1,000 stalled readers, who have been cut off: --backlog-bytes 1048576", stalled: 1000, backlog: 1 << 20 },
    { label: "beside 1,000 stalled readers, who are waited for: --backlog-bytes 67108864", stalled: 1000, backlog: 64 << 20 },
  ].map(({ label, stalled, backlog }) => ({
    label,
    server: "ridecast",
    setting: { options: ["--backlog-bytes", String(backlog)] },
    options: { ...options, stalled },
  }));
  const line = (r) => [...rateLine(r), number(r.residentPeakBytes / 1e6, 1)];
  const { results, lines } = await each(cases, available, line);
  const [alone, ...beside] = cases.map(({ label }) => label);
  const findings = beside
    .filter((label) => good(results[alone], results[label]))
    .map((label) => atMost(`live p99 ${label}, to that without them`, 1.2, results[label].p99Ms / results[alone].p99Ms));
  return { columns: [...RATE_COLUMNS, "peak resident MB"], lines, findings };
}

// --- the way in ---

// Every ride's offset in Redis counts its transitions: none may be missing that was acknowledged.
export async function inRedis({ redis }, { acked }) {
  const script = "local n = 0 for _, key in ipairs(redis.call('KEYS', 'ridecast:*:meta')) do n = n + redis.call('HGET', key, 'offset') end return n";
  const recorded = await Promise.all(redis.nodes.map((node) => node.command("EVAL", script, "0")));
  return { missing: Math.max(0, acked - recorded.reduce((sum, n) => sum + n, 0)) };
}

// Once with everything the servers do on one core, once with Redis beside the load generator. `wanted`: transitions a
// second, at each depth.
const PLACES = [
  { place: "Redis on the gateway's core", redisCore: SERVER_CORE, wanted: [25000, 45000] },
  { place: "Redis on the generator's core", redisCore: LOAD_CORE, wanted: [undefined, 70000] },
];
const DEPTHS = [
  { depth: 1, flight: "one in flight" },
  { depth: 8, flight: "8 in flight" },
];
const TRANSITIONS = { mode: "transitions", window: 3000 };

async function transitions(available) {
  // On one ride each transition is told to a thousand, which is what that costs.
  const shapes = [
    { shape: "a ride each", options: { clients: 1001, rides: 1000, publishers: 1 }, judged: true },
    { shape: "one ride", options: { clients: 1001, rides: 1, publishers: 1000 }, judged: false },
  ];
  const cases = shapes.flatMap(({ shape, options, judged }) =>
    PLACES.flatMap(({ place, redisCore, wanted }) =>
      DEPTHS.map(({ depth, flight }, i) => ({
        label: `${shape}, ${flight}, ${place}`,
        wanted: judged ? wanted[i] : undefined,
        server: "ridecast",
        setting: { redis: "one", redisCore },
        options: { ...TRANSITIONS, ...options, depth },
        check: inRedis,
      })),
    ),
  );
  const line = (r) => [
    number(r.transitionsPerSecond),
    number(r.cpuNsPerTransition),
    number(r.p99Ms, 1),
    number(r.lost + r.refused),
    number(r.missing),
  ];
  const { results, lines } = await each(cases, available, line);
  const findings = cases
    .filter(({ label, wanted }) => wanted && good(results[label]))
    .map(({ label, wanted }) => atLeast(label, wanted, results[label].transitionsPerSecond, "transitions a second"));
  const columns = ["", "transitions/s", "gateway CPU ns each", "p99 ms", "lost or refused", "acknowledged but not in Redis"];
  return { columns, lines, findings, chart: "transitions/s" };
}

// The servers share one core, so that more of them do not make it faster: what is compared is what they cost.
async function shards(available) {
  const stores = [
    { store: "one server", redis: "one" },
    { store: "three primaries", redis: "cluster" },
  ];
  const cases = DEPTHS.flatMap(({ depth, flight }) =>
    stores.map(({ store, redis }) => ({
      label: `${store}, ${flight}`,
      server: "ridecast",
      setting: { redis, redisCore: LOAD_CORE },
      options: { ...TRANSITIONS, clients: 901, rides: 300, publishers: 3, depth },
      check: inRedis,
    })),
  );
  const line = (r) => [
    number(r.transitionsPerSecond),
    number(r.redisCpuNsPerTransition),
    number(r.cpuNsPerTransition),
    number(r.p99Ms, 1),
    number(r.lost + r.refused),
    number(r.missing),
  ];
  const { results, lines } = await each(cases, available, line);
  const findings = DEPTHS.flatMap(({ flight }) => {
    const [one, three] = stores.map(({ store }) => results[`${store}, ${flight}`]);
    if (!good(one, three)) return [];
    const ratio = three.redisCpuNsPerTransition / one.redisCpuNsPerTransition;
    return [atMost(`Redis' CPU per transition, three primaries to one server, ${flight}`, 1.15, ratio)];
  });
  const columns = ["", "transitions/s", "Redis CPU ns each", "gateway CPU ns each", "p99 ms", "lost or refused", "acknowledged but not in Redis"];
  return { columns, lines, findings, chart: "Redis CPU ns each" };
}

// Every ride has clients at every gateway, and all are aboard. At rest there is one event a second on all rides together.
async function gateways(available) {
  const small = { what: "400 rides of 8", rides: 400 };
  const large = { what: "32 rides of 100", rides: 32 };
  const shapes = [
    { ...small, at: "at rest", rate: 1, counts: [1, 2, 4, 8] },
    { ...small, at: "500 events/s", rate: 500, counts: [1, 2, 4, 8] },
    { ...large, at: "at rest", rate: 1, counts: [1, 8] },
  ];
  const cases = shapes.flatMap(({ what, rides, at, rate, counts }) =>
    counts.map((count) => ({
      label: `${what}, ${at}, ${count} gateway${count > 1 ? "s" : ""}`,
      server: "ridecast",
      setting: { count, redis: "one", measured: "Redis" },
      options: { clients: 3200, rides, publishers: Math.floor(3200 / rides), rate, window: 10000, warmup: 4000, "warmup-rate": 1000 },
    })),
  );
  const line = (r) => [`${number(r.cpuShare * 100, 2)} %`, number(r.deliveriesPerSecond), ...faults(r)];
  const { lines } = await each(cases, available, line);
  const columns = ["", "Redis' CPU of a core", "deliveries/s", "lost", "doubled or out of order"];
  return { columns, lines, findings: [] };
}

// With BEFORE=a build of another commit, that one, too.
async function instructed() {
  const builds = [{ label: "now", program: built("tests/cluster/chaos/gateway-skips-audit") }];
  if (process.env.BEFORE) {
    const commit = execFileSync("git", ["-C", process.env.BEFORE, "rev-parse", "--short", "HEAD"], { encoding: "utf8" });
    builds.unshift({ label: commit.trim(), program: path.join(process.env.BEFORE, "gateway/ridecast-gateway") });
  }
  const lines = [];
  const missing = valgrindMissing();
  for (const { place, rides } of [{ place: "each on a ride of its own", rides: 60 }, { place: "all on one ride", rides: 1 }])
    for (const { label, program } of builds) {
      const counted = missing ? null : await instructions(program, rides);
      lines.push([`${place}, ${label}`, counted ? number(counted.redis) : missing, number(counted?.gateway)]);
      console.log(`  ${lines.at(-1).join("  ")}`);
    }
  return { columns: ["60 riders, a boarding of each in flight", "Redis", "gateway"], lines, findings: [] };
}

async function connections(available) {
  const cases = ["ridecast", "socketioxide", "socket.io"].map((server) => ({
    label: server,
    server,
    options: { mode: "connect", clients: 10000, timeout: 60000 },
  }));
  const line = (r) => [
    number(r.connectionsPerSecond),
    number(r.cpuNsPerConnection / 1000),
    number(r.bytesPerConnection / 1024, 2),
    number(r.closed),
  ];
  const { results, lines } = await each(cases, available, line);
  const findings = [];
  if (good(results.ridecast)) findings.push(atMost("an idle connection", 6, results.ridecast.bytesPerConnection / 1024, "KB"));
  if (good(results.ridecast, results["socket.io"]))
    findings.push(
      atLeast("connecting, to socket.io", 5, results.ridecast.connectionsPerSecond / results["socket.io"].connectionsPerSecond),
    );
  const columns = ["server", "connections/s", "CPU µs each", "resident KB each", "closed"];
  return { columns, lines, findings, chart: "resident KB each" };
}

export const ROWS = [
  { name: "limit", title: "1,000 clients, events rising until the server no longer keeps up", run: limit },
  { name: "cost", title: "What a delivery costs, against the floor", run: cost },
  { name: "pair", title: "Two processes and Redis, all on one core, 1,000 clients", run: pair },
  { name: "transitions", title: "Transitions accepted, acknowledged and in Redis: 1,000 publishers, 1 observer", run: transitions },
  { name: "shards", title: "One Redis, and a cluster's three primaries: 900 publishers on 300 rides, 1 observer", run: shards },
  { name: "instructions", title: "Instructions that a boarding takes of Redis and of the gateway, by callgrind", run: instructed },
  { name: "connections", title: "10,000 clients that connect and stay idle", run: connections },
  { name: "stalled", title: "Stalled readers beside 1,000 live ones at 500 events/s", run: stalled },
  { name: "growth", title: "Cost of growth at 100,000 deliveries/s", run: growth },
  { name: "redis", title: "What Redis costs one gateway", run: redis },
  { name: "gateways", title: "What rides and gateways cost Redis: 3,200 riders aboard", run: gateways },
];
