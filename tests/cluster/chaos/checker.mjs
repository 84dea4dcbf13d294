// Judges a history (history.mjs) once everything has calmed down: a pure function, so that it can be tested itself.
//
// What must hold:
//
//   set       The hash in Redis holds exactly the persons who are aboard (truth.mjs), each once and with the right
//             record.
//   lost      A transition acknowledged with ok is in every stream that was open before it was said and whose client
//             is connected now.
//   doubled   No stream has a transition twice, and no stream tells twice that somebody is gone.
//   order     In a stream the numbers of one epoch never fall, and an epoch that was left does not come back. What an
//             answer to activeUsers has is not told behind it. What was acknowledged before something else was said
//             stands before it.
//   invented  Every event is about something a rider said, in the rider's words; what was refused is not heard.
//   view      Every answer to activeUsers is what the stream has told until there: the answer before, changed by
//             the events since, folded by user id. So whoever listens is right about who is aboard, at any time.
//   position  What two streams have under one position is the same.
//   past      A position stands for all before it: whoever has heard one event under the same position has heard the same
//             ones before it in that epoch, as far as each was there.
//   refused   An exit is not refused because Redis cannot record it: it is said until it is done.
//   revived   No client comes back to a connection on which it has exited. (One that has left without an exit is aboard
//             again if it comes back to it, or `set` notices.)
//   gone      Nobody is told as userDisconnected while a connection of that person lives, unless something was broken
//             shortly before that had to do with the ride.
//   held up   While a shard of a Redis Cluster is away, and nothing else is broken, boardings on the rides of others are
//             acknowledged, and not late.
//
// What the design allows, and so must the checker (docs/redis.md, "What a loss may cost"; a wipe is such a loss, of all
// rides or of some):
//
//   - Whoever is let in before its gateway knows the ride (it has waited for five seconds) is not told what happens
//     until then: it is in the first answer to activeUsers.
//   - A transition whose answer was lost may have happened or not: at most once in a stream, none is no loss.
//   - A rider may be told as disconnected though its client is connected (its gateway was silent for too long). It
//     is put back, which is told as userBoarded with the same record: once for each time it was told as gone.
//   - What was committed before a wipe exists afterwards only as far as gateways put it back. So a transition said
//     before a wipe is no loss; that its rider is told as aboard, or gone, is for `view` and `set` to see.
//   - One that was under way at the wipe may be done on either side of it: then it is told once in each epoch.
//   - An exit that was under way at a wipe whose client went on elsewhere with its rider aboard, may be done
//     afterwards: nobody remembers that the client has moved. Its gateway puts the rider back, which is told as
//     userBoarded with the same record, once.
//   - So it may be where a person has exited elsewhere shortly before a wipe: the gateway of another connection, or the
//     one that had this connection before its client came back to it, may not have heard of it.
//   - Where Redis comes back with what it had before (a wipe lasts from then to now), whoever has exited since is
//     aboard again until its gateway has said that it does not have it. That is told, too.
//   - After a loss of continuity a gateway tells a difference of rosters, whose events are in no epoch; behind it the
//     numbers may jump. Where a wipe has begun a new epoch, what that had before the gateway came to it may be in the
//     difference only.
//   - Whoever has heard nothing since riders were put back after a wipe, and is recovered, hears of it, and of their end:
//     the log does not say who knew them. It goes on behind the last event, though an answer to activeUsers was later.
//     What its gateway says first is what it found there.
//   - What a wipe has brought back is told as far as it changes what is known, and so is what mends that.
//   - A fingerprint is compared with the log: what that does not have is believed. So where it was lost meanwhile two
//     pasts may lead to one position.
//   - A socket's transition that was never acknowledged may surface after a later exit of the same rider, when the
//     gateway that had it was away in between; the rider is then told as gone once more. But not after an exit that its
//     own client has said since, and had acknowledged, unless it was under way at a wipe.

import { checkPasts } from "./pasts.mjs";
import { readPosition } from "./position.mjs";
import { Truth } from "./truth.mjs";

// How long after a fault somebody may still be told as gone because of it.
export const REASON_MS = 6000;

// Far longer than anybody waits, and than any pause of this process.
export const HELD_UP_MS = 10_000;

const UNRECORDED = "the broker cannot record it";

