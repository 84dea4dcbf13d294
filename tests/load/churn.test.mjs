// The soak, for a few seconds: clients come and go, and nothing is lost, doubled or left behind. Memory takes longer.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Soak, faults } from "../lib/soak.mjs";

const CHURN = 10;
const SWARM = { clients: 80, guests: 40, churn: CHURN, rides: 4, publishers: 2, rate: 200 };

test("while clients come and go by a close, an exit or a reset nothing is lost, and nothing of them is left", async (t) => {
  const soak = await Soak.start(t, { size: 2, recoveryWindow: 2000 });
  await soak.run({ ...SWARM, seconds: 20, partMs: 5000, sampleMs: 1000 });
  assert.deepEqual(faults(soak.result), []);
  assert.ok(soak.result.left > SWARM.guests, `${soak.result.left} visits ended`);
  assert.ok(soak.result.ofGuests > 0 && soak.result.deliveries > 0);
  const [first, last] = [soak.parts[0].held, soak.parts.at(-1).held];
  for (const name of ["gateway 1", "gateway 2"])
    assert.ok(last[name].files < first[name].files + CHURN, `${name}: ${first[name].files}, then ${last[name].files} files`);
  await soak.becomesEmpty();
});

for (const [broken, wanted] of [
  ["gateway-drops-event", ["lost", "gaps"]],
  ["gateway-doubles-event", ["repeated", "back"]],
])
  test(`${broken} is noticed`, async (t) => {
    const soak = await Soak.start(t, { size: 2, binary: `tests/cluster/chaos/${broken}` });
    await soak.run({ ...SWARM, seconds: 2, partMs: 1000, sampleMs: 500, drain: 5000 });
    const noticed = faults(soak.result).map((fault) => fault.split(":")[0]);
    // A dropped event may be one that its own sender waits for: then that is noticed as well.
    assert.deepEqual(noticed.filter((fault) => fault !== "unheard"), wanted);
  });
