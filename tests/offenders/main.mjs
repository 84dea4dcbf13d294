// make offenders: all offences at once, for MINUTES=5 (together.mjs). Every half minute it prints what becomes of the
// good ones and of the gateway's memory, at the end whether anybody was lost.

import { scoped } from "../lib/cleanup.mjs";
import { mb } from "../lib/usage.mjs";
import { inWords } from "./table.mjs";
import { together } from "./together.mjs";

const MINUTES = Number(process.env.MINUTES ?? 5);
const PART_MS = Math.min(30_000, MINUTES * 15_000);

const ms = (value) => `${value.toFixed(1)} ms`;
const row = (...cells) => console.log(cells.map((cell) => String(cell).padStart(16)).join(""));

await scoped(async (t) => {
  row("minute", "good ones' p99", "memory", "open files");
  let parts = 0;
  const { calmP99, told, before, peak, after, good } = await together(t, {
    seconds: MINUTES * 60,
    partMs: PART_MS,
    onPart: ({ p99, resident, files }) => row(((++parts * PART_MS) / 60_000).toFixed(1), ms(p99), mb(resident), files),
  });
  for (const [name, words] of told) console.log(`${name}: ${inWords(words)}`);
  console.log(`the good ones' p99 undisturbed: ${ms(calmP99)}`);
  console.log(`memory before ${mb(before.resident)}, at most ${mb(peak)}, after ${mb(after.resident)}`);
  console.log(`the good ones: ${good.words} boardings and exits, ${good.deliveries} deliveries`);
  console.log(
    good.faults.length > 0 ? `FAILED: ${good.faults.join("; ")}` : "nobody good was lost, everything was given back",
  );
  if (good.faults.length > 0) process.exitCode = 1;
});
