// A client on a ride of its own, to see what others do to it: it boards again and again, and measures how long it takes
// to hear of it.

import { Thread } from "./thread.mjs";

export class Onlooker {
  static async start(t, { port, enginePath }) {
    return new Onlooker(await Thread.start(t, new URL("onlooker-thread.mjs", import.meta.url), { port, enginePath }));
  }

  constructor(thread) {
    this.thread = thread;
  }

  forget() {
    return this.thread.ask("forget");
  }

  // Since forget(), in ms; rejected where the onlooker missed anything.
  p99() {
    return this.thread.ask("p99");
  }

  // Its connection has been ended.
  stop() {
    return this.thread.stop();
  }
}
