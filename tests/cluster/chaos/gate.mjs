// In front of a node of a Redis Cluster, where the nodes tell clients to go. Whoever logs in as a gateway gets through by
// a proxy (proxy.mjs) of that gateway's own; all others, such as the node's replica, straight on.

import net from "node:net";
import { onEnd } from "../../lib/cleanup.mjs";
import { Proxy } from "./proxy.mjs";

const LOGIN = /^\*3\r\n\$4\r\nAUTH\r\n\$\d+\r\n(.*)\r\n/;

// As tests/lib/redis-cluster.mjs wants it of a relay.
export class Gate {
  #proxies = new Map(); // by the name to log in with
  #others = new Set();

  static async start(t, { port }) {
    const gate = new Gate();
    gate.targetPort = port;
    const server = net.createServer((client) => gate.#accept(client));
    await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
    onEnd(t, () => {
      gate.cut();
      for (const socket of gate.#others) socket.destroy();
      server.close();
    });
    gate.port = server.address().port;
    return gate;
  }

  proxyOf(user) {
    if (!this.#proxies.has(user)) this.#proxies.set(user, new Proxy(this.targetPort));
    return this.#proxies.get(user);
  }

  // No gateway gets through.
  cut() {
    for (const proxy of this.#proxies.values()) proxy.refuse();
  }

  // All do again.
  leadTo() {
    for (const proxy of this.#proxies.values()) proxy.pass();
  }

  #accept(client) {
    client.on("error", () => {}); // told by close
    client.once("data", (bytes) => {
      client.pause();
      client.unshift(bytes);
      const [, user] = bytes.toString("latin1").match(LOGIN) ?? [];
      if (user) this.proxyOf(user).accept(client);
      else this.#carry(client);
    });
  }

  #carry(client) {
    const server = net.connect({ port: this.targetPort, host: "127.0.0.1", noDelay: true });
    const pair = [client, server];
    for (const socket of pair) {
      this.#others.add(socket);
      socket.on("error", () => {}); // told by close
      socket.on("close", () => pair.forEach((one) => this.#others.delete(one.destroy())));
    }
    client.pipe(server).pipe(client);
  }
}
