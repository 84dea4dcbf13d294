// One run, for main.mjs: node run.mjs SEED SECONDS FILE [SETTINGS]. What went wrong is said in short on stdout and in
// full in FILE, and the last line is what happened, in JSON. Ends with 1 if something went wrong.

import { writeFileSync } from "node:fs";
import { scoped } from "../../lib/cleanup.mjs";
import { ChaosFailure, runChaos } from "./chaos.mjs";

const [seed, seconds, file, settings = "{}"] = process.argv.slice(2);

try {
  console.log(
    JSON.stringify(
      await scoped((t) => runChaos(t, { seed: Number(seed), seconds: Number(seconds), ...JSON.parse(settings) })),
    ),
  );
} catch (error) {
  const failed = error instanceof ChaosFailure;
  console.log(failed ? error.message : error);
  writeFileSync(file, failed ? error.everything : String(error.stack));
  const found = (error.violations ?? []).reduce((sum, { kind }) => ({ ...sum, [kind]: (sum[kind] ?? 0) + 1 }), {});
  console.log(JSON.stringify({ ...(error.summary ?? { seed: Number(seed), survived: {}, failing: [] }), found }));
  process.exitCode = 1;
}
