// A port for a server that cannot choose a free one by itself.

import net from "node:net";

// Below those that the system gives to connections, and to whoever listens wherever there is room (ip_local_port_range):
// so nobody takes it while its server is stopped for a while.
const FIRST = 10_000;
const LAST = 32_000;

// `further`: the port so much further up is free as well.
export async function freePort({ further = 0 } = {}) {
  for (;;) {
    const port = FIRST + Math.floor(Math.random() * (LAST - FIRST - further));
    if ((await isFree(port)) && (further === 0 || (await isFree(port + further)))) return port;
  }
}

const isFree = (port) =>
  new Promise((resolve) => {
    const server = net.createServer();
    server.once("error", () => resolve(false));
    server.listen(port, "127.0.0.1", () => server.close(() => resolve(true)));
  });
