// A client on a ride of its own that boards again and again and measures how long it takes to hear of it.

import assert from "node:assert/strict";
import { request } from "./http.mjs";
import { Rider, user } from "./rider.mjs";
import { sleep } from "./wait.mjs";

export class Onlooker {
  static async start(t, server) {
    const onlooker = new Onlooker(await Rider.join(t, server, "/onlooker"));
    await onlooker.#once();
    onlooker.done = onlooker.#run();
    return onlooker;
  }

  constructor(rider) {
    this.rider = rider;
    this.latencies = [];
    this.turns = 0;
  }

  async #once() {
    const record = user("onlooker", "boarding", { turn: this.turns++ });
    const begun = performance.now();
    this.rider.say(record);
    await this.rider.hears("userBoarded", record); // so none is lost, repeated or out of order
    this.latencies.push(performance.now() - begun);
  }

  async #run() {
    while (!this.stopped) {
      await this.#once();
      await sleep(10); // a pace, not a wait
    }
  }

  // What came in since the last call, in ms.
  p99() {
    const sorted = this.latencies.splice(0).sort((a, b) => a - b);
    assert.ok(sorted.length > 0);
    return sorted[Math.ceil(sorted.length * 0.99) - 1];
  }

  async stop() {
    this.stopped = true;
    await this.done;
  }
}

// A gauge or counter of a gateway.
export async function gauge(t, server, name) {
  const { body } = await request(t, server, { path: "/metrics" });
  const line = body.split("\n").find((text) => text.startsWith(`${name} `));
  assert.ok(line, `${name} is not in /metrics`);
  return Number(line.split(" ").at(-1));
}

export const residentMiB = async (t, server) => (await gauge(t, server, "process_resident_memory_bytes")) / 2 ** 20;
