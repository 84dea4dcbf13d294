// What answers in place of Redis and is none: the same to whatever it is told.

import net from "node:net";
import { onEnd } from "./cleanup.mjs";
import { within } from "./wait.mjs";

export class FakeRedis {
  // `bytes`, or what it makes of the number of the connection, then `more` again and again for as long as it is taken.
  static async start(t, bytes, more) {
    const fake = new FakeRedis();
    const sockets = new Set();
    const listener = net.createServer((socket) => {
      const number = ++fake.connections;
      sockets.add(socket);
      socket.on("error", () => {});
      socket.on("close", () => {
        sockets.delete(socket);
        fake.givenUp++;
      });
      socket.once("data", () => {
        socket.write(typeof bytes === "function" ? bytes(number) : bytes);
        if (more) pour(socket, more);
      });
      socket.resume();
    });
    listener.listen(0, "127.0.0.1");
    await within(new Promise((resolve) => listener.once("listening", resolve)), () => "listening");
    onEnd(t, () => {
      for (const socket of sockets) socket.destroy();
      listener.close();
    });
    fake.port = listener.address().port;
    return fake;
  }

  constructor() {
    this.connections = 0;
    this.givenUp = 0;
  }
}

function pour(socket, more) {
  const go = () => {
    while (!socket.destroyed && socket.write(more));
  };
  socket.on("drain", go);
  go();
}
