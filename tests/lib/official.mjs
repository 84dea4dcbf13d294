// The real socket.io-client in the three ways apps use it.

import assert from "node:assert/strict";
import { io } from "socket.io-client";
import { onEnd } from "./cleanup.mjs";
import { serverHasRead } from "./http.mjs";
import { until, within } from "./wait.mjs";

export const MODES = {
  "default transports": {},
  "WebSocket only": { transports: ["websocket"] },
  "polling only": { transports: ["polling"] },
};

// Back soon, however often it was turned away; and a client that waits for the end of its upgrade, which a cut
// connection will not bring, does not keep the tests from ending.
const SETTINGS = { forceNew: true, reconnectionDelay: 50, reconnectionDelayMax: 200, autoUnref: true };

export class Client {
  static async connect(t, server, mode, { ride = "", ...more } = {}) {
    const socket = io(server.url + ride, { ...MODES[mode], ...SETTINGS, ...more });
    onEnd(t, () => {
      socket.io.reconnection(false);
      socket.disconnect();
      socket.io.engine?.close();
    });
    const client = new Client(socket, mode);
    const connected = new Promise((resolve, reject) => {
      socket.once("connect", resolve);
      // While it is active it tries again, as in apps.
      socket.on("connect_error", (error) => socket.active || reject(error));
    });
    await within(connected, () => `connecting with ${mode}`);
    return client;
  }

  constructor(socket, mode) {
    this.socket = socket;
    this.mode = mode;
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
    return within(answer, () => `the ack of ${JSON.stringify(record)}`);
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

  // Its transport is the last one and in use, so that the server notices at once if the connection is cut.
  async settled(t, server) {
    const { engine } = this.socket.io;
    const polls = this.mode === "polling only";
    const inUse = () => (polls ? engine.transport._polling : this.transport() === "websocket");
    await until(inUse, () => `waiting for ${this.mode}`);
    await serverHasRead(t, server);
  }

  // The connection is gone, whether the client may come back or not.
  lost() {
    return until(
      () => !this.socket.connected,
      () => "waiting for the loss of the connection",
    );
  }

  // Connected for the `count`th time.
  back(count = 2) {
    return until(
      () => this.connections >= count && this.socket.connected,
      () => `waiting for connection ${count}, so far ${this.connections}`,
    );
  }

  async disconnected() {
    await until(
      () => this.reason,
      () => "waiting for the disconnect",
    );
    return this.reason;
  }
}
