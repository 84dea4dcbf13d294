// Waiting with a deadline: generous, since sanitizer builds on a busy machine are slow. A test that passes never
// waits it out.

export const DEADLINE_MS = 60_000;

export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

export async function within(promise, what, ms = DEADLINE_MS) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`gave up after ${ms} ms: ${what()}`)), ms);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

// Calls `condition` until it gives something true, which is returned.
export async function until(condition, what, ms = DEADLINE_MS) {
  const deadline = performance.now() + ms;
  for (;;) {
    const outcome = await condition();
    if (outcome) return outcome;
    if (performance.now() > deadline) throw new Error(`gave up after ${ms} ms: ${what()}`);
    await sleep(5);
  }
}
