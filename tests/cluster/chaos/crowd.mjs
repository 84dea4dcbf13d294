// Many people who come, board, exit, drop out and come back, as a seed decides. Many of them have several phones, and
// some phones are at times somebody else's.

import { onEnd } from "../../lib/cleanup.mjs";
import { MODES } from "../../lib/official.mjs";
import { sleep } from "../../lib/wait.mjs";
import { LightClient, OfficialClient, PlainClient } from "./clients.mjs";
import { Phone } from "./phone.mjs";

const PHONES_OF_A_PERSON = { 1: 5, 2: 3, 3: 1 };

export class Crowd {
  #returning = new Set();

  // `size`: how many phones there are. `alone`: each is a person of its own, and somebody new with each connection.
  constructor(t, { size, rides, cluster, history, random, note, awayMs, silenceMs, alone }) {
    Object.assign(this, { random, awayMs, cluster, silenceMs, phones: [] });
    for (let i = 0, left = size; left > 0; i++) {
      const phones = alone ? 1 : Math.min(left, Number(random.weighted(PHONES_OF_A_PERSON)));
      left -= phones;
      const ride = rides[i % rides.length];
      // Itself, an id that nobody else has, and the one who came before it on the ride.
      const ids = [`u${i}`, `u${i}b`, ...(i >= rides.length ? [`u${i - rides.length}`] : [])];
      for (let j = 0; j < phones; j++) this.#add(`p${i}${"abc"[j]}`, ride, alone ? null : ids, { history, note });
    }
    onEnd(t, () => this.phones.forEach((phone) => phone.end()));
  }

  #add(name, ride, ids, { history, note }) {
    const own = this.random.fork();
    const noteOwn = (text) => note(name, text);
    const find = () => {
      const nodes = this.cluster.nodes.filter(({ url }) => url !== null);
      if (nodes.length === 0) return null;
      const node = own.pick(nodes);
      noteOwn(`turns to ${node.name}`);
      return node.url;
    };
    const makeClient = this.#clientMaker(own, find);
    this.phones.push(new Phone(name, ride, ids, { history, makeClient, note: noteOwn }));
  }

  // Most clients are light ones, because they cost the test least.
  #clientMaker(own, find) {
    const [Client, options] = own.pick([
      [OfficialClient, { mode: own.pick(Object.keys(MODES)), declines: own.chance(0.2) }],
      [LightClient, { declines: false }],
      [LightClient, { declines: own.chance(0.4) }],
      [own.chance(0.5) ? PlainClient : LightClient, { silenceMs: this.silenceMs }],
    ]);
    return (ride, on) => new Client(ride, find, on, options);
  }

  // About `rate` actions a second until that says so.
  async act(rate, isOver) {
    while (!isOver()) {
      this.#actOne(this.random.pick(this.phones));
      await sleep((this.random.next() * 2000) / rate);
    }
  }

  // Whoever meant to come back has set out to.
  async returned() {
    while (this.#returning.size > 0) await Promise.all(this.#returning);
  }

  #actOne(phone) {
    const { random } = this;
    if (!phone.present) return this.#bring(phone);
    if (!phone.settled) return random.chance(0.2) && phone.client.connected ? this.#drop(phone) : undefined;
    const [own] = phone.ids;
    const ACTIONS = {
      board: () => phone.board(phone.aboardAs ?? own),
      boardAsAnother: () => phone.board(random.pick(phone.ids)),
      exit: () => phone.exit(phone.aboardAs ?? own),
      exitAsAnother: () => phone.exit(random.pick(phone.ids)),
      ask: () => phone.ask(),
      freeze: () => phone.client.freeze(random.between(100, 3000)),
      drop: () => this.#drop(phone),
      leave: () => phone.leave(),
      reload: () => phone.reload(),
    };
    const weights =
      phone.aboardAs === null
        ? { board: 12, boardAsAnother: 2, exit: 0.5, ask: 2, freeze: 2, drop: 2, reload: 1 }
        : { board: 3, boardAsAnother: 1, exit: 4, exitAsAnother: 0.5, ask: 3, freeze: 2, drop: 6, leave: 1, reload: 3 };
    ACTIONS[random.weighted(weights)]();
  }

  #bring(phone) {
    if (phone.connection && this.random.chance(0.4)) phone.return();
    else phone.arrive();
  }

  // Some stay away, some are back before anybody has noticed, some after they have been given up.
  #drop(phone) {
    const staysAway = this.random.chance(0.3);
    const ms = this.random.chance(0.5) ? this.random.between(0, 100) : this.random.between(100, this.awayMs);
    phone.drop();
    if (staysAway) return;
    const back = sleep(ms).then(() => {
      this.#returning.delete(back);
      if (!phone.present) phone.return();
    });
    this.#returning.add(back);
  }
}
