// make offenders: each offence by itself with the default limits, with tokens and without; then all at once, for
// MINUTES=5 (together.mjs), with the limits of world.mjs. Of that it prints every half minute what becomes of the good
// ones and of the gateway's memory, at the end whether anybody was lost.

import { scoped } from "../lib/cleanup.mjs";
import { mb } from "../lib/usage.mjs";
import { measure } from "./measure.mjs";
import { NOTHING, OFFENCES } from "./offences.mjs";
import { inWords, tableOf } from "./table.mjs";
import { together } from "./together.mjs";
import { openWorld } from "./world.mjs";

const MINUTES = Number(process.env.MINUTES ?? 5);
const PART_MS = Math.min(30_000, MINUTES * 15_000);

const ms = (value) => `${value.toFixed(1)} ms`;
const row = (...cells) => console.log(cells.map((cell) => String(cell).padStart(16)).join(""));

const judge = (faults, otherwise) => {
  console.log(faults.length > 0 ? `FAILED: ${faults.join("; ")}` : otherwise);
  if (faults.length > 0) process.exitCode = 1;
};

for (const tokens of [true, false])
  await scoped(async (t) => {
    const world = await openWorld(t, { limits: {}, tokens });
    const rows = [];
    for (const [i, offence] of [NOTHING, ...OFFENCES].entries())
      rows.push({ name: offence.name, ...(await measure(world, `127.0.2.${i + 1}`, offence)) });
    console.log(`default limits, ${tokens ? "with tokens" : "--auth none"}`);
    for (const line of tableOf(rows)) console.log(line);
    judge((await world.good.leave()).faults, "nobody good was lost");
  });

await scoped(async (t) => {
  row("minute", "good ones' p99", "as they see it", "they are late", "memory", "open files");
  let parts = 0;
  const { calmP99, told, before, peak, after, good } = await together(t, {
    seconds: MINUTES * 60,
    partMs: PART_MS,
    alone: true,
    onPart({ p99, asSeen, resident, files }) {
      const minute = ((++parts * PART_MS) / 60_000).toFixed(1);
      row(minute, ms(p99), ms(asSeen.p99), ms(asSeen.late), mb(resident), files);
    },
  });
  for (const [name, words] of told) console.log(`${name}: ${inWords(words)}`);
  console.log(`the good ones' p99 undisturbed: ${ms(calmP99)}`);
  console.log(`memory before ${mb(before.resident)}, at most ${mb(peak)}, after ${mb(after.resident)}`);
  console.log(`the good ones: ${good.words} boardings and exits, ${good.deliveries} deliveries`);
  judge(good.faults, "nobody good was lost, everything was given back");
});
