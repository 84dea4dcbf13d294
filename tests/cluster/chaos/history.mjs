// What was said and heard during a run, in the order in which this process saw it. The checker judges it.
//
//   transitions  by their number `t`, which every record carries: what a connection said as somebody, what became of
//                it, and where in the ride's stream it was heard or acknowledged
//   connections  one for each socket: a client that comes back as the same socket goes on with its connection
//   streams      what one client heard on one ride without interruption: from joining, across recovered
//                reconnections, until it joins without having been recovered
//   departures   what was told as userDisconnected, for the first time, since all was calm
//   wipes        when Redis lost its memory, or remembered what was; `kind` of one that was about some keys alone, `rides`
//                of one that was about these alone
//   absences     when, in ms, the server of some rides was away, and nothing else was broken
//   clashes      what was told under a position that something else had
//   revivals     connections that were recovered although their client had exited
//
// Times are ticks of one counter: what has the smaller one happened before, as far as this process can tell. `ms` is
// only there to say how long ago something was broken, and how long an answer took.

import { readPosition } from "./position.mjs";

const now = () => performance.now();

export class History {
  transitions = new Map();
  connections = [];
  streams = [];
  departures = [];
  toldAsGone = new Set(); // the same as "ride id", also where it had no position
  wipes = [];
  absences = [];
  clashes = [];
  revivals = [];
  troubles = []; // { from, to } in ms: when anything was broken; `rides`: for these alone, null: for all
  calmAt = 0;
  // Of the time before, by ride: id → t of who was aboard.
  rosters = new Map();
  #ticks = 0;
  #told = new Map(); // "ride position" → what is there

  tick() {
    return ++this.#ticks;
  }

  // `socket`: its name, null where it has none. Answers the connection.
  connect(who, ride, socket) {
    const connection = {
      ...{ who, ride, socket, joined: this.tick(), left: Infinity, living: true, over: false, doubtful: false },
      returns: [], // when its client came back to it
      exit: null, // its last word, if that was an exit and acknowledged
      before: [], // who it was aboard as when all was calm: { id, t, sure }; of more than one it is open which
      words: [],
    };
    this.connections.push(connection);
    return connection;
  }

  // The client's connection is gone; it may come back to this.
  leave(connection) {
    connection.living = false;
    connection.left = this.tick();
  }

  // The client has come back to it. Whether anybody was there to hold its rider when Redis was wiped, since all was calm
  // or while it was away, is not known.
  reconnect(connection) {
    const { exit } = connection;
    const wipes = this.wipesOf(connection.ride);
    if (exit && !wipes.some(({ to }) => to > exit.sent)) this.revivals.push(exit);
    connection.joined = this.tick();
    connection.returns.push(connection.joined);
    connection.living = true;
    if (wipes.some(({ to }) => to > Math.min(connection.left, this.calmAt))) connection.doubtful = true;
    connection.left = Infinity;
  }

  // The client has given it up for another one.
  giveUp(connection) {
    connection.living = false;
    connection.over = true;
  }

  // A connection is about to say this as `id`; answers the transition.
  say(connection, id, kind) {
    const t = this.tick();
    const said = { ride: connection.ride, id, kind, by: connection, sent: t, acked: null, error: null, place: null };
    const transition = { t, ...said, places: [], ms: now(), took: null };
    connection.exit = null;
    this.transitions.set(t, transition);
    connection.words.push(transition);
    return transition;
  }

  acknowledged(transition, answer) {
    transition.took = now() - transition.ms;
    if (answer.ok !== true) return void (transition.error = answer.error);
    transition.acked = this.tick();
    if (transition.kind === "exiting") transition.by.exit = transition;
    if (!answer.offset) return;
    transition.place = readPosition(answer.offset);
    transition.places.push(transition.place);
  }

  // A client has joined and was not recovered; `early`: perhaps before its gateway knew who is aboard.
  open(who, ride, early = false) {
    const joined = this.tick();
    const stream = { who, ride, joined, early, resumed: [], connected: true, heard: joined, ended: false, entries: [] };
    this.streams.push(stream);
    return stream;
  }

  // It is continued: its client was recovered.
  goOn(stream) {
    stream.resumed.push({ at: stream.entries.length, tick: this.tick(), heard: stream.heard });
  }

  // It will not be continued.
  end(stream) {
    stream.ended = true;
  }

