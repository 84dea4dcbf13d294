// make bench: installs the peers, runs the rows, writes docs/benchmark.md and docs/benchmark.svg.
//
//   node run.mjs [row…]     only these rows; the others are written as they were measured last
//   RUNS=3                  of each measurement

import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { ROWS } from "./rows.mjs";
import { writeReport } from "./report.mjs";
import { installPeers, SERVERS } from "./servers.mjs";
import { ROOT } from "../lib/places.mjs";

const only = process.argv.slice(2);
const unknown = only.find((name) => !ROWS.some((row) => row.name === name));
if (unknown) {
  console.error(`no row "${unknown}"; there are ${ROWS.map(({ name }) => name).join(", ")}`);
  process.exit(2);
}

const missing = installPeers();
const available = (server) => missing[SERVERS[server].peer] ?? null;
const kept = path.join(ROOT, "build/bench");
const file = ({ name }) => path.join(kept, `${name}.json`);
mkdirSync(kept, { recursive: true });

for (const row of ROWS.filter(({ name }) => only.length === 0 || only.includes(name))) {
  console.log(row.title);
  const result = await row.run(available);
  for (const { text, met } of result.findings) console.log(`  ${met ? "met" : "MISSED"}: ${text}`);
  writeFileSync(file(row), JSON.stringify(result));
}
const measured = ROWS.filter((row) => existsSync(file(row)));
writeReport(measured.map((row) => ({ row, result: JSON.parse(readFileSync(file(row), "utf8")) })));
