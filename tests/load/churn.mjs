// The soak (make soak): Redis and three gateways as processes, half of the load that they and the load generator can
// sustain on this machine, and ten clients a second that leave and ten that come. Prints every minute what was delivered
// and what the processes hold, and at the end whether anything was lost or has grown.
//
//   make soak                           30 minutes of it
//   make soak MINUTES=8 RATE=500        the load is given instead of measured first

import { scoped } from "../lib/cleanup.mjs";
import { Soak, faults } from "../lib/soak.mjs";
import { growth } from "../lib/trend.mjs";
import { mb } from "../lib/usage.mjs";

const setting = (name, value) => Number(process.env[name] || value);
const MINUTES = setting("MINUTES", 30);
const CLIENTS = setting("CLIENTS", 1000);
const GUESTS = setting("GUESTS", 300); // of them, those that come and go: each stays GUESTS / CHURN seconds
const CHURN = setting("CHURN", 10);
const RIDES = setting("RIDES", 20);
const SETTLE = Math.min(5, MINUTES / 2); // minutes that are not judged: caches and histories fill
const SAMPLE_MS = 5000;

const kb = (bytes) => (bytes / 1e3).toFixed(2);
const row = (...cells) => console.log(cells.map((cell, i) => String(cell).padStart(i === 0 ? 6 : 12)).join(""));

function printPart({ offered, deliveries, lost, repeated, back, disordered, gaps, left, p50Ms, p99Ms, held }) {
  const { minutes, ...processes } = held;
  row(
    minutes.toFixed(1),
    offered,
    deliveries,
    lost + gaps,
    repeated + back,
    disordered,
    left,
    p50Ms.toFixed(1),
    p99Ms.toFixed(1),
    ...Object.values(processes).map(({ resident, files }) => `${(resident / 1e6).toFixed(2)} ${files}`),
  );
}

function printUse(soak) {
  const { minutes: began, ...first } = soak.samples[0];
  const { minutes: ended, ...last } = soak.samples.at(-1);
  const cell = ({ resident, files }) => `${mb(resident)}, ${files}`.padStart(17);
  const share = (seconds) => `${((100 * seconds) / (60 * (ended - began))).toFixed(1)} %`.padStart(17);
  console.log("resident, open         at rest     first minute      last minute       all gone    CPU of a core");
  for (const name of Object.keys(last)) {
    const uses = [soak.rest, soak.parts[0].held, soak.parts.at(-1).held, soak.after].map((all) => cell(all[name]));
    console.log(`${name.padEnd(13)}${uses.join("")}${share(last[name].cpu - first[name].cpu)}`);
  }
  console.log(`${"generator".padEnd(13)}${`${(100 * soak.result.loadCpuShare).toFixed(1)} %`.padStart(85)}`);
}

await scoped(async (t) => {
  const soak = await Soak.start(t, { size: 3 });
  const swarm = { clients: CLIENTS, rides: RIDES, publishers: 2 };
  const limit = process.env.RATE ? undefined : await soak.limit(swarm);
  const rate = limit === undefined ? Number(process.env.RATE) : Math.round(limit / 2);
  console.log(
    `${CLIENTS} clients on ${RIDES} rides of three gateways; ${CHURN} leave and ${CHURN} come each second; ` +
      `${rate} events a second${limit === undefined ? "" : `, half of the ${limit} kept up with`}, for ${MINUTES} minutes`,
  );
  row("minute", "events", "deliveries", "under way", "doubled", "disordered", "left", "p50 ms", "p99 ms", "1: MB, open", "2", "3", "Redis");
  await soak.run({
    ...swarm,
    guests: GUESTS,
    churn: CHURN,
    rate,
    seconds: MINUTES * 60,
    partMs: 60_000,
    sampleMs: SAMPLE_MS,
    onPart: printPart,
  });
  await soak.becomesEmpty();

  const { result } = soak;
  const trends = soak.trends(SETTLE);
  console.log(JSON.stringify(result));
  printUse(soak);
  for (const [name, { memory, files }] of Object.entries(trends))
    console.log(
      `${name}: ${kb(memory.slope)} KB a minute (mean ${mb(memory.mean)}, rises by ${(100 * memory.rise).toFixed(2)} %), ` +
        `${files.slope.toFixed(3)} open files a minute`,
    );
  const wrong = [...faults(result), ...growth(trends, CHURN)];
  console.log(wrong.length > 0 ? `FAILED: ${wrong.join("; ")}` : "nothing was lost, nothing has grown");
  if (wrong.length > 0) process.exitCode = 1;
});