const BROKER_AWAY = /broker/;

const EVENT_OF = { boarding: "userBoarded", exiting: "userExited" };

// `rides`: { name: [[id, t], …], as Redis has it }. Answers [{ kind, text }, …].
export function check(history, rides) {
  const truth = new Truth(history);
  return [
    ...Object.entries(rides).flatMap(([ride, users]) =>
      truth.faultsOf(ride, users).map((text) => violation("set", `${ride}: in Redis, ${text}`)),
    ),
    ...history.clashes.map(clash),
    ...checkPasts(history).map((text) => violation("past", text)),
    ...checkRefusals(history),
    ...history.revivals.map(({ by, id, t }) =>
      violation("revived", `${by.who} on ${by.ride} came back as ${by.socket}, but had exited as ${id} (${t})`),
    ),
    ...history.streams.flatMap((stream) => checkStream(stream, history)),
    ...history.streams.flatMap((stream) => checkLosses(stream, history)),
    ...checkOrder(history),
    ...checkDepartures(history, truth),
    ...checkAbsences(history),
  ];
}

const violation = (kind, text) => ({ kind, text });

const missing = (list, from) => {
  const there = new Set(from.map(String));
  return list.map(String).filter((item) => !there.has(item));
};

const clash = ({ ride, position, what, who, other, otherWho }) =>
  violation("position", `${position} of ${ride} is ${what} for ${who}, and ${other} for ${otherWho}`);

