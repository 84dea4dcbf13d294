// The good ones: clients on a few rides, each from an address of its own, who board again and again and now and then
// exit and come back. Each checks that it hears every event of its ride, once and in order, and that nobody ends its
// connection. A time is from a client's word to the answer that follows its own event, without what the clients' own
// process was late in the meantime. That is a process of its own, so that the offenders do not make it late.

import { Measuring, Thread } from "../lib/thread.mjs";

const RIDE_SIZE = 50;
const PATIENCE_MS = 60_000;

export class Good extends Measuring {
  // All are aboard when it resolves.
  static async start(t, gateway, count) {
    const people = Array.from({ length: count }, (_, i) => ({
      id: `good-${i}`,
      ride: `/good-${Math.floor(i / RIDE_SIZE)}`,
      address: `127.1.${i >> 8}.${i & 255}`,
      token: gateway.token(`good-${i}`),
    }));
    const file = new URL("good-process.mjs", import.meta.url);
    return new Good(await Thread.startApart(t, file, { port: gateway.port, people }, PATIENCE_MS));
  }

  // { p99, late }: with what their process was late, and how late that was (of its ticks, the 99th percentile).
  asSeen() {
    return this.thread.ask("asSeen");
  }

  // Nobody says anything until goOn(), and all that was said has been answered.
  rest() {
    return this.thread.ask("rest", PATIENCE_MS);
  }

  goOn() {
    return this.thread.ask("goOn");
  }

  // What went wrong, in words.
  faults() {
    return this.thread.ask("faults");
  }

  // Once all have heard all, and know who is aboard, they leave: { words, deliveries, faults }.
  async leave() {
    const sum = await this.thread.ask("leave", PATIENCE_MS);
    await this.thread.stop();
    return sum;
  }
}
