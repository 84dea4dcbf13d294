// A minute of chaos, and proof that it would notice a gateway that is wrong.
//
// CHAOS_SEED repeats the plan of an earlier run (the order of faults and of people's choices; not their exact timing).

import assert from "node:assert/strict";
import { test } from "node:test";
import { ChaosFailure, runChaos } from "./chaos.mjs";
import { brokenGateway } from "./cluster.mjs";

const seed = Number(process.env.CHAOS_SEED ?? Date.now() % 1_000_000_000);

test(`a minute of chaos, seed ${seed}`, async (t) => {
  const summary = await runChaos(t, { seed, seconds: 60 });
  t.diagnostic(JSON.stringify(summary));
  // Else the run has shown nothing.
  assert.ok(summary.acknowledged > 0 && summary.faults > 0, JSON.stringify(summary));
  assert.ok(summary.recovered > 0, "no client was ever recovered");
  assert.ok(summary.stillAboard > 0, "no rider ever came back to find itself aboard");
});

// They end as soon as the checker finds something.
const SMALL = { seconds: 60, clients: 40, gateways: 2 };

for (const [what, name, faults, kinds] of [
  ["drops an event", "gateway-drops-event", [], ["lost", "view"]],
  ["doubles an event", "gateway-doubles-event", [], ["doubled"]],
  ["does not reap", "gateway-skips-reap", ["kill a gateway"], ["set"]],
]) {
  test(`a gateway that ${what} is noticed`, async (t) => {
    await assert.rejects(runChaos(t, { seed, ...SMALL, faults, binary: brokenGateway(name) }), (error) => {
      assert.ok(error instanceof ChaosFailure, String(error.stack));
      assert.ok(
        error.violations.some(({ kind }) => kinds.includes(kind)),
        error.message,
      );
      return true;
    });
  });
}
