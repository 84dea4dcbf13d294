// The chaos notices a gateway that is wrong: else its silence would show nothing. CHAOS_SEED repeats a plan, as in
// chaos.test.mjs.

import assert from "node:assert/strict";
import { test } from "node:test";
import { ChaosFailure, runChaos } from "./chaos.mjs";
import { brokenGateway } from "./cluster.mjs";

const seed = Number(process.env.CHAOS_SEED ?? Date.now() % 1_000_000_000);

// They end as soon as the checker finds something, and what does not heal is not waited for that long. What a fault
// must be noticed by is one of the kinds.
const SMALL = { seconds: 60, clients: 40, gateways: 2, wipingRounds: 1, quietMs: 12_000 };
const OLDER = ["an older copy of Redis, met first by a gateway that knows nothing"];
const SPOILED = ["keys deleted", "older keys", "keys of another type"];

for (const [what, name, faults, kinds] of [
  ["drops an event", "gateway-drops-event", [], ["lost", "view"]],
  ["doubles an event", "gateway-doubles-event", [], ["doubled"]],
  ["does not reap", "gateway-skips-reap", ["kill a gateway"], ["set"]],
  ["does not audit", "gateway-skips-audit", SPOILED, ["set", "quiet"]],
  ["does not compare fingerprints", "gateway-believes-position", OLDER, ["past"]],
  ["counts one phone of a person", "gateway-counts-one-phone", [], ["gone", "set"]],
  [
    "says once what becomes of a client",
    "gateway-tries-once",
    ["a gateway is answered with an unknown error"],
    ["refused"],
  ],
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