// What Redis cannot record is sent again; a boarding is given up after a while.
function checkRefusals({ transitions }) {
  return [...transitions.values()]
    .filter(({ kind, error }) => kind === "exiting" && error === UNRECORDED)
    .map(({ ride, id, t, by, error }) => violation("refused", `${by.who} on ${ride}: exit of ${id} (${t}): ${error}`));
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
  #last = new Map(); // id → t of its last boarding
  #epochs = [];
  #number = 0;
  #eventNumber = 0;
  #asked = -1; // at which entry

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
    if (this.entry.offset === undefined) return; // the client has declined positions
    const { number, epoch } = readPosition(this.entry.offset);
    if (epoch === "") return; // part of a difference
    if (epoch !== this.#epochs.at(-1)) {
      if (this.#epochs.includes(epoch)) this.#report("order", "its epoch had been left");
      this.#epochs.push(epoch);
    } else if (this.#isPast(number) && !(number > this.#eventNumber && this.#isReplayedWipe())) {
      this.#report("order", `after ${this.#number} in the same epoch`);
    }
    this.#number = number;
    if (this.entry.event) this.#eventNumber = number;
  }

  // An answer to activeUsers has the event under its own number, too.
  #isPast(number) {
    const isInAnswer = this.entry.event && this.#asked === this.at - 1;
    return isInAnswer ? number <= this.#number : number < this.#number;
  }

  #readUsers(users) {
    const now = users.map(({ id, t }) => [id, t]);
    // A gateway that has only just read what a wipe has left knows no better.
    const resumed = this.stream.resumed.some((one) => one.at > this.#asked && isInWipe(this.stream, this.history)(one));
    if (this.#view && !resumed) {
      for (const rider of missing(now, [...this.#view]))
        this.#report("view", `${rider} is in it, but was not told as aboard`);
      for (const rider of missing([...this.#view], now))
        this.#report("view", `${rider} was told as aboard, but is not in it`);
    }
    this.#view = new Map(now);
    this.#asked = this.at;
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
    if (!known && !this.#isReplayedWipe()) this.#report("doubled", "was not aboard");
    this.#view?.delete(id);
    this.#gone.set(id, this.entry);
  }

  // An exit that a wipe may have taken back: one that was under way, of a person who had another connection, or at
  // another gateway than the one that had the connection first.
  #exitWasWiped(gone, boarding) {
    const exit = gone && this.history.transitions.get(gone.t);
    if (exit?.kind !== "exiting") return false;
    if (wasUnderWayAtWipe(exit, this.history)) return true;
    const another = boarding && (exit.by !== boarding.by || hadAnother(exit, this.history) || hadMoved(boarding, exit));
    return another && this.history.wipesOf(exit.ride).some(({ to }) => to > exit.sent);
  }

  // After a wipe: it changes what is known, or it is replayed to who was away.
  #mayBeToldAgain(id, t) {
    const known = this.#view ? this.#view.get(id) : this.#last.get(id);
    if (known !== t) return wasWipedDuring(this.stream, this.history);
    return this.stream.resumed.some(mayReplayWipe(this.stream, this.history));
  }

  // What the log tells of a wipe to whoever is recovered, until it asks.
  #isReplayedWipe() {
    return this.stream.resumed.some((one) => one.at > this.#asked && mayReplayWipe(this.stream, this.history)(one));
  }

  // It was acknowledged before the exit was said, or the same client has said that after it, and it is acknowledged.
  #isOver(boarding, exit) {
    if (boarding.acked) return boarding.acked < exit.sent;
    const said = boarding.by === exit.by && boarding.sent < exit.sent && exit.acked !== null;
    return said && !wasUnderWayAtWipe(boarding, this.history);
  }

  #readTransition({ event, id, t }) {
    const transition = this.#said(event === "userBoarded" ? "boarding" : "exiting");
    const gone = this.#gone.get(id);
    const putBack =
      event === "userBoarded" && (gone?.event === "userDisconnected" || this.#exitWasWiped(gone, transition));
    const key = `${event} ${t}`;
    const epochs = this.#told.get(key) ?? [];
    const epoch = this.#epochs.at(-1);
    // Whoever hears no positions does not know where an epoch begins.
    const elsewhere = this.entry.offset === undefined ? epochs.length === 1 : !epochs.includes(epoch);
    const again = wasUnderWayAtWipe(transition, this.history) && elsewhere;
    if (epochs.length > 0 && !putBack && !again && !this.#mayBeToldAgain(id, t))
      this.#report("doubled", "had been told");
    this.#told.set(key, [...epochs, epoch]);
    if (event === "userExited") {
      this.#view?.delete(id);
      this.#gone.set(id, this.entry);
      return;
    }
    const exit = gone?.event === "userExited" && this.history.transitions.get(gone.t);
    if (exit && transition && !putBack && this.#isOver(transition, exit)) this.#report("doubled", "had exited since");
    this.#view?.set(id, t);
    this.#last.set(id, t);
    this.#gone.delete(id);
  }
}

// Whether the person was aboard on another connection, too, when the exit was said.
function hadAnother({ ride, id, by, sent }, { connections }) {
  const boarded = ({ before, words }) => {
    const last = words.findLast((word) => word.sent < sent);
    return last ? last.kind === "boarding" && last.id === id : before.some((one) => one.id === id);
  };
  return connections.some((connection) => connection !== by && connection.ride === ride && boarded(connection));
}

// The client came back, perhaps to another gateway, between the one and the other.
const hadMoved = (boarding, { by, sent }) => by.returns.some((tick) => tick > boarding.sent && tick < sent);

const wasUnderWayAtWipe = (transition, history) =>
  transition &&
  history
    .wipesOf(transition.ride)
    .some(({ from, to }) => transition.sent < to && (transition.acked ?? Infinity) > from);

// Not all is as it should be again.
const isInWipe =
  ({ ride }, history) =>
  ({ tick }) =>
    history.wipesOf(ride).some(({ from, healed }) => from < tick && tick < healed);

// What is replayed begins behind the last event that was heard, and so may tell of a wipe long after that has been healed.
const mayReplayWipe =
  ({ ride }, history) =>
  ({ tick, heard }) =>
    history.wipesOf(ride).some(({ from, healed }) => from < tick && heard < healed);

const wasWipedDuring = ({ ride, joined }, history) => history.wipesOf(ride).some(({ to }) => to > joined);

const lastWipeOf = (history, ride) => Math.max(0, ...history.wipesOf(ride).map(({ to }) => to));

function checkLosses(stream, history) {
  if (!stream.connected) return [];
  const lastWipe = lastWipeOf(history, stream.ride);
  const heard = new Set(stream.entries.map(({ event, t }) => `${event} ${t}`));
  const begun = stream.early || wasWipedDuring(stream, history) ? beginnings(stream) : new Map();
  const isInDifference = ({ places }) => places.some(({ epoch, number }) => number <= begun.get(epoch));
  return [...history.transitions.values()]
    .filter(({ ride, sent, acked }) => acked && ride === stream.ride && sent > stream.joined && sent > lastWipe)
    .filter(({ kind, t }) => !heard.has(`${EVENT_OF[kind]} ${t}`))
    .filter((transition) => !isInDifference(transition))
    .map(({ kind, id, t }) => violation("lost", `${stream.who} on ${stream.ride} did not hear ${kind} ${id} (${t})`));
}

// Epoch → the first number that the stream has of it.
function beginnings({ entries }) {
  const first = new Map();
  for (const { offset } of entries) {
    if (offset === undefined) continue;
    const { number, epoch } = readPosition(offset);
    if (!first.has(epoch)) first.set(epoch, number);
  }
  return first;
}

// Of what was said since all was calm and the last wipe, by the places that the acknowledgements name.
function checkOrder(history) {
  const byEpoch = new Map();
  for (const word of history.connections.flatMap(({ words }) => words)) {
    if (!word.place || word.sent < lastWipeOf(history, word.ride)) continue;
    const key = `${word.ride} ${word.place.epoch}`;
    byEpoch.set(key, [...(byEpoch.get(key) ?? []), word]);
  }
  const violations = [];
  for (const words of byEpoch.values()) {
    let latest = null;
    for (const word of words.sort((a, b) => a.place.number - b.place.number)) {
      if (latest && word.acked < latest.sent)
        violations.push(
          violation(
            "order",
            `${word.id} (${word.t}) at ${word.place.number} on ${word.ride} stands behind ` +
              `${latest.id} (${latest.t}), which was said after its acknowledgement`,
          ),
        );
      if (!latest || word.sent > latest.sent) latest = word;
    }
  }
  return violations;
}

// While a connection lives on which the person has boarded before, and nothing has been broken for a while.
function checkDepartures(history, truth) {
  const living = history.connections.filter(({ living }) => living);
  return history.departures
    .filter(({ ride }) => !history.wasWipedSinceCalm(ride))
    .filter(({ ride, ms }) => !history.troubles.some((trouble) => isReason(trouble, ride, ms)))
    .flatMap(({ ride, id, t, offset, place, tick }) =>
      living
        .filter((connection) => connection.ride === ride && connection.joined < tick)
        .filter((connection) => truth.standings(connection).some((one) => one.id === id && wasBefore(one, place)))
        .map(({ who }) => violation("gone", `${id} (${t}) was told as gone at ${offset}, but ${who} is there`)),
    );
}

const isReason = ({ from, to, rides }, ride, ms) =>
  from < ms && ms < to + REASON_MS && (rides === null || rides.includes(ride));

const wasBefore = ({ sure, boarding }, { epoch, number }) =>
  sure && (!boarding || boarding.places.some((place) => place.epoch === epoch && place.number < number));

// While a shard is away: each boarding of others' rides is acknowledged in time. Where its client's connection has ended
// first, nobody knows of it, but another one of the ride is.
function checkAbsences({ absences, transitions }) {
  const violations = [];
  for (const absence of absences) {
    const boardings = [...transitions.values()].filter((one) => isBeside(absence, one));
    const isAnswered = ({ ride, ms }) =>
      boardings.some((one) => one.ride === ride && one.acked && ms < endOf(one) && endOf(one) < ms + HELD_UP_MS);
    for (const boarding of boardings) {
      const { by, ride, id, t, ms, took, error } = boarding;
      const waited = took ?? (absence.to < ms + HELD_UP_MS || isAnswered(boarding) ? 0 : Infinity);
      if (waited <= HELD_UP_MS && !BROKER_AWAY.test(error)) continue;
      const what = error ?? (took === null ? "no answer" : `${Math.round(took)} ms`);
      violations.push(violation("held up", `${by.who} on ${ride}: boarding of ${id} (${t}): ${what}`));
    }
  }
  return violations;
}

const endOf = ({ ms, took }) => ms + took;

const isBeside = ({ from, to, rides }, { kind, ride, ms }) =>
  kind === "boarding" && from <= ms && ms <= to && !rides.includes(ride);

// The boardings that were answered of those that were said while a shard was away that has not their ride.
export const besides = ({ absences, transitions }) =>
  [...transitions.values()].filter((one) => one.took !== null && absences.some((absence) => isBeside(absence, one)));
