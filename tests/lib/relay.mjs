// A TCP relay in front of gateways, as a phone's network is: it cuts what it carries, keeps clients out, or leads them
// to another gateway. To clients it looks like a server.

import net from "node:net";
import { Transform } from "node:stream";
import { onEnd } from "./cleanup.mjs";
import { within } from "./wait.mjs";

export class Relay {
  #listener = net.createServer({ allowHalfOpen: true }, (client) => this.#carry(client));
  #carried = new Set();
  #target = null;
  #reworded = null;

  // `reworded`: what becomes of a chunk (as latin1) that the server sends; by default nothing.
  static async start(t, server, { reworded = null } = {}) {
    const relay = new Relay();
    relay.#reworded = reworded;
    relay.leadTo(server);
    relay.#listener.listen(0, "127.0.0.1");
    await within(new Promise((resolve) => relay.#listener.once("listening", resolve)), () => "listening");
    onEnd(t, () => {
      relay.cut();
      relay.#listener.close();
    });
    relay.port = relay.#listener.address().port;
    relay.url = `http://127.0.0.1:${relay.port}`;
    relay.enginePath = server.enginePath;
    return relay;
  }

  // Where whoever connects from now on gets to.
  leadTo(server) {
    this.#target = server;
  }

  // Nobody else gets through until leadTo().
  shut() {
    this.#target = null;
  }

  // Nor does anything more of those who had got through, in either direction.
  cut() {
    this.shut();
    for (const socket of this.#carried) socket.destroy();
  }

  #carry(client) {
    if (!this.#target) {
      client.on("error", () => {});
      client.destroy();
      return;
    }
    const server = net.connect({ port: this.#target.port, host: "127.0.0.1", allowHalfOpen: true, noDelay: true });
    this.#pipe(client, server);
    this.#pipe(server, client, this.#reworded);
  }

  #pipe(from, to, reworded) {
    this.#carried.add(from);
    from.on("error", () => {});
    from.on("close", () => {
      this.#carried.delete(from);
      to.destroySoon();
    });
    if (reworded) from.pipe(rewording(reworded)).pipe(to);
    else from.pipe(to);
  }
}

function rewording(reworded) {
  const transform = (chunk, encoding, done) => done(null, Buffer.from(reworded(chunk.toString("latin1")), "latin1"));
  return new Transform({ transform });
}
