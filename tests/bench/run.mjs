// make bench: runs the rows, keeps their results in docs/benchmark.json, and writes docs/benchmark.md
// and docs/benchmark.svg from them.
//
//   node run.mjs [row,row…]   only these rows; the others stay as they were measured last, wherever that was
//   RUNS=3                    of each measurement

import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { ROWS } from "./rows.mjs";
import { report, setting } from "./report.mjs";
import { available } from "./servers.mjs";
import { ROOT } from "../lib/places.mjs";

const only = process.argv.slice(2).flatMap((rows) => rows.split(","));
const unknown = only.find((name) => !ROWS.some((row) => row.name === name));
if (unknown) {
  console.error(`no row "${unknown}"; there are ${ROWS.map(({ name }) => name).join(", ")}`);
  process.exit(2);
}

const docs = (name) => path.join(ROOT, "docs", name);
const kept = JSON.parse(readFileSync(docs("benchmark.json"), "utf8"));

for (const row of ROWS.filter(({ name }) => only.length === 0 || only.includes(name))) {
  console.log(row.title);
  kept[row.name] = { setting: setting(), ...(await row.run(available)) };
  for (const { text, met } of kept[row.name].findings) console.log(`  ${met ? "met" : "MISSED"}: ${text}`);
  const { text, svg } = report(kept);
  writeFileSync(docs("benchmark.json"), JSON.stringify(kept, null, 1) + "\n");
  writeFileSync(docs("benchmark.md"), text);
  writeFileSync(docs("benchmark.svg"), svg);
}
