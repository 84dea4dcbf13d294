// All offences at once, for a short while: nobody good is lost, and everything is given back. (make offenders: for
// longer.)

import assert from "node:assert/strict";
import { test } from "node:test";
import { inWords } from "./table.mjs";
import { mb } from "../lib/usage.mjs";
import { together } from "./together.mjs";

test("twenty addresses do all of it at once, and nobody else notices", { timeout: 590_000 }, async (t) => {
  const { calmP99, told, before, peak, after, good } = await together(t, {
    seconds: 20,
    partMs: 5000,
    onPart: ({ p99, resident, files }) =>
      t.diagnostic(`the good ones' p99 ${p99.toFixed(1)} ms; ${mb(resident)}, ${files} files`),
  });
  for (const [name, words] of told) t.diagnostic(`${name}: ${inWords(words)}`);
  t.diagnostic(
    `undisturbed ${calmP99.toFixed(1)} ms; memory ${[before.resident, peak, after.resident].map(mb).join(", ")}`,
  );
  t.diagnostic(`the good ones: ${good.words} boardings and exits, ${good.deliveries} deliveries`);
  assert.deepEqual(good.faults, []);
});
