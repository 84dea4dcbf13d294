// A rider's app as it is written with each client library: it boards whenever it is connected, unless the library has
// recovered the connection. Those in other languages are programs of tests/clients.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createInterface } from "node:readline";
import path from "node:path";
import { io as io40 } from "socket.io-client-4.0";
import { io as io44 } from "socket.io-client-4.4";
import { io as io48 } from "socket.io-client";
import { onEnd } from "./cleanup.mjs";
import { ROOT } from "./places.mjs";
import { startProgram } from "./process.mjs";
import { until, within } from "./wait.mjs";

const EVENTS = ["userBoarded", "userExited", "userDisconnected"];

class App {
  events = []; // [name, ...arguments], as handlers get them
  connections = []; // socket ids, one for each time that it was connected
  disconnections = 0;
  #acks = [];

  board(record) {
    return this.#answer("board", record);
  }

  exit(record) {
    return this.#answer("exit", record);
  }

  // Who is aboard.
  users() {
    return this.#answer("users");
  }

  get id() {
    return this.connections.at(-1);
  }

  connected(times) {
    return until(
      () => this.connections.length >= times,
      () => `${this.connections.length} of ${times} connections ${this.told()}`,
    );
  }

  // All that it has heard from the beginning.
  async hears(...events) {
    await until(
      () => this.events.length >= events.length,
      () => `${JSON.stringify(this.events)} ${this.told()}`,
    );
    assert.deepEqual(this.events, events);
  }

  lost(times = 1) {
    return until(
      () => this.disconnections >= times,
      () => `still connected ${this.told()}`,
    );
  }

  told() {
    return "";
  }

  #answer(command, record) {
    const answer = new Promise((resolve) => this.#acks.push(resolve));
    this.command(command, record && JSON.stringify(record));
    return within(answer, () => `an answer to ${command} ${this.told()}`);
  }

  // Subclasses say what happens. Answers to what the app says by itself are none.
  acked(answer) {
    this.#acks.shift()(answer);
  }
}

class Official extends App {
  #wanted = null;

  static start(t, { io, declines }, url, ride) {
    const app = new Official();
    app.socket = io(url + ride, {
      forceNew: true,
      reconnectionDelay: 50,
      reconnectionDelayMax: 200,
      ...(declines && { auth: { recover: false } }),
    });
    onEnd(t, () => {
      app.socket.io.reconnection(false);
      app.socket.disconnect();
      app.socket.io.engine?.close();
    });
    app.socket.on("connect", () => {
      app.connections.push(app.socket.id);
      if (app.#wanted && !app.socket.recovered) app.#say(app.#wanted, () => {});
    });
    app.socket.on("disconnect", () => app.disconnections++);
    for (const name of EVENTS) app.socket.on(name, (...args) => app.events.push([name, ...args]));
    return app;
  }

  #say(record, answered) {
    this.socket.emit("message", record, answered);
  }

  command(command, record) {
    const answered = (answer) => this.acked(answer);
    if (command === "users") {
      this.socket.emit("activeUsers", answered);
      return;
    }
    this.#wanted = command === "board" ? record : null;
    this.#say(record, answered);
  }
}

class Foreign extends App {
  #program;

  static start(t, { command }, url, ride) {
    const app = new Foreign();
    const [name, ...args] = command(url, ride);
    app.#program = startProgram(t, name, args, {}, { stdin: "pipe" });
    app.#program.child.stdin.on("error", () => {}); // it has ended, which waiting for an answer shows
    createInterface({ input: app.#program.child.stdout }).on("line", (line) => app.#happened(JSON.parse(line)));
    return app;
  }

  #happened({ connect, event, ack, disconnect }) {
    if (connect !== undefined) this.connections.push(connect);
    if (disconnect !== undefined) this.disconnections++;
    if (event !== undefined) this.events.push(event);
    if (ack !== undefined) this.acked(ack);
  }

  command(command, record) {
    this.#program.child.stdin.write(record ? `${command} ${record}\n` : `${command}\n`);
  }

  get stderr() {
    return this.#program.stderr;
  }

  told() {
    return this.#program.stdout + this.#program.stderr;
  }
}

// The system's, whose module scripts/install-deps.sh has installed.
const python = (handlers, recovery) => (url, ride) =>
  ["/usr/bin/python3", path.join(ROOT, "tests/clients/client.py"), url, ride, handlers, recovery];

let classPath;
const java = (recovery) => (url, ride) => {
  classPath ??= execFileSync(path.join(ROOT, "scripts/build-java-client.sh"), { encoding: "utf8" }).trim();
  return ["java", "-XX:TieredStopAtLevel=1", "-cp", classPath, "Client", url, ride, recovery];
};

// `declines`: events have the user alone. `recovers`: a connection that drops is the same one afterwards.
export const APPS = {
  "socket.io-client 4.0": { start: Official.start, io: io40 },
  "socket.io-client 4.4": { start: Official.start, io: io44 },
  "socket.io-client 4.8": { start: Official.start, io: io48, recovers: true },
  "socket.io-client 4.8 that declines": { start: Official.start, io: io48, declines: true },
  "python-socketio": { start: Foreign.start, command: python("both", "accepts") },
  "python-socketio that declines": { start: Foreign.start, command: python("alone", "declines"), declines: true },
};

export const JAVA_APPS = {
  "the Java client": { start: Foreign.start, command: java("accepts") },
  "the Java client that declines": { start: Foreign.start, command: java("declines"), declines: true },
};

// Handlers that would take the user alone, where they get more.
export const TOO_FEW_ARGUMENTS = { start: Foreign.start, command: python("alone", "accepts") };

export async function startApp(t, kind, server, ride = "/") {
  const app = kind.start(t, kind, server.url, ride);
  await app.connected(1);
  return app;
}

// The arguments of its handlers.
export const heard = ({ declines }, name, record, offset) => (declines ? [name, record] : [name, record, offset]);
