// Three kinds of client that come back whenever their connection breaks, to another gateway if there is one: the
// official one, a light one over a bare WebSocket, which does what the protocol says and nothing else, and a plain one
// (/ws), which is somebody new each time. The first two may decline to be recovered.
//
//   find()                       where to connect, or null while no gateway is there
//   on.joined({ sid, recovered, waited })  a plain one has no sid; `waited`: ms, for CONNECT to be answered
//   on.event(name, record, offset)         without offset for whoever declines
//   on.left()                    the connection that had joined is gone; whatever was not answered will not be
//
// All offer: connect() (anew, knowing nothing), drop() (break the connection and stay away), leave() (the same in good
// order, for ever as far as the server knows), return() (after either), freeze(ms) (read nothing for a while, where
// possible), end(), and request(args, answered). `answered` is called with
// the answer, or null when the connection broke first: as it arrives, not in a promise, which would come after the
// events behind it.

import { io } from "socket.io-client";
import WebSocket from "ws";
import { MODES } from "../../lib/official.mjs";
import { inPacket } from "../../lib/socketio.mjs";
import { DEADLINE_MS } from "../../lib/wait.mjs";

const CONNECT_MS = 2000; // within it a plain one has joined
const RETRY_MS = 150;

export class OfficialClient {
  constructor(ride, find, on, { mode, declines }) {
    Object.assign(this, { ride, find, on, mode, declines });
  }

  // A new socket, that knows nothing of an earlier one.
  connect() {
    this.end();
    const socket = io(this.#place() + this.ride, {
      ...MODES[this.mode],
      ...(this.declines ? { auth: { recover: false } } : {}),
      forceNew: true,
      timeout: CONNECT_MS,
      reconnectionDelay: RETRY_MS,
      reconnectionDelayMax: RETRY_MS,
      randomizationFactor: 0,
    });
    this.socket = socket;
    // The client has no option for more than one server; this is what a load balancer does for it.
    socket.io.on("reconnect_attempt", () => (socket.io.uri = this.#place()));
    let joined = false;
    let asked;
    socket.io.on("open", () => (asked = performance.now()));
    socket.on("connect", () => {
      joined = true;
      const waited = performance.now() - asked;
      this.on.joined({ sid: socket.id, recovered: socket.recovered === true, waited });
    });
    // That comes of a connection, too, which broke before CONNECT was answered.
    socket.on("disconnect", () => {
      if (joined) this.on.left();
      joined = false;
    });
    socket.onAny((name, record, offset) => this.on.event(name, record, offset));
  }

  // While no gateway is there any port will do that nobody listens on.
  #place() {
    return this.find() ?? "http://127.0.0.1:1";
  }

  get connected() {
    return this.socket?.connected === true;
  }

  drop() {
    this.socket.io.reconnection(false);
    this.socket.io.engine.close();
  }

  leave() {
    this.socket.disconnect();
  }

  return() {
    // A client that polls takes its time to close, and cannot be told to connect meanwhile.
    if (this.connected) return this.socket.once("disconnect", () => setImmediate(() => this.return()));
    this.socket.io.uri = this.#place();
    this.socket.io.reconnection(true);
    this.socket.connect();
  }

  request(args, answered) {
    // A connection that has missed its ping is broken for the client, which would keep the packet for the next one.
    if (!this.connected || this.socket.io.engine._hasPingExpired()) return answered(null);
    this.socket.timeout(DEADLINE_MS).emit(...args, (error, answer) => answered(error ? null : answer));
  }

  freeze() {}

  end() {
    if (!this.socket) return;
    const { connected } = this;
    this.socket.off();
    this.socket.offAny();
    this.socket.io.off();
    this.socket.disconnect();
    if (connected) this.on.left();
  }
}

// What the two over a bare WebSocket have in common.
class WebSocketClient {
  #answers = new Map();
  #nextId = 0;

  constructor(ride, find, on, { declines } = {}) {
    Object.assign(this, { ride, find, on, declines, connected: false });
  }

  connect() {
    this.end();
    this.forget();
    this.return();
  }

  return() {
    if (this.connected) this.drop(); // the gateway is about to end it
    this.away = false;
    const url = this.find();
    if (!url) return this.#later();
    const ws = new WebSocket(url.replace("http", "ws") + this.path());
    this.ws = ws;
    // Until it has joined; from then on until the next ping is overdue.
    this.expectWithin(CONNECT_MS);
    const now = (act) => (data) => {
      if (this.ws === ws && ws.readyState === WebSocket.OPEN) act(data);
    };
    ws.on(
      "open",
      now(() => this.opened()),
    );
    ws.on(
      "message",
      now((data) => this.receive(data.toString())),
    );
    ws.on(
      "ping",
      now(() => this.expectWithin(this.silenceMs)),
    );
    ws.on("error", () => {}); // told by close
    ws.on("close", (code) => {
      if (this.ws === ws) this.#closed(this.givenUp === ws ? null : code);
    });
  }

