// Many people who come, board, exit, drop out and come back, as a seed decides.

import { onEnd } from "../../lib/cleanup.mjs";
import { MODES } from "../../lib/official.mjs";
import { sleep } from "../../lib/wait.mjs";
import { LightClient, OfficialClient } from "./clients.mjs";
import { Person } from "./person.mjs";

export class Crowd {
  #returning = new Set();

  constructor(t, { size, rides, cluster, history, random, note, awayMs }) {
    Object.assign(this, { random, awayMs });
    this.people = Array.from({ length: size }, (_, i) => {
      const own = random.fork();
      const noteOwn = (text) => note(`p${i}`, text);
      const find = () => {
        const nodes = cluster.nodes.filter(({ url }) => url !== null);
        if (nodes.length === 0) return null;
        const node = own.pick(nodes);
        noteOwn(`turns to ${node.name}`);
        return node.url;
      };
      // Most clients are light ones, because they cost the test least.
      const mode = i % 3 === 0 ? own.pick(Object.keys(MODES)) : null;
      const makeClient = (ride, on) =>
        mode ? new OfficialClient(ride, find, on, mode) : new LightClient(ride, find, on);
      return new Person(`p${i}`, rides[i % rides.length], { history, makeClient, note: noteOwn });
    });
    onEnd(t, () => this.people.forEach((person) => person.end()));
  }

  // About `rate` actions a second for that long.
  async act(ms, rate) {
    const until = performance.now() + ms;
    while (performance.now() < until) {
      this.#actOne(this.random.pick(this.people));
      await sleep((this.random.next() * 2000) / rate);
    }
  }

  // Whoever meant to come back has set out to.
  async returned() {
    while (this.#returning.size > 0) await Promise.all(this.#returning);
  }

  #actOne(person) {
    const { random } = this;
    if (!person.present) return this.#bring(person);
    if (!person.settled) return random.chance(0.2) && person.client.connected ? this.#drop(person) : undefined;
    const ACTIONS = {
      board: () => person.board(),
      exit: () => person.exit(),
      ask: () => person.ask(),
      freeze: () => person.client.freeze(random.between(100, 3000)),
      drop: () => this.#drop(person),
    };
    const weights = person.aboard
      ? { board: 2, exit: 3, ask: 2, freeze: 1, drop: 4 }
      : { board: 8, ask: 1, freeze: 1, drop: 1 };
    ACTIONS[random.weighted(weights)]();
  }

  #bring(person) {
    if (person.sid && this.random.chance(0.4)) person.return();
    else person.arrive();
  }

  // Some stay away, some are back before anybody has noticed, some after they have been given up.
  #drop(person) {
    const staysAway = this.random.chance(0.3);
    const ms = this.random.chance(0.5) ? this.random.between(0, 100) : this.random.between(100, this.awayMs);
    person.drop();
    if (staysAway) return;
    const back = sleep(ms).then(() => {
      this.#returning.delete(back);
      if (!person.present) person.return();
    });
    this.#returning.add(back);
  }
}
