// A thread, or a process, that works by itself and answers questions, so that the work of a test's other clients is not
// taken for the gateway's. What it runs calls given(), ready() and answering().

import { fork } from "node:child_process";
import { once } from "node:events";
import { Worker, parentPort, workerData } from "node:worker_threads";
import { onEnd } from "./cleanup.mjs";
import { DEADLINE_MS, within } from "./wait.mjs";

export class Thread {
  // Resolves when it says that it is ready.
  static start(t, url, workerData, ms = DEADLINE_MS) {
    const worker = new Worker(url, { workerData });
    onEnd(t, () => worker.terminate());
    return new Thread(worker).#begun(ms);
  }

  // As a process: not even the collector of this one's garbage stops it.
  static startApart(t, url, data, ms = DEADLINE_MS) {
    const child = fork(url, { serialization: "advanced" });
    onEnd(t, () => child.kill("SIGKILL"));
    child.postMessage = (message) => child.connected && child.send(message);
    child.postMessage(data);
    return new Thread(child).#begun(ms);
  }

  async #begun(ms) {
    await this.#answer("to be ready", ms);
    return this;
  }

  constructor(worker) {
    this.worker = worker;
    this.failed = new Promise((_, reject) => {
      worker.once("error", reject);
      worker.once("exit", (code) => reject(new Error(`it ended with ${code}`)));
    });
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

const port = parentPort ?? process;
const send = (message) => (parentPort ? parentPort.postMessage(message) : process.send(message));
const close = () => (parentPort ? parentPort.close() : process.disconnect());

// What it was started with.
export const given = async () => (parentPort ? workerData : (await once(process, "message"))[0]);

// `answers` by question; after "stop" no more are asked.
export function answering(answers) {
  port.on("message", async (question) => {
    const answer = await answers[question]();
    send(answer ?? null);
    if (question === "stop") close();
  });
}

export const ready = () => send("ready");

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