  opened() {}

  // Whether a close with this code ends more than the connection.
  isLast() {
    return false;
  }

  // What a connection that is given up has brought and nobody has read is not heard, the code of its close as little as
  // the answers before that.
  expectWithin(ms) {
    clearTimeout(this.watch);
    this.watch = setTimeout(() => {
      this.givenUp = this.ws;
      this.ws.terminate();
    }, ms);
  }

  hasJoined(how) {
    this.connected = true;
    this.expectWithin(this.silenceMs);
    this.on.joined(how);
  }

  answered(id, answer) {
    const answered = this.#answers.get(id);
    this.#answers.delete(id);
    answered(answer);
  }

  // As the official client: it does not come back by itself.
  leftByServer() {
    this.away = true;
    this.ws.close();
    this.#gone();
  }

  #closed(code) {
    this.#gone();
    this.away ||= this.isLast(code);
    if (!this.away) this.#later();
  }

  #later() {
    this.watch = setTimeout(() => this.return(), RETRY_MS);
  }

  #gone() {
    clearTimeout(this.watch);
    const { connected } = this;
    this.connected = false;
    const unanswered = [...this.#answers.values()];
    this.#answers.clear();
    for (const answered of unanswered) answered(null);
    if (connected) this.on.left();
  }

  drop() {
    this.away = true;
    this.ws.terminate();
    this.#gone();
  }

  leave() {
    this.away = true;
    this.ws.close();
    this.#gone();
  }

  request(args, answered) {
    if (!this.connected) return answered(null);
    const id = this.#nextId++;
    this.#answers.set(id, answered);
    this.ws.send(this.question(id, args));
  }

  // Reads nothing for a while, as a phone in a tunnel.
  freeze(ms) {
    const { ws } = this;
    if (ws.readyState !== WebSocket.OPEN) return;
    ws.pause();
    setTimeout(() => ws.resume(), ms);
  }

  end() {
    this.away = true;
    clearTimeout(this.watch);
    const { ws } = this;
    this.ws = undefined;
    ws?.terminate();
    this.#gone();
  }
}

export class LightClient extends WebSocketClient {
  nsp = inPacket(this.ride);

  path() {
    return "/socket.io/?EIO=4&transport=websocket";
  }

  forget() {
    this.pid = this.offset = undefined;
  }

  receive(text) {
    if (text.startsWith("0")) {
      const { pingInterval, pingTimeout } = JSON.parse(text.slice(1));
      this.silenceMs = pingInterval + pingTimeout;
      this.asked = performance.now();
      this.ws.send(`40${this.nsp}${this.#auth()}`);
    } else if (text === "2") {
      this.expectWithin(this.silenceMs);
      this.ws.send("3");
    } else {
      this.#receivePacket(text);
    }
  }

  #auth() {
    if (this.declines) return JSON.stringify({ recover: false });
    return this.pid && this.offset ? JSON.stringify({ pid: this.pid, offset: this.offset }) : "";
  }

  #receivePacket(text) {
    const kind = text.slice(0, 2);
    const body = text.slice(2 + this.nsp.length);
    if (kind === "40") this.#joined(JSON.parse(body));
    else if (kind === "41") this.leftByServer();
    else if (kind === "42") this.#heard(JSON.parse(body));
    else if (kind === "43") this.#acknowledged(body);
  }

  leave() {
    this.ws.send(`41${this.nsp}`);
    super.leave();
  }

  #joined({ sid, pid }) {
    const recovered = pid !== undefined && pid === this.pid;
    if (!recovered) this.offset = undefined;
    this.pid = pid;
    this.hasJoined({ sid, recovered, waited: performance.now() - this.asked });
  }

  #heard([name, record, offset]) {
    if (typeof offset === "string") this.offset = offset;
    this.on.event(name, record, offset);
  }

  #acknowledged(body) {
    const id = parseInt(body, 10);
    this.answered(id, JSON.parse(body.slice(String(id).length))[0]);
  }

  question(id, args) {
    return `42${this.nsp}${id}${JSON.stringify(args)}`;
  }
}

const WS_ENDED = 1000; // after an exit

export class PlainClient extends WebSocketClient {
  // It is told nothing of the pings to expect.
  constructor(ride, find, on, { silenceMs }) {
    super(ride, find, on);
    this.silenceMs = silenceMs;
  }

  path() {
    return `/ws${this.ride === "/" ? "" : this.ride}`;
  }

  forget() {}

  isLast(code) {
    return code === WS_ENDED;
  }

  opened() {
    this.hasJoined({ sid: null, recovered: false, waited: 0 });
  }

  receive(text) {
    const { event, id, data, offset } = JSON.parse(text);
    if (id !== undefined) this.answered(id, data);
    else this.on.event(event, data, offset);
  }

  question(id, [event, data]) {
    return JSON.stringify({ event, data, id });
  }
}
