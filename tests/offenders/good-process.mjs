// The clients of good.mjs. Each has one connection and is somebody of its own, so that the offsets of its ride rise by
// one.

import WebSocket from "ws";
import { Lateness } from "../lib/lateness.mjs";
import { percentile } from "../lib/percentile.mjs";
import { numberOf, user } from "../lib/rider.mjs";
import { answering, given, ready } from "../lib/thread.mjs";
import { until } from "../lib/wait.mjs";

const TICK_MS = 10; // one of them says something
const EXITS = 5; // of that many words one is an exit
const FAULTS_KEPT = 20;

const { port, people } = await given();
const lateness = new Lateness();
const faults = [];
let times = []; // { seen, net }: from a word to its answer, and without what this process was late
let words = 0;
let deliveries = 0;

class Client {
  #word = null; // what it said and has no answer to: { status, n, begun, late, heard }
  #n = 0;
  #last = null; // the position of the last event, once it is on the ride
  #asked = null; // who waits for who is aboard

  constructor(person) {
    Object.assign(this, person, { packet: `${person.ride},`, aboard: false });
  }

  connect() {
    const url = `ws://127.0.0.1:${port}/socket.io/?EIO=4&transport=websocket`;
    this.ws = new WebSocket(url, { localAddress: this.address, perMessageDeflate: false });
    this.ws.on("message", (data) => this.#receive(data.toString()));
    this.ws.on("error", (error) => this.#fault(`an error: ${error.message}`));
    this.ws.on("close", (code) => this.leaving || this.#lost(code));
  }

  // Aboard, and nothing is under way.
  get idle() {
    return this.aboard && !this.lost && !this.#word;
  }

  say(status) {
    words++;
    this.#word = { status, n: ++this.#n, begun: performance.now(), late: lateness.sum, heard: null };
    const record = JSON.stringify(user(this.id, status, { n: this.#n }));
    this.ws.send(`42${this.packet}1["message",${JSON.stringify(record)}]`);
  }

  // Everything up to here has been heard, and the ride's people are those of this process.
  check(size) {
    return new Promise((resolve) =>
      this.#whoIsAboard(({ offset, users }) => {
        if (offset !== this.#last) this.#fault(`${this.#last} heard, but ${offset} is the last`);
        if (users.length !== size) this.#fault(`${users.length} of ${size} are aboard`);
        resolve();
      }),
    );
  }

  leave() {
    this.leaving = true;
    this.ws.send(`41${this.packet}`);
    this.ws.close();
  }

  #lost(code) {
    this.lost = true;
    this.#fault(`cut off with ${code}`);
  }

  #fault(what) {
    if (faults.length < FAULTS_KEPT) faults.push(`${this.id} of ${this.ride}: ${what}`);
  }

  // `answered` is called as the answer arrives, before what is behind it.
  #whoIsAboard(answered) {
    this.#asked = answered;
    this.ws.send(`42${this.packet}0["activeUsers"]`);
  }

  #receive(text) {
    if (text === "2") return this.ws.send("3");
    if (text[0] === "0") return this.ws.send(`40${this.packet}${JSON.stringify({ token: this.token })}`);
    const kind = text.slice(0, 2);
    const body = text.slice(2 + this.packet.length);
    if (kind === "42") this.#hear(...JSON.parse(body));
    else if (kind === "43" && body[0] === "0") this.#asked(JSON.parse(body.slice(1))[0]);
    else if (kind === "43") this.#answered(JSON.parse(body.slice(1))[0]);
    else if (kind === "41") this.#exited();
    else if (kind === "40") this.#joined();
    else this.#fault(text);
  }

  #joined() {
    this.#whoIsAboard(({ offset }) => {
      this.#last = offset; // what came before the answer is in it
      this.say("boarding");
    });
  }

  #hear(name, record, offset) {
    if (this.leaving) return;
    if (name === "exception" || name === "userDisconnected") return this.#fault(`${name} ${JSON.stringify(record)}`);
    deliveries++;
    if (this.#last && !follows(offset, this.#last)) this.#fault(`${offset} after ${this.#last}`);
    if (this.#last) this.#last = offset;
    if (record.id === this.id && record.n === this.#word?.n) this.#word.heard = offset;
  }

  #answered({ ok, error, offset }) {
    const { status, begun, late, heard } = this.#word;
    if (!ok) this.#fault(error);
    else if (heard !== offset) this.#fault(`${heard} heard, but ${offset} answered`);
    const seen = performance.now() - begun;
    times.push({ seen, net: seen - (lateness.sum - late) });
    if (status === "exiting") return; // the gateway ends the connection
    this.#word = null;
    this.aboard = true;
  }

  #exited() {
    if (this.#word?.status !== "exiting") this.#fault("disconnected");
    const { ws } = this;
    ws.removeAllListeners("close");
    ws.close();
    Object.assign(this, { aboard: false });
    this.#word = this.#last = null;
    this.connect();
  }
}

const epochOf = (offset) => offset.slice(offset.indexOf("-") + 1);
const follows = (offset, last) => numberOf(offset) === numberOf(last) + 1 && epochOf(offset) === epochOf(last);

const clients = people.map((person) => new Client(person));
const sizeOf = (ride) => clients.filter((client) => client.ride === ride).length;

const p99Of = (kind) =>
  percentile(
    times.map((time) => time[kind]),
    0.99,
  );

let turn = 0;
function speak() {
  const client = clients[turn++ % clients.length];
  // Some time before it has come back.
  if (client.idle) client.say(Math.random() < 1 / EXITS ? "exiting" : "boarding");
}

const allIdle = () =>
  until(
    () => clients.every((client) => client.idle || client.lost),
    () => `${clients.filter((client) => !client.idle).length} have no answer; ${faults}`,
    40_000,
  );

for (const client of clients) client.connect();
await allIdle();
let ticking;
const goOn = () => void (ticking = setInterval(speak, TICK_MS));
goOn();

answering({
  rest() {
    clearInterval(ticking);
    return allIdle();
  },
  goOn,
  forget() {
    times = [];
    lateness.forget();
  },
  p99: () => p99Of("net"),
  asSeen: () => ({ p99: p99Of("seen"), late: lateness.p99 }),
  faults: () => faults,
  async leave() {
    clearInterval(ticking);
    await allIdle().catch((error) => faults.push(error.message));
    await Promise.all(clients.map((client) => client.idle && client.check(sizeOf(client.ride))));
    for (const client of clients) client.leave();
    return { words, deliveries, faults };
  },
  stop() {},
});
ready();
