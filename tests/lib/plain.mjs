// A client of /ws: one JSON object per message.

import assert from "node:assert/strict";
import WebSocket from "ws";
import { onEnd } from "./cleanup.mjs";
import { OFFSET, assertException } from "./rider.mjs";
import { until, within } from "./wait.mjs";

export class PlainClient {
  static async connect(t, server, path = "/ws") {
    const client = new PlainClient(new WebSocket(`ws://127.0.0.1:${server.port}${path}`));
    onEnd(t, () => client.socket.terminate());
    const opened = new Promise((resolve, reject) => client.socket.once("open", resolve).once("error", reject));
    await within(opened, () => `connecting to ${path}`);
    return client;
  }

  constructor(socket) {
    this.socket = socket;
    this.messages = [];
    this.closed = new Promise((resolve) => socket.on("close", resolve));
    socket.on("message", (data) => this.messages.push(JSON.parse(data)));
    socket.on("error", () => {});
  }

  send(value) {
    this.socket.send(typeof value === "string" ? value : JSON.stringify(value));
  }

  say(record) {
    this.send({ event: "message", data: record });
  }

  async next() {
    await until(
      () => this.messages.length > 0,
      () => "waiting for a message",
    );
    return this.messages.shift();
  }

  async hears(event, record) {
    const { offset, ...rest } = await this.next();
    assert.deepEqual(rest, { event, data: record });
    assert.match(offset, OFFSET);
    return offset;
  }

  async hearsException() {
    const { event, data, ...rest } = await this.next();
    assert.deepEqual([event, rest], ["exception", {}]);
    assertException(data);
    return data.message;
  }
}
