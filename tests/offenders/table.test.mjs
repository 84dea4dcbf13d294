// What a stranger can do to a gateway within its limits, one offence after the other, and what it does to 500 good
// clients: a row each of a table that is printed (`make test` shows it, from offenders.txt in the build's folder).
// Figures are printed, and nothing is asserted of times: the good ones lose nothing and stay, the offender is told why
// it is refused, memory and the log stay bounded, and Redis keeps nothing of it.

import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { BUILD } from "../lib/places.mjs";
import { isSanitized } from "../lib/sanitized.mjs";
import { measure } from "./measure.mjs";
import { NOTHING, OFFENCES } from "./offences.mjs";
import { inWords, tableOf } from "./table.mjs";
import { openWorld } from "./world.mjs";

const MIB = 2 ** 20;
const MEMORY = 128 * MIB; // resident at most
const LINES = 20;

test("what offences cost, and what they do to the good ones", { timeout: 590_000 }, async (t) => {
  const world = await openWorld(t);
  const rows = [];
  for (const [i, offence] of [NOTHING, ...OFFENCES].entries())
    await t.test(offence.name, async () => {
      const row = { name: offence.name, ...(await measure(world, `127.0.2.${i + 1}`, offence)) };
      rows.push(row);
      assert.deepEqual(row.faults, []);
      assert.ok(offence.writes || row.kept.length === 0, `left in Redis: ${row.kept}`);
      assert.ok(row.lines <= LINES, `${row.lines} lines of log`);
      assert.ok(isSanitized(world) || row.peak <= MEMORY, `${row.peak} bytes`);
      assert.match(inWords(row.told), offence.told);
    });
  const { words, deliveries, faults } = await world.good.leave();
  const table = tableOf(rows);
  for (const line of table) t.diagnostic(line);
  t.diagnostic(`the good ones: ${words} boardings and exits, ${deliveries} deliveries`);
  writeFileSync(path.join(BUILD, "offenders.txt"), `${table.join("\n")}\n`);
  assert.deepEqual(faults, []);
});
