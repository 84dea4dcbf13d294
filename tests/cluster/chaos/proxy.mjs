// A TCP proxy in front of Redis that can stall, cut, refuse, delay and answer in its place what passes through it. It
// listens by itself (start), or is handed what others have accepted.

import net from "node:net";
import { onEnd } from "../../lib/cleanup.mjs";
import { sleep } from "../../lib/wait.mjs";
import { Answers } from "./answers.mjs";

export class Proxy {
  #pairs = new Set();

  static async start(t, targetPort) {
    const proxy = new Proxy(targetPort);
    proxy.server = net.createServer((client) => proxy.accept(client));
    onEnd(t, () => proxy.#close());
    await new Promise((resolve) => proxy.server.listen(0, "127.0.0.1", resolve));
    proxy.port = proxy.server.address().port;
    return proxy;
  }

  constructor(targetPort) {
    this.targetPort = targetPort;
    this.pass();
  }

  // As if it were not there.
  pass() {
    this.refusing = false;
    this.delayMs = 0;
    this.refusal = () => null;
    this.#setStalled(false);
  }

  // Connections stay open and nothing moves, in either direction.
  stall() {
    this.#setStalled(true);
  }

  // Redis hears and is not heard, until pass().
  deafen() {
    for (const [, server] of this.#pairs) server.pause();
  }

  // Every connection is reset, whatever was under way.
  cut() {
    for (const pair of this.#pairs) pair.forEach((socket) => socket.resetAndDestroy());
  }

  // The same, and no new one is taken until pass().
  refuse() {
    this.refusing = true;
    this.cut();
  }

  // Each piece of bytes arrives that much later, in order.
  delay(ms) {
    this.delayMs = ms;
  }

  // Commands of which `refusal` gives the line of an error are answered with it and reach nobody.
  answer(refusal) {
    this.refusal = refusal;
  }

  // The connections of now are cut, and later ones lead elsewhere.
  leadTo(port) {
    this.targetPort = port;
    this.cut();
  }

  #setStalled(stalled) {
    this.stalled = stalled;
    for (const pair of this.#pairs) pair.forEach((socket) => (stalled ? socket.pause() : socket.resume()));
  }

  accept(client) {
    if (this.refusing) return client.resetAndDestroy();
    const server = net.connect({ port: this.targetPort, host: "127.0.0.1", noDelay: true });
    const pair = [client.setNoDelay(), server];
    this.#pairs.add(pair);
    const [toClient, toServer] = pair.map((to) => this.#writer(to));
    const answers = new Answers((name, command) => this.refusal(name, command));
    client.on("data", (bytes) => {
      const { on, back } = answers.asked(bytes);
      toServer(on);
      toClient(back);
    });
    server.on("data", (bytes) => toClient(answers.answered(bytes)));
    for (const [from, to] of [pair, [server, client]]) {
      from.on("error", () => {}); // told by close
      from.on("close", () => {
        this.#pairs.delete(pair);
        to.destroy();
      });
      if (this.stalled) from.pause();
      else from.resume();
    }
  }

  // Writes in order, late if that is asked for.
  #writer(to) {
    let before = Promise.resolve();
    let waiting = 0;
    return (bytes) => {
      if (bytes.length === 0) return;
      if (this.delayMs === 0 && waiting === 0) return to.write(bytes);
      waiting++;
      const due = sleep(this.delayMs);
      before = before.then(async () => {
        await due;
        waiting--;
        if (!to.destroyed) to.write(bytes);
      });
    };
  }

  #close() {
    this.cut();
    return new Promise((resolve) => this.server.close(resolve));
  }
}
