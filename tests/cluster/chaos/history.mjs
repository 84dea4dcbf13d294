// What was said and heard during a run, in the order in which this process saw it. The checker judges it.
//
//   transitions  by their number `t`, which every record carries: what a rider said, and what became of it
//   streams      what one client heard on one ride without interruption: from joining, across recovered
//                reconnections, until it joins without having been recovered
//   wipes        when Redis lost its memory
//
// Times are ticks of one counter: what has the smaller one happened before, as far as this process can tell.

export class History {
  transitions = new Map();
  streams = [];
  wipes = [];
  #ticks = 0;
  #calm = 0;

  tick() {
    return ++this.#ticks;
  }

  // A rider is about to say this; answers the transition.
  say(ride, id, kind) {
    const sent = this.tick();
    const transition = { t: sent, ride, id, kind, sent, acked: null, error: null };
    this.transitions.set(transition.t, transition);
    return transition;
  }

  acknowledged(transition, answer) {
    if (answer.ok === true) transition.acked = this.tick();
    else transition.error = answer.error;
  }

  // A client has joined and was not recovered.
  open(who, ride) {
    const stream = { who, ride, joined: this.tick(), connected: true, ended: false, entries: [] };
    this.streams.push(stream);
    return stream;
  }

  // It will not be continued.
  end(stream) {
    stream.ended = true;
  }

  heard(stream, event, record, offset) {
    stream.entries.push({ event, id: record.id, t: record.t, offset });
  }

  // An answer to activeUsers.
  told(stream, { users, offset }) {
    stream.entries.push({ users: users.map(({ id, t }) => ({ id, t })), offset });
  }

  async wipe(action) {
    const wipe = { from: this.tick(), to: Infinity };
    this.wipes.push(wipe);
    await action();
    wipe.to = this.tick();
  }

  get wipedSinceCalm() {
    return this.wipes.some(({ to }) => to > this.#calm);
  }

  // All has been checked: what cannot grow any more is not needed for later checks.
  calm() {
    this.#calm = this.tick();
    this.streams = this.streams.filter(({ ended }) => !ended);
  }
}
