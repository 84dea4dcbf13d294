// A rider on k6's WebSocket: Socket.IO v5 over Engine.IO v4, or plain JSON on /ws. One connection, no reconnection.

import { WebSocket } from "k6/experimental/websockets";
import { connectTime, delivery, doubled, failed, heard, lost } from "./metrics.js";

const URL_ = (__ENV.RIDECAST_URL || "http://localhost:8080").replace(/^http/, "ws");

// The three things in which the two ways differ.
const SOCKETIO = {
  url: () => `${URL_}/socket.io/?EIO=4&transport=websocket`,
  say: (ride, record) => `42${nsp(ride)}["message",${JSON.stringify(JSON.stringify(record))}]`,
  read(text, rider) {
    const prefix = `${nsp(rider.ride)}`;
    if (text[0] === "0") rider.send(`40${prefix}`);
    else if (text === "2") rider.send("3");
    else if (text.startsWith(`40${prefix}{`)) rider.joined();
    else if (text.startsWith(`42${prefix}[`)) rider.hears(...JSON.parse(text.slice(2 + prefix.length)));
    else if (text.startsWith("44")) rider.fails(text);
  },
};
const PLAIN = {
  url: (ride) => `${URL_}/ws${ride === "/" ? "" : ride}`,
  say: (_, record) => JSON.stringify({ event: "message", data: record }),
  read(text, rider) {
    const { event, data, offset } = JSON.parse(text);
    rider.hears(event, data, offset);
  },
};
const nsp = (ride) => (ride === "/" ? "" : `${ride},`);

export class Rider {
  // `onJoined` and `onExited` are called with the rider.
  constructor({ id, ride = "/", plain = false, onJoined, onExited = () => {} }) {
    Object.assign(this, { id, ride, onJoined, onExited, last: null, exited: false });
    this.wire = plain ? PLAIN : SOCKETIO;
    this.began = Date.now();
    this.socket = new WebSocket(this.wire.url(ride));
    this.socket.onopen = () => plain && this.joined();
    this.socket.onmessage = ({ data }) => this.wire.read(data, this);
    this.socket.onerror = ({ error }) => this.fails(error);
    this.socket.onclose = () => this.exited || this.fails("closed");
  }

  send(text) {
    this.socket.send(text);
  }

  say(status) {
    this.send(this.wire.say(this.ride, { id: this.id, name: `Rider ${this.id}`, status, at: Date.now() }));
  }

  joined() {
    connectTime.add(Date.now() - this.began);
    this.onJoined(this);
  }

  // Offsets rise by one: that is how a client knows that it has missed nothing.
  hears(event, record, offset) {
    if (!offset) return this.fails(`${event} ${JSON.stringify(record)}`);
    const number = parseInt(offset, 10);
    if (this.last !== null && number > this.last + 1) lost.add(number - this.last - 1);
    if (this.last !== null && number <= this.last) doubled.add(1);
    this.last = number;
    heard.add(1);
    if (record.at) delivery.add(Date.now() - record.at);
    if (event === "userExited" && record.id === this.id) this.#exits();
  }

  #exits() {
    this.exited = true;
    this.onExited(this);
    this.socket.close();
  }

  fails(why) {
    if (this.exited) return;
    this.exited = true;
    failed.add(1);
    console.error(`${this.id}: ${why}`);
    this.socket.close();
  }
}
