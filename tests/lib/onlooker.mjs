// A client on a ride of its own, to see what others do to it: it boards again and again, and measures how long it takes
// to hear of it. On a thread of its own, so that the work of a test's other clients is not taken for the gateway's.

import { Worker } from "node:worker_threads";
import { onEnd } from "./cleanup.mjs";
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
