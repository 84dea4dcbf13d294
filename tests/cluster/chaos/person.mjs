// One client and its user: what it says, and what it may believe after each interruption.
//
// A rider's id is new for each socket, so that it stands for one. `rider` is who is aboard as far as the client has
// been told for certain.
//
// A rider who was away when Redis lost its memory may be lost, because no gateway held it then. So whoever comes back
// after a wipe believes what it hears about itself (`doubtful`); everybody else relies on the gateways to put it back.

export class Person {
  #sockets = 0;
  #asking = false;
  #saying = 0;

  // `makeClient(ride, on)` gives one of clients.mjs.
  constructor(name, ride, { history, makeClient, note }) {
    Object.assign(this, { name, ride, history, note, id: null, rider: null, sid: null, stream: null });
    this.doubtful = false;
    this.gone = null; // what the last event about itself said was gone
    this.counts = { joined: 0, recovered: 0, stillAboard: 0 };
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

  // Breaks the connection, and stays away until return() or arrive().
  drop() {
    this.present = false;
    this.client.drop();
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
    const { present, rider, sid } = this;
    const { connected } = this.client;
    return JSON.stringify({ present, connected, asking: this.#asking, saying: this.#saying, rider, sid });
  }

  get aboard() {
    return this.present && this.rider !== null;
  }

  #joined({ sid, recovered }) {
    this.present = true; // also if it had exited and the connection broke before the gateway could end it
    this.counts.joined++;
    if (recovered) this.counts.recovered++;
    this.note(`joins as ${sid}${recovered ? ", recovered" : ""}`);
    // Without an offset of its own from this stream the client has shown one from an earlier, or none.
    const continued = recovered && this.stream?.entries.some(({ event }) => event);
    if (!continued) this.#newStream();
    this.stream.connected = true;
    if (sid !== this.sid) this.id = `${this.name}.${++this.#sockets}`;
    this.rider = null;
    this.sid = sid;
    this.doubtful = this.history.wipedSinceCalm;
    this.#learn();
  }

  #left() {
    this.note("is cut off");
    this.stream.connected = false;
  }

  #newStream() {
    if (this.stream) this.history.end(this.stream);
    this.stream = this.history.open(this.name, this.ride);
  }

  // Asks who is aboard, and so whether that still includes the own rider.
  #learn() {
    this.#asking = true;
    this.#ask((answer) => {
      if (answer === null) return; // interrupted; whoever joins next learns anew
      this.#asking = false;
      const own = answer.users.find(({ id }) => id === this.id);
      this.note(own ? `is still aboard as ${own.id} (${own.t})` : "is not aboard");
      this.rider = own ? { id: own.id, t: own.t } : null;
      if (own) this.counts.stillAboard++;
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
    if (record.id !== this.id) return;
    const aboard = name === "userBoarded" ? { id: record.id, t: record.t } : null;
    // What is told as gone and then put back may have asked who is aboard in between.
    const putBack = aboard && this.gone === record.t;
    if (name !== "userExited" && (this.doubtful || putBack)) this.rider = aboard;
    this.gone = name === "userDisconnected" ? record.t : null;
  }

  board() {
    this.#say("boarding");
  }

  exit() {
    this.#say("exiting");
  }

  #say(status) {
    const { id, name } = this;
    const transition = this.history.say(this.ride, id, status);
    const { t } = transition;
    this.note(`says ${status} ${id} (${t})`);
    this.#saying++;
    this.client.request(["message", JSON.stringify({ id, name, status, t })], (answer) => {
      this.#saying--;
      this.note(`${t}: ${answer === null ? "no answer" : (answer.error ?? answer.offset)}`);
      if (answer === null) return;
      this.history.acknowledged(transition, answer);
      if (!answer.ok) return;
      this.rider = status === "boarding" ? { id, t } : null;
      // The gateway disconnects whoever has exited, who does not come back by itself.
      if (status === "exiting") this.present = false;
    });
  }
}
