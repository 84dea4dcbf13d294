// Many connections, held: Redis, three gateways and nginx as processes, and the benchmark's load generator with all its
// clients connected through nginx while events flow. Prints what every process holds and uses.
//
//   make hold                           18,000 clients on 180 rides, 200 events a second, for five minutes
//   make hold CLIENTS=2000 HOLD=20

import { readFileSync } from "node:fs";
import { scoped } from "../lib/cleanup.mjs";
import { startCluster } from "../lib/cluster.mjs";
import { Nginx, UNLIMITED } from "../lib/nginx.mjs";
import { built } from "../lib/places.mjs";
import { Program } from "../lib/process.mjs";
import { children, mb, usage } from "../lib/usage.mjs";

const CLIENTS = Number(process.env.CLIENTS ?? 18_000);
const SECONDS = Number(process.env.SECONDS ?? 300);
const RATE = Number(process.env.RATE ?? 200);
const RIDES = Math.max(1, Math.round(CLIENTS / 100));
const LOAD = built("tests/bench/bench-load");

const socketMemory = () => {
  const [, pages] = readFileSync("/proc/net/sockstat", "utf8").match(/^TCP: .*mem (\d+)$/m);
  return Number(pages) * 4096;
};

await scoped(async (t) => {
  const { redis, gateways } = await startCluster(t, {
    size: 3,
    trustedProxy: "127.0.0.0/8",
    maxConnections: Math.ceil(CLIENTS / 2) + 1000,
    maxConnectionsPerAddress: 0, // all come from this machine
    handshakesPerAddress: 0,
    ridesPerAddress: 0,
    transitionsPerSecond: 0,
    eventsPerSecond: 0,
    newRidesPerSecond: 0,
  });
  const nginx = await Nginx.start(t, gateways, { edit: UNLIMITED });
  const processes = {
    ...Object.fromEntries(gateways.map(({ program }, i) => [`gateway ${i + 1}`, program.child.pid])),
    ...Object.fromEntries(children(nginx.program.child.pid).map((pid, i) => [`nginx worker ${i + 1}`, pid])),
    Redis: redis.program.child.pid,
  };
  const idle = Object.fromEntries(Object.entries(processes).map(([name, pid]) => [name, usage(pid)]));

  const options = { ports: nginx.port, clients: CLIENTS, rides: RIDES, publishers: 1, rate: RATE, burst: 128 };
  const times = { window: SECONDS * 1000, warmup: 5000, timeout: 120_000 };
  const flags = Object.entries({ ...options, ...times }).flatMap(([name, value]) => [`--${name}`, String(value)]);
  const load = new Program(LOAD, flags);
  const began = Date.now();
  let halfway;
  const timer = setTimeout(
    () => {
      halfway = { at: Date.now(), sockets: socketMemory() };
      for (const [name, pid] of Object.entries(processes)) halfway[name] = usage(pid);
    },
    (SECONDS / 2 + 10) * 1000,
  );
  await load.exited;
  clearTimeout(timer);
  const seconds = (Date.now() - began) / 1000;
  if (!load.stdout.startsWith("{")) throw new Error(`the load generator failed\n${load.stderr}`);
  const result = JSON.parse(load.stdout);

  console.log(`${CLIENTS} clients on ${RIDES} rides through nginx, ${RATE} events a second for ${SECONDS} s`);
  console.log(
    `${Math.round(result.deliveriesPerSecond)} deliveries a second, p50 ${result.p50Ms} ms, p99 ${result.p99Ms} ms, ` +
      `lost ${result.lost}, doubled ${result.repeated}, out of order ${result.disordered}, closed ${result.closed}`,
  );
  console.log("process           resident at rest   resident   CPU of a core   open files");
  for (const [name, pid] of Object.entries(processes)) {
    const end = usage(pid);
    const cells = [
      name.padEnd(16),
      mb(idle[name].resident).padStart(18),
      mb(halfway[name].resident).padStart(11),
      `${((100 * (end.cpu - idle[name].cpu)) / seconds).toFixed(1)} %`.padStart(16),
      String(halfway[name].files).padStart(13),
    ];
    console.log(cells.join(""));
  }
  console.log(`the kernel's TCP buffers: ${mb(halfway.sockets)}`);
  if (result.lost + result.repeated + result.disordered + result.closed > 0) process.exitCode = 1;
});
