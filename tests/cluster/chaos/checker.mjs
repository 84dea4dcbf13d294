// Judges a history (history.mjs) once everything has calmed down: a pure function, so that it can be tested itself.
//
// What must hold:
//
//   set       The hash in Redis holds exactly the riders whose clients are connected and whose last acknowledged
//             word was boarding, under the right socket and with the right record.
//   lost      A transition acknowledged with ok is in every stream that was open before it was said and whose client
//             is connected now.
//   doubled   No stream has a transition twice, and no stream tells twice that somebody is gone.
//   order     In a stream the numbers of one epoch never fall, and an epoch that was left does not come back.
//   invented  Every event is about something a rider said, in the rider's words; what was refused is not heard.
//   view      Every answer to activeUsers is what the stream has told until there: the answer before, changed by
//             the events since. So whoever listens is right about who is aboard, at any time.
//
// What the design allows, and so must the checker:
//
//   - A transition whose answer was lost may have happened or not: at most once in a stream, none is no loss.
//   - A rider may be told as disconnected though its client is connected (its gateway was silent for too long). It
//     is put back, which is told as userBoarded with the same record: once for each time it was told as gone.
//   - What was committed before a wipe exists afterwards only as far as gateways put it back. So a transition said
//     before a wipe is no loss; that its rider is told as aboard, or gone, is for `view` and `set` to see.
//   - One that was under way at the wipe may be done on either side of it: then it is told once in each epoch.
//   - An exit that was under way at a wipe and never acknowledged, whose client went on elsewhere with its rider
//     aboard, may be done afterwards: nobody remembers that the client has moved. Its gateway puts the rider back, which
//     is told as userBoarded with the same record, once.
//   - After a loss of continuity a gateway tells a difference of rosters, whose events are in no epoch; behind it the
//     numbers may jump.
//   - A socket's transition that was never acknowledged may surface after a later exit of the same rider, when the
//     gateway that had it was away in between; the rider is then told as gone once more.

const EVENT_OF = { boarding: "userBoarded", exiting: "userExited" };

// `rides`: { name: { aboard: [[socket, id, t], …], hash: the same as Redis has it } }. Answers [{ kind, text }, …].
export function check(history, rides) {
  return [
    ...Object.entries(rides).flatMap(([ride, { aboard, hash }]) => checkSet(ride, aboard, hash)),
    ...history.streams.flatMap((stream) => checkStream(stream, history)),
    ...history.streams.flatMap((stream) => checkLosses(stream, history)),
  ];
}

const violation = (kind, text) => ({ kind, text });

const missing = (list, from) => {
  const there = new Set(from.map(String));
  return list.map(String).filter((item) => !there.has(item));
};

function checkSet(ride, aboard, hash) {
  return [
    ...missing(aboard, hash).map((rider) => violation("set", `${ride}: ${rider} is aboard but not in Redis`)),
    ...missing(hash, aboard).map((rider) => violation("set", `${ride}: ${rider} is in Redis but not aboard`)),
    ...(new Set(hash.map(String)).size < hash.length ? [violation("set", `${ride}: a rider is twice in Redis`)] : []),
  ];
}

function checkStream(stream, history) {
  const reader = new Reader(stream, history);
  stream.entries.forEach((entry, at) => reader.read(entry, at));
  return reader.violations;
}

// Follows one stream from entry to entry.
class Reader {
  violations = [];
  #view = null; // id → t of everyone aboard; null before the first answer to activeUsers
  #told = new Map(); // "userBoarded 17" → the epochs in which it was told
  #gone = new Map(); // id → the event, if the last one said that it is gone
  #epochs = [];
  #number = 0;

  constructor(stream, history) {
    this.stream = stream;
    this.history = history;
  }

  read(entry, at) {
    this.at = at;
    this.entry = entry;
    this.#checkOrder();
    if (entry.users) this.#readUsers(entry.users);
    else if (entry.event === "userDisconnected") this.#readDisconnected(entry);
    else this.#readTransition(entry);
  }