  // Clients that decline recovery hear no positions.
  heard(stream, event, { id, t }, offset) {
    stream.heard = this.tick();
    stream.entries.push({ event, id, t, offset, tick: stream.heard });
    const place = offset === undefined ? null : readPosition(offset);
    let isNews = false; // and not what somebody missed, or shows an older place to hear again
    if (place?.epoch) {
      isNews = this.#isThere(stream, offset, `${event} ${id} (${t})`);
      if (event !== "userDisconnected") this.transitions.get(t)?.places.push(place);
    }
    if (event !== "userDisconnected") return;
    this.toldAsGone.add(`${stream.ride} ${id}`);
    if (isNews)
      this.departures.push({ ride: stream.ride, id, t, offset, place, tick: this.tick(), ms: now() });
  }

  // An answer to activeUsers.
  told(stream, { users, offset }) {
    stream.entries.push({ users: users.map(({ id, t }) => ({ id, t })), offset });
  }

  // Two events, or two things to be true of one place, cannot be. Whether nobody has heard it before.
  #isThere({ who, ride }, position, what) {
    const key = `${ride} ${position}`;
    const first = this.#told.get(key);
    if (!first) this.#told.set(key, { what, who });
    else if (first.what !== what) this.clashes.push({ ride, position, ...first, other: what, otherWho: who });
    return !first;
  }

  // `action` is given the wipe.
  async wipe(action) {
    const wipe = { from: this.tick(), to: Infinity, healed: Infinity, kind: null, rides: null };
    this.wipes.push(wipe);
    await action(wipe);
    wipe.to = this.tick();
  }

  // One since all was calm, of these rides.
  wiped(rides) {
    this.wipes.push({ from: this.calmAt, to: this.tick(), healed: Infinity, kind: null, rides });
  }

  wipesOf(ride) {
    return this.wipes.filter(({ rides }) => rides === null || rides.includes(ride));
  }

  wasWipedSinceCalm(ride) {
    return this.wipesOf(ride).some(({ to }) => to > this.calmAt);
  }

  // Nobody reaches the server of these rides while this goes on.
  async absence(rides, action) {
    const absence = { rides, from: now(), to: Infinity };
    this.absences.push(absence);
    await action();
    absence.to = now();
  }

  // Something is broken while this goes on; `action` is given the trouble.
  async trouble(action) {
    const trouble = { from: now(), to: Infinity, rides: null };
    this.troubles.push(trouble);
    await action(trouble);
    trouble.to = now();
  }

  // All has been checked: what cannot grow any more is not needed for later checks. `standings` (truth.mjs) says who
  // each connection may be aboard as, `rosters` by ride who is.
  calm(rosters = {}, standings = () => []) {
    for (const [ride, users] of Object.entries(rosters)) this.rosters.set(ride, new Map(users));
    const open = this.connections.map((connection) => [connection, standings(connection)]);
    for (const [connection, possible] of open) {
      connection.before = this.#settled(connection, possible, open);
      connection.words = [];
      connection.doubtful = false;
    }
    this.connections = this.connections.filter(({ over }) => !over);
    this.streams = this.streams.filter(({ ended }) => !ended);
    this.departures = [];
    this.toldAsGone.clear();
    this.calmAt = this.tick();
    for (const wipe of this.wipes) wipe.healed = Math.min(wipe.healed, this.calmAt);
  }

  // Whoever is not aboard is not so by any connection; who is, and can be so by one alone, is so by that one: unless its
  // boarding was not acknowledged before the client came back and a wipe followed, which may keep its gateway from
  // hearing what the former one was late with, or a wipe has taken back the person's exit elsewhere, of which its
  // gateway may know. Then the rider may be aboard for a window only.
  #settled({ ride, living, joined }, possible, open) {
    const wipes = this.wipesOf(ride);
    const roster = this.rosters.get(ride) ?? new Map();
    return possible
      .filter(({ id }) => roster.has(id))
      .map((standing) => {
        const others = open.filter(
          ([other, may]) => other.ride === ride && other.living && may.some(({ id }) => id === standing.id),
        );
        const { boarding, exitWiped } = standing;
        const wiped = boarding && wipes.some(({ to }) => to > boarding.sent);
        const mayBeLate = wiped && boarding.acked === null && boarding.sent < joined;
        const isAlone = living && possible.length === 1 && others.length === 1;
        return { ...standing, sure: standing.sure || (isAlone && !mayBeLate && !exitWiped) };
      });
  }
}
