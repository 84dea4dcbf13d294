// A minute of chaos. (notices.test.mjs: it would notice a gateway that is wrong.)
//
// CHAOS_SEED repeats the plan of an earlier run (the order of faults and of people's choices; not their exact timing).

import assert from "node:assert/strict";
import { test } from "node:test";
import { runChaos } from "./chaos.mjs";

const seed = Number(process.env.CHAOS_SEED ?? Date.now() % 1_000_000_000);

test(`a minute of chaos, seed ${seed}`, async (t) => {
  // On a busy machine a minute is not enough for all of them.
  const enough = (summary) => ["acknowledged", "recovered", "stillAboard", "putOff"].every((name) => summary[name] > 0);
  const summary = await runChaos(t, { seed, seconds: 60, enough });
  t.diagnostic(JSON.stringify(summary));
  // Else the run has shown nothing.
  assert.ok(summary.acknowledged > 0 && Object.keys(summary.survived).length > 0, JSON.stringify(summary));
  assert.ok(summary.recovered > 0, "no client was ever recovered");
  assert.ok(summary.stillAboard > 0, "no rider ever came back to find itself aboard");
  assert.ok(summary.putOff > 0, "nobody ever exited by one of several phones");
});