  #report(kind, text) {
    const { who, ride } = this.stream;
    const { event, id, t, offset } = this.entry;
    const entry = event ? `${event} ${id} (${t})` : "activeUsers";
    this.violations.push(violation(kind, `${who} on ${ride}, entry ${this.at}, ${entry} at ${offset}: ${text}`));
  }

  #checkOrder() {
    const [number, epoch] = splitOffset(this.entry.offset);
    if (epoch === "") return; // part of a difference
    if (epoch !== this.#epochs.at(-1)) {
      if (this.#epochs.includes(epoch)) this.#report("order", "its epoch had been left");
      this.#epochs.push(epoch);
    } else if (number < this.#number) {
      this.#report("order", `after ${this.#number} in the same epoch`);
    }
    this.#number = number;
  }

  #readUsers(users) {
    const now = users.map(({ id, t }) => [id, t]);
    if (this.#view) {
      for (const rider of missing(now, [...this.#view]))
        this.#report("view", `${rider} is in it, but was not told as aboard`);
      for (const rider of missing([...this.#view], now))
        this.#report("view", `${rider} was told as aboard, but is not in it`);
    }
    this.#view = new Map(now);
  }

  #said(kind) {
    const { id, t } = this.entry;
    const transition = this.history.transitions.get(t);
    if (!transition || transition.id !== id || transition.kind !== kind || transition.ride !== this.stream.ride)
      this.#report("invented", "nobody said that");
    else if (transition.error !== null) this.#report("invented", `it was refused: ${transition.error}`);
    return transition;
  }

  #readDisconnected({ id }) {
    this.#said("boarding");
    const known = this.#view ? this.#view.has(id) : !this.#gone.has(id);
    if (!known) this.#report("doubled", "was not aboard");
    this.#view?.delete(id);
    this.#gone.set(id, this.entry);
  }

  #exitedLateAfterWipe(gone) {
    const exit = gone && this.history.transitions.get(gone.t);
    return exit?.kind === "exiting" && exit.acked === null && wasUnderWayAtWipe(exit, this.history);
  }

  #readTransition({ event, id, t }) {
    const transition = this.#said(event === "userBoarded" ? "boarding" : "exiting");
    const gone = this.#gone.get(id);
    const putBack =
      event === "userBoarded" && (gone?.event === "userDisconnected" || this.#exitedLateAfterWipe(gone));
    const key = `${event} ${t}`;
    const epochs = this.#told.get(key) ?? [];
    const epoch = this.#epochs.at(-1);
    if (epochs.length > 0 && !putBack && !(wasUnderWayAtWipe(transition, this.history) && !epochs.includes(epoch)))
      this.#report("doubled", "had been told");
    this.#told.set(key, [...epochs, epoch]);
    if (event === "userExited") {
      this.#view?.delete(id);
      this.#gone.set(id, this.entry);
      return;
    }
    if (gone?.event === "userExited" && transition?.acked && t < gone.t && !putBack)
      this.#report("doubled", "had exited since");
    this.#view?.set(id, t);
    this.#gone.delete(id);
  }
}

function splitOffset(offset) {
  const dash = offset.indexOf("-");
  return [Number(offset.slice(0, dash)), offset.slice(dash + 1)];
}

const wasUnderWayAtWipe = (transition, { wipes }) =>
  transition && wipes.some(({ from, to }) => transition.sent < to && (transition.acked ?? Infinity) > from);

function checkLosses(stream, { transitions, wipes }) {
  if (!stream.connected) return [];
  const lastWipe = Math.max(0, ...wipes.map(({ to }) => to));
  const heard = new Set(stream.entries.map(({ event, t }) => `${event} ${t}`));
  return [...transitions.values()]
    .filter(({ ride, sent, acked }) => acked && ride === stream.ride && sent > stream.joined && sent > lastWipe)
    .filter(({ kind, t }) => !heard.has(`${EVENT_OF[kind]} ${t}`))
    .map(({ kind, id, t }) => violation("lost", `${stream.who} on ${stream.ride} did not hear ${kind} ${id} (${t})`));
}
