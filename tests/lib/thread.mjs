// A thread that works by itself and answers questions, so that the work of a test's other clients is not taken for the
// gateway's. What it runs calls answering().

import { Worker, parentPort } from "node:worker_threads";
import { onEnd } from "./cleanup.mjs";
import { DEADLINE_MS, within } from "./wait.mjs";

export class Thread {
  // Resolves when it says that it is ready.
  static async start(t, url, workerData, ms = DEADLINE_MS) {
    const thread = new Thread(new Worker(url, { workerData }));
    onEnd(t, () => thread.worker.terminate());
    await thread.#answer("to be ready", ms);
    return thread;
  }

  constructor(worker) {
    this.worker = worker;
    this.failed = new Promise((_, reject) => worker.once("error", reject));
    this.failed.catch(() => {}); // told by whatever is asked next
    this.exited = new Promise((resolve) => worker.once("exit", resolve));
  }

  #answer(question, ms) {
    const answer = new Promise((resolve) => this.worker.once("message", resolve));
    return within(Promise.race([answer, this.failed]), () => `waiting for a thread ${question}`, ms);
  }

  // One question at a time.
  ask(question, ms = DEADLINE_MS) {
    this.worker.postMessage(question);
    return this.#answer(`to answer "${question}"`, ms);
  }

  // It has closed all that it had open.
  async stop() {
    await this.ask("stop");
    await this.exited;
  }
}

// `answers` by question; after "stop" no more are asked.
export function answering(answers) {
  parentPort.on("message", async (question) => {
    const answer = await answers[question]();
    parentPort.postMessage(answer);
    if (question === "stop") parentPort.close();
  });
}

export const ready = () => parentPort.postMessage("ready");

// What is asked of a thread whose clients measure times.
export class Measuring {
  constructor(thread) {
    this.thread = thread;
  }

  forget() {
    return this.thread.ask("forget");
  }

  // Of the times since forget(), in ms.
  p99() {
    return this.thread.ask("p99");
  }
}
