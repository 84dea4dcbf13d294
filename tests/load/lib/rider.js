// A rider on k6's WebSocket. It checks what it hears: offsets rise by one, so a gap is a loss and a step back a double,
// and at the end its ride is asked for the latest one. With `returns` it comes back as the official client does when its
// connection drops: after 0.5 to 1.5 s, and with its recovery id, so that it is told what it missed.
//
// No private methods, no ?. and no spread in objects here and in the scripts: k6 before 0.53 does not know them.

import { WebSocket } from "k6/experimental/websockets";
import { connectTime, delivery, disconnected, doubled, failed, heard, lost, reconnectTime } from "./metrics.js";
import { clearInterval, clearTimeout, setInterval, setTimeout } from "./timers.js";
import { PLAIN, SOCKETIO } from "./wires.js";

const AWAY_MS = 1000;
const AWAY_MAX_MS = 5000;

const numberOf = (offset) => parseInt(offset, 10);

export class Rider {
  // `onJoined` and `onEnd` are called with the rider. Events from onJoined on are those that it must hear.
  constructor({ id, ride = "/", plain = false, returns = false, onJoined, onEnd = () => {} }) {
    Object.assign(this, { id, ride, returns, onJoined, onEnd });
    this.wire = plain ? PLAIN : SOCKETIO;
    this.pid = null; // recovery id
    this.offset = undefined; // of the last event heard
    this.last = null; // its number
    this.asked = new Map(); // ack -> what is said again after a drop, and what to do with the answer
    this.acks = 0;
    this.aboard = this.exiting = this.ended = false;
    this.timers = [];
    this.began = Date.now();
    this.dropped = null; // when
    this.open();
  }

  // Boards, says so again every now and then, and leaves after its stay.
  rides(stayMs, everyMs) {
    this.say("boarding");
    this.every(everyMs, () => this.say("boarding"));
    this.after(stayMs, () => this.leave());
  }

  say(status) {
    this.aboard = true;
    this.exiting = status === "exiting";
    const record = { id: this.id, name: `Rider ${this.id}`, status, at: Date.now() };
    this.ask("message", record, ({ ok, error }) => ok || this.fails(error));
  }

  // In order: only when it has heard all there is.
  leave() {
    this.stop();
    this.ask("activeUsers", undefined, ({ offset, error }) => {
      if (error) return this.fails(error);
      this.isAt(numberOf(offset));
      if (this.aboard) this.say("exiting");
      else this.ends();
    });
  }

  // Goes, without a word, and comes back at once.
  drop() {
    const { socket } = this;
    this.drops("dropped itself", 0);
    socket.close();
  }

  every(ms, work) {
    const timer = setInterval(work, ms);
    this.timers.push(() => clearInterval(timer));
  }

  after(ms, work) {
    const timer = setTimeout(work, ms);
    this.timers.push(() => clearTimeout(timer));
  }

  stop() {
    for (const clear of this.timers.splice(0)) clear();
  }

  // ---- The connection ----

  open() {
    const socket = new WebSocket(this.wire.url(this.ride));
    const gone = (why) => socket === this.socket && this.drops(why, AWAY_MS * (0.5 + Math.random()));
    socket.onopen = () => this.wire.opened(this);
    socket.onmessage = ({ data }) => socket === this.socket && !this.ended && this.wire.read(data, this);
    socket.onerror = ({ error }) => gone(error);
    socket.onclose = () => gone("closed");
    this.socket = socket;
  }

  send(text) {
    if (this.socket) this.socket.send(text);
  }

  drops(why, awayMs) {
    if (this.ended) return;
    if (!this.returns || this.pid === null) return this.fails(why);
    this.socket = null;
    if (this.dropped === null) {
      this.dropped = Date.now();
      this.awayMs = awayMs;
    } else {
      this.awayMs = Math.min(this.awayMs * 2 + awayMs, AWAY_MAX_MS);
    }
    setTimeout(() => this.ended || this.open(), this.awayMs);
  }

  joins(pid) {
    if (this.dropped !== null) return this.isBack(pid);
    connectTime.add(Date.now() - this.began);
    this.pid = pid;
    this.ask("activeUsers", undefined, ({ offset, error }) => {
      if (error) return this.fails(error);
      this.isAt(numberOf(offset));
      this.onJoined(this);
    });
  }

  isBack(pid) {
    if (pid !== this.pid) return this.exiting ? this.ends() : this.fails("was not recovered");
    reconnectTime.add(Date.now() - this.dropped);
    this.dropped = null;
    for (const { text } of this.asked.values()) this.send(text);
  }

  ask(event, data, answered) {
    const ack = this.acks++;
    const text = this.wire.ask(this.ride, event, data, ack);
    this.asked.set(ack, { text, answered });
    if (this.dropped === null) this.send(text);
  }

  isAnswered(ack, answer) {
    const { answered } = this.asked.get(ack);
    this.asked.delete(ack);
    answered(answer);
  }

  // ---- What it hears ----

  hears(event, record, offset) {
    if (!offset) return this.fails(`${event} ${JSON.stringify(record)}`);
    const number = numberOf(offset);
    if (this.last !== null && number > this.last + 1) lost.add(number - this.last - 1);
    if (this.last !== null && number <= this.last) doubled.add(1);
    this.last = number;
    this.offset = offset;
    heard.add(1);
    if (record.at) delivery.add(Date.now() - record.at);
    if (event === "userDisconnected") disconnected.add(1);
    if (event === "userExited" && record.id === this.id) this.ends();
  }

  // The ride is at event `number`, and so must this rider be.
  isAt(number) {
    if (this.last !== null && number > this.last) lost.add(number - this.last);
    this.last = number;
  }

  ends() {
    this.ended = true;
    this.stop();
    if (this.socket) this.socket.close();
    this.onEnd(this);
  }

  fails(why) {
    if (this.ended) return;
    failed.add(1);
    console.error(`${this.id}: ${why}`);
    this.ends();
  }
}
