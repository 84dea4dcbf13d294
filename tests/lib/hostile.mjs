// One row of what must not break a gateway: the attack, its answer, what the onlooker saw, memory before and after.

import assert from "node:assert/strict";
import { residentMiB } from "./onlooker.mjs";

const GROWTH_MIB = 64; // generous: sanitizers keep what was freed for a while
const P99_MS = 1000; // a gateway that is held up is far above; a busy machine is not

// `attack` answers what became of the offender, which must match `expected`.
export async function attacked(t, world, onlooker, [name, attack, expected]) {
  await t.test(name, async (row) => {
    await onlooker.forget();
    const before = await residentMiB(row, world.server);
    const answer = await attack(row, world);
    const p99 = await onlooker.p99();
    const after = await residentMiB(row, world.server);
    row.diagnostic(`${answer}; onlooker's p99 ${p99.toFixed(1)} ms; ${before.toFixed(1)} -> ${after.toFixed(1)} MiB`);
    assert.match(answer, expected);
    assert.ok(p99 < P99_MS, `p99 ${p99} ms`);
    assert.ok(after - before < GROWTH_MIB, `${after - before} MiB more`);
  });
}
