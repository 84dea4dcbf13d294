// One client of a person: what it says, as whom, and what it may believe after each interruption. What is true about
// all of them truth.mjs says; this is what the client goes by when it decides what to do next.

const ROSTER_WAIT_MS = 5000; // after which a client is let in without one

export class Phone {
  #asking = false;
  #saying = 0;

  // `makeClient(ride, on)` gives one of clients.mjs. `ids`: who it may be aboard as, its person first; null: somebody
  // new with each connection.
  constructor(name, ride, ids, { history, makeClient, note }) {
    Object.assign(this, { name, ride, ids, alone: ids === null, connections: 0, history, note });
    this.connection = null;
    this.stream = null;
    this.aboardAs = null; // an id
    this.counts = { joined: 0, recovered: 0, stillAboard: 0, putOff: 0, changedId: 0 };
    this.client = makeClient(ride, {
      joined: (how) => this.#joined(how),
      event: (...args) => this.#heard(...args),
      left: () => this.#left(),
    });
    this.present = false; // wants to be connected
  }

  arrive() {
    this.present = true;
    this.client.connect();
  }

  // As a page that is loaded anew: the connection breaks, and what comes knows nothing of it.
  reload() {
    this.drop();
    this.arrive();
  }

  // Breaks the connection, and stays away until return() or arrive().
  drop() {
    this.present = false;
    this.client.drop();
  }

  // Leaves the ride, and stays away in the same way.
  leave() {
    this.note("leaves");
    this.present = false;
    this.client.leave();
  }

  return() {
    this.present = true;
    this.client.return();
  }

  end() {
    this.present = false;
    this.client.end();
  }

  get settled() {
    return this.#saying === 0 && (this.present ? this.client.connected && !this.#asking : !this.client.connected);
  }

  get state() {
    const { present, aboardAs } = this;
    const { connected } = this.client;
    return JSON.stringify({ present, connected, asking: this.#asking, saying: this.#saying, aboardAs });
  }

  #joined({ sid, recovered, waited }) {
    this.present = true; // also if it had exited and the connection broke before the gateway could end it
    this.counts.joined++;
    if (recovered) this.counts.recovered++;
    this.note(`joins as ${sid}${recovered ? ", recovered" : ""}`);
    if (recovered) this.history.goOn(this.stream);
    else this.#newStream(waited >= ROSTER_WAIT_MS);
    this.stream.connected = true;
    this.#connect(sid);
    this.#learn();
  }

  #connect(sid) {
    if (sid !== null && sid === this.connection?.socket) return this.history.reconnect(this.connection);
    if (this.connection) this.history.giveUp(this.connection);
    this.connection = this.history.connect(this.name, this.ride, sid);
    this.aboardAs = null;
    this.connections++;
    if (this.alone) this.ids = [`${this.name}.${this.connections}`];
  }

  #left() {
    this.note("is cut off");
    this.stream.connected = false;
    this.history.leave(this.connection);
  }

  #newStream(early) {
    if (this.stream) this.history.end(this.stream);
    this.stream = this.history.open(this.name, this.ride, early);
  }

  // Asks who is aboard, and so whether that still includes whoever it was aboard as.
  #learn() {
    this.#asking = true;
    this.#ask((answer) => {
      if (answer === null) return; // interrupted; whoever joins next learns anew
      this.#asking = false;
      if (this.aboardAs === null) return;
      const own = answer.users.find(({ id }) => id === this.aboardAs);
      this.note(own ? `is still aboard as ${own.id} (${own.t})` : "is not aboard");
      if (own) this.counts.stillAboard++;
      else this.aboardAs = null;
    });
  }

  #ask(answered) {
    const { stream } = this;
    this.client.request(["activeUsers"], (answer) => {
      if (answer?.ok === false) return this.#ask(answered);
      if (answer !== null) this.history.told(stream, answer);
      answered(answer);
    });
  }

  // Resolves with the answer to activeUsers, or null when the connection has broken.
  ask() {
    return new Promise((resolve) => this.#ask(resolve));
  }

  #heard(name, record, offset) {
    if (!name.startsWith("user")) return;
    this.history.heard(this.stream, name, record, offset);
    if (name !== "userExited" || record.id !== this.aboardAs) return;
    if (this.history.transitions.get(record.t)?.by !== this.connection) this.counts.putOff++;
    this.aboardAs = null;
  }

  board(id) {
    if (this.aboardAs !== null && id !== this.aboardAs) this.counts.changedId++;
    this.#say("boarding", id);
  }

  exit(id) {
    this.#say("exiting", id);
  }

  #say(status, id) {
    const transition = this.history.say(this.connection, id, status);
    const { t } = transition;
    this.note(`says ${status} ${id} (${t})`);
    this.#saying++;
    this.client.request(["message", JSON.stringify({ id, name: this.name, status, t })], (answer) => {
      this.#saying--;
      this.note(`${t}: ${answer === null ? "no answer" : (answer.error ?? answer.offset)}`);
      if (answer === null) return;
      this.history.acknowledged(transition, answer);
      if (!answer.ok) return;
      this.aboardAs = status === "boarding" ? id : null;
      // The gateway disconnects whoever has exited, who does not come back by itself.
      if (status === "exiting") this.present = false;
    });
  }
}
