// A client on a ride of its own, to see what others do to it: it boards again and again, and measures how long it takes
// to hear of it. On a thread of its own, so that the work of a test's other clients is not taken for the gateway's.

import assert from "node:assert/strict";
import { Worker } from "node:worker_threads";
import { onEnd } from "./cleanup.mjs";
import { request } from "./http.mjs";
import { within } from "./wait.mjs";

export class Onlooker {
  static async start(t, server) {
    const { port, enginePath } = server;
    const onlooker = new Onlooker(
      new Worker(new URL("onlooker-thread.mjs", import.meta.url), { workerData: { port, enginePath } }),
    );
    onEnd(t, () => onlooker.worker.terminate());
    await onlooker.#answer();
    return onlooker;
  }

  constructor(worker) {
    this.worker = worker;
    this.failed = new Promise((_, reject) => worker.once("error", reject));
    this.failed.catch(() => {}); // told by whatever is asked next
    this.exited = new Promise((resolve) => worker.once("exit", resolve));
  }

  #answer() {
    const answer = new Promise((resolve) => this.worker.once("message", resolve));
    return within(Promise.race([answer, this.failed]), () => "waiting for the onlooker");
  }

  #ask(question) {
    this.worker.postMessage(question);
    return this.#answer();
  }

  forget() {
    return this.#ask("forget");
  }

  // Since forget(), in ms; rejected where the onlooker missed anything.
  p99() {
    return this.#ask("p99");
  }

  // Its connection has been ended.
  async stop() {
    await this.#ask("stop");
    await this.exited;
  }
}

// Gauges and counters of a gateway, all of one moment.
export async function gauges(t, server, ...names) {
  const lines = (await request(t, server, { path: "/metrics" })).body.split("\n");
  return names.map((name) => {
    const line = lines.find((text) => text.startsWith(`${name} `));
    assert.ok(line, `${name} is not in /metrics`);
    return Number(line.split(" ").at(-1));
  });
}

export const gauge = async (t, server, name) => (await gauges(t, server, name))[0];

export const residentMiB = async (t, server) => (await gauge(t, server, "process_resident_memory_bytes")) / 2 ** 20;
