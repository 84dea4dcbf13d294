// How late this process is by its own doing: its loop turned no more, or it had no CPU. Whoever measures how long others
// take leaves that out.

import { percentile } from "./percentile.mjs";

const TICK_MS = 1;
const ALLOWED_MS = 1; // a timer's grain

export class Lateness {
  #sum = 0;
  #ticked = performance.now();
  #each = [];

  constructor() {
    setInterval(() => this.#tick(), TICK_MS).unref();
  }

  // In ms since the start, up to now: what lies between two calls is for the most part how much longer than others
  // took it has taken to notice.
  get sum() {
    return this.#sum + this.#late(performance.now());
  }

  forget() {
    this.#each = [];
  }

  // Of all ticks since forget().
  get p99() {
    return percentile(this.#each, 0.99) ?? 0;
  }

  #late(now) {
    return Math.max(0, now - this.#ticked - TICK_MS - ALLOWED_MS);
  }

  #tick() {
    const now = performance.now();
    const late = this.#late(now);
    this.#sum += late;
    this.#each.push(late);
    this.#ticked = now;
  }
}
