// A client on a ride of its own, to see what others do to it: it boards again and again, and measures how long it takes
// to hear of it. p99() is rejected where it missed anything.

import { Measuring, Thread } from "./thread.mjs";

export class Onlooker extends Measuring {
  static async start(t, { port, enginePath }) {
    return new Onlooker(await Thread.start(t, new URL("onlooker-thread.mjs", import.meta.url), { port, enginePath }));
  }

  // Its connection has been ended.
  stop() {
    return this.thread.stop();
  }
}
