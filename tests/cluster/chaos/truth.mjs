// Who is really aboard, from what was said and heard (history.mjs): a rider is a person, who may have several
// connections. Pure.
//
// A person is aboard if a connection that lives has boarded as that id, has said nothing as another since, and nobody
// has exited as that id since. What was said is done for certain when it is acknowledged, and it may be done when its
// answer was lost; it is done in any case if somebody heard it. Where the order of two words matters it is that of
// their places in the stream.
//
// Four things leave it open whether a person is aboard by a connection: its last word was not acknowledged; it came
// back after a wipe, during which nobody may have held its rider; it came back after a wipe that may have taken back its
// last word, to a gateway that has not heard it; or the person's exit elsewhere has been wiped, which the gateway of
// this connection may not have heard before. What is open must be the same for everybody all the same.

const YES = 1;
const MAYBE = 0;
const NO = -1;

// Did `late` come after `early`, in the stream? A wipe may have two streams go on from one place.
function follows(late, early, history) {
  if (early.acked && early.acked < late.sent) return YES;
  if (late.acked && late.acked < early.sent) return NO;
  if (history.wipesOf(early.ride).some(({ to }) => to > Math.min(early.sent, late.sent))) return MAYBE;
  const [epoch, before] = [...firstPlaces(early)].find(([name]) => firstPlaces(late).has(name)) ?? [];
  if (epoch === undefined) return MAYBE;
  return firstPlaces(late).get(epoch) > before ? YES : NO;
}

// Epoch → number. A repetition may be told, or acknowledged, later than the event's own place.
function firstPlaces({ places }) {
  const first = new Map();
  for (const { epoch, number } of places) first.set(epoch, Math.min(number, first.get(epoch) ?? Infinity));
  return first;
}

const happened = ({ acked, places }) => acked !== null || places.length > 0;

export class Truth {
  #exits = new Map(); // "ride id" → exits since all was calm
  #boardings = new Map();

  constructor(history) {
    this.history = history;
    for (const word of history.connections.flatMap(({ words }) => words)) {
      if (word.error !== null) continue;
      const list = word.kind === "exiting" ? this.#exits : this.#boardings;
      const key = `${word.ride} ${word.id}`;
      list.set(key, [...(list.get(key) ?? []), word]);
    }
  }

  // Who the connection may be aboard as: [{ id, t, sure, boarding, exitWiped }]; `boarding` is null if that was before
  // all was calm, `exitWiped` says that a wipe may have taken back the person's exit elsewhere.
  standings(connection) {
    let possible = connection.before.map((standing) => ({ ...standing, boarding: null, exitWiped: false }));
    for (const word of connection.words) {
      if (word.error !== null) continue;
      const next = word.kind === "boarding" ? [{ id: word.id, t: word.t, sure: true, boarding: word, exitWiped: false }] : [];
      const certain = word.acked && !this.#isTakenBack(connection, word);
      possible = certain ? next : [...possible, ...next].map((standing) => ({ ...standing, sure: false }));
    }
    if (connection.doubtful) possible = possible.map((standing) => ({ ...standing, sure: false }));
    return possible.map((standing) => this.#afterExits(connection, standing)).filter((standing) => standing !== null);
  }

  #isTakenBack({ joined }, word) {
    return joined > word.acked && this.#isWiped(word);
  }

  // While a wipe goes on there may be two histories, and each gateway holds what is latest in its own.
  #isHeldThroughWipe({ ride, sent, by }) {
    const wipes = this.history.wipesOf(ride);
    return by.living && by.joined < sent && !wipes.some(({ from, to }) => from < sent && sent < to);
  }

  #isWiped({ ride, sent }) {
    return this.history.wipesOf(ride).some(({ to }) => to > sent);
  }

  // An exit of the person by another connection ends what this one had.
  #afterExits(connection, standing) {
    let { sure, exitWiped } = standing;
    for (const exit of this.#exits.get(`${connection.ride} ${standing.id}`) ?? []) {
      if (exit.by === connection) continue;
      const order = standing.boarding ? follows(exit, standing.boarding, this.history) : YES;
      if (order === NO) continue;
      if (order === YES && happened(exit) && !this.#isWiped(exit)) return null;
      sure = false;
      exitWiped ||= this.#isWiped(exit);
    }
    return { ...standing, sure, exitWiped };
  }

  // id → { sure, records }: who must be aboard, or may be, and with which record.
  aboard(ride) {
    const found = new Map();
    for (const connection of this.history.connections.filter((one) => one.ride === ride && one.living)) {
      for (const { id, t, sure, boarding } of this.standings(connection)) {
        const person = found.get(id) ?? { sure: false, records: new Set() };
        person.sure ||= sure;
        // Who was put back has the record of a connection that was there: as its gateway knew it, which may have heard of
        // a later boarding of the person, and not of the last.
        if (this.#wasPutBack(ride, id)) for (const one of [t, ...this.#laterRecords(ride, id, boarding)]) person.records.add(one);
        found.set(id, person);
      }
    }
    for (const [id, { records }] of found) for (const t of this.#latestRecords(ride, id)) records.add(t);
    return found;
  }

  #laterRecords(ride, id, boarding) {
    const boardings = this.#boardings.get(`${ride} ${id}`) ?? [];
    const isLater = (one) => boarding === null || follows(one, boarding, this.history) !== NO;
    return boardings.filter((one) => happened(one) && isLater(one)).map(({ t }) => t);
  }

  #wasPutBack(ride, id) {
    return this.history.wasWipedSinceCalm(ride) || this.history.toldAsGone.has(`${ride} ${id}`);
  }

  // That of the last boarding, whichever connection's that was. What was not acknowledged may have been the last, and
  // what a wipe has taken back is put back only where a gateway still holds the connection.
  #latestRecords(ride, id) {
    const boardings = this.#boardings.get(`${ride} ${id}`) ?? [];
    const lasting = boardings.filter((one) => !this.#isWiped(one) || this.#isHeldThroughWipe(one));
    const superseded = (one) => lasting.some((other) => happened(other) && follows(other, one, this.history) === YES);
    const records = boardings.filter((one) => !superseded(one)).map(({ t }) => t);
    const before = this.history.rosters.get(ride)?.get(id);
    if (before !== undefined && !lasting.some(({ acked }) => acked)) records.push(before);
    return records;
  }

  // What is wrong with [[id, t], …] as the set of who is aboard.
  faultsOf(ride, users) {
    const aboard = this.aboard(ride);
    const there = new Map(users);
    return [
      ...(there.size < users.length ? ["a rider is in it twice"] : []),
      ...[...aboard].filter(([id, { sure }]) => sure && !there.has(id)).map(([id]) => `${id} is aboard but not in it`),
      ...users.flatMap(([id, t]) => {
        const person = aboard.get(id);
        if (!person) return [`${id} (${t}) is in it but not aboard`];
        return person.records.has(t) ? [] : [`${id} is in it with ${t}, not ${[...person.records].join(" or ")}`];
      }),
    ];
  }
}
