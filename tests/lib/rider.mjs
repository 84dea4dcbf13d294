// What a rider's app says and hears, over hand-written Socket.IO.

import assert from "node:assert/strict";
import { inPacket, joined } from "./socketio.mjs";

export const OFFSET = /^(\d+)\.[0-9a-f]{8}-[A-Za-z0-9_-]{8}$/;

export const user = (id, status = "boarding", more = {}) => ({ id, name: `Rider ${id}`, status, ...more });

export class Rider {
  // `former`: the { pid, offset } a client shows that has been here before.
  static async join(t, server, ride = "/", former = undefined, options = undefined) {
    return new Rider(await joined(t, server, ride, former && JSON.stringify(former), options), ride);
  }

  constructor(client, ride) {
    this.client = client;
    this.nsp = inPacket(ride);
    this.nextId = 0;
  }

  get sid() {
    return this.client.socket.sid;
  }

  get pid() {
    return this.client.socket.pid;
  }

  // Whether it may come back: then each event tells its position, as a last argument.
  get recovers() {
    return this.pid !== undefined;
  }

  // An event of the client's, its arguments as JSON text.
  send(...args) {
    this.client.send(`42${this.nsp}[${args.join(",")}]`);
  }

  // `message` as the app sends it: the record as JSON inside a JSON string.
  say(record) {
    this.send('"message"', JSON.stringify(JSON.stringify(record)));
  }

  // The next packet must be an event: [name, ...arguments]. Pings are answered on the way.
  async event() {
    let text;
    while ((text = await this.client.text()) === "2") this.client.send("3");
    assert.ok(text.startsWith(`42${this.nsp}[`), text);
    return JSON.parse(text.slice(2 + this.nsp.length));
  }

  // The next packet must be this event about this user; answers its offset, where there is one.
  async hears(name, record) {
    const [event, about, ...rest] = await this.event();
    assert.deepEqual([event, about, rest.length], [name, record, this.recovers ? 1 : 0]);
    if (this.recovers) assert.match(rest[0], OFFSET);
    return rest[0];
  }

  async hearsException() {
    const [event, detail, ...rest] = await this.event();
    assert.equal(event, "exception");
    assertException(detail);
    assert.deepEqual(rest, []);
    return detail.message;
  }

  // Emits with an ack; answers the function that reads it. Whatever comes before must be read before.
  ask(...args) {
    const id = this.nextId++;
    this.client.send(`42${this.nsp}${id}[${args.join(",")}]`);
    const prefix = `43${this.nsp}${id}[`;
    return async () => {
      const text = await this.client.text();
      assert.ok(text.startsWith(prefix), text);
      const [answer, ...rest] = JSON.parse(text.slice(prefix.length - 1));
      assert.deepEqual(rest, []);
      return answer;
    };
  }

  activeUsers() {
    return this.ask('"activeUsers"')();
  }
}

export function assertException(detail) {
  assert.deepEqual(Object.keys(detail).sort(), ["message", "status"]);
  assert.equal(detail.status, "error");
  assert.ok(typeof detail.message === "string" && detail.message.length > 0);
}

export const numberOf = (offset) => parseInt(offset, 10);
