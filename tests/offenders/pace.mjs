// Doing something again and again for a while.

import { sleep } from "../lib/wait.mjs";

export const OFFENCE_MS = 3000;

// `act` at most every `everyMs`, one after the other, until `ms` have passed or it answers false.
export async function paced(everyMs, act, ms = OFFENCE_MS) {
  const end = performance.now() + ms;
  for (let next = performance.now(); performance.now() < end; next += everyMs) {
    await sleep(Math.max(0, next - performance.now()));
    if ((await act()) === false) return;
  }
}
