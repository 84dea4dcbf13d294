// One row of what must not break a gateway. It is printed with the offender's answer, the onlooker's 99th percentile (it
// has heard every event, in order), and memory before and after.

import assert from "node:assert/strict";
import { residentMiB } from "./metrics.mjs";

const GROWTH_MIB = 64; // generous: sanitizers keep what was freed for a while

// `attack` answers what became of the offender, which must match `expected`.
export async function attacked(t, server, onlooker, [name, attack, expected]) {
  await t.test(name, async (row) => {
    await onlooker.forget();
    const before = await residentMiB(row, server);
    const answer = await attack(row, server);
    const p99 = await onlooker.p99();
    const after = await residentMiB(row, server);
    row.diagnostic(`${answer}; onlooker's p99 ${p99.toFixed(1)} ms; ${before.toFixed(1)} -> ${after.toFixed(1)} MiB`);
    assert.match(answer, expected);
    assert.ok(after - before < GROWTH_MIB, `${after - before} MiB more`);
  });
}
