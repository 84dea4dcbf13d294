// The real socket.io-client in the three ways apps use it.

import assert from "node:assert/strict";
import { io } from "socket.io-client";
import { onEnd } from "./cleanup.mjs";
import { until, within } from "./wait.mjs";

export const MODES = {
  "default transports": {},
  "WebSocket only": { transports: ["websocket"] },
  "polling only": { transports: ["polling"] },
};

export class Client {
  static async connect(t, server, mode, { ride = "" } = {}) {
    const socket = io(server.url + ride, { ...MODES[mode], forceNew: true, reconnectionDelay: 50 });
    onEnd(t, () => socket.disconnect());
    const client = new Client(socket);
    const connected = new Promise((resolve, reject) => {
      socket.once("connect", resolve);
      socket.once("connect_error", reject);
    });
    await within(connected, () => `connecting with ${mode}`);
    return client;
  }

  constructor(socket) {
    this.socket = socket;
    this.events = [];
    this.connections = 0;
    socket.on("connect", () => this.connections++);
    socket.on("disconnect", (reason) => (this.reason = reason));
    socket.onAny((name, record, offset) => this.events.push({ name, record, offset }));
  }

  say(record) {
    this.socket.emit("message", JSON.stringify(record));
  }

  // Resolves with the ack.
  ask(record) {
    const answer = new Promise((resolve) => this.socket.emit("message", JSON.stringify(record), resolve));
    return within(answer, () => `the ack of ${JSON.stringify(record)}`, 30_000);
  }

  async heard(count) {
    await until(
      () => this.events.length >= count,
      () => `${count} events, so far ${JSON.stringify(this.events.slice(-3))}`,
    );
    assert.equal(this.events.length, count);
    return this.events;
  }

  transport() {
    return this.socket.io.engine.transport.name;
  }

  async disconnected() {
    await until(
      () => this.reason,
      () => "waiting for the disconnect",
    );
    return this.reason;
  }
}
