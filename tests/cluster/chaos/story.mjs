// For tests of the checker: histories made by hand, and what it finds in them.

import { check } from "./checker.mjs";
import { History } from "./history.mjs";

export const RIDE = "/";

// Short words to write a history with. A phone speaks on a connection of its own, "ann" on ann's unless told otherwise.
// Unless it is `healthy`, something was broken all the time.
export function story({ healthy = false } = {}) {
  const history = new History();
  if (!healthy) history.trouble(() => new Promise(() => {}));
  const phones = new Map();
  const phone = (name) => {
    if (!phones.has(name)) phones.set(name, history.connect(name, RIDE, name));
    return phones.get(name);
  };
  const listen = (who = "listener") => history.open(who, RIDE);
  const say = (kind, id, answer = { ok: true }, by = id) => {
    const transition = history.say(phone(by), id, kind);
    if (answer) history.acknowledged(transition, answer);
    return transition;
  };
  const hear = (stream, event, { id, t }, offset) => history.heard(stream, event, { id, t }, offset);
  const asks = (stream, riders, offset) =>
    history.told(stream, { users: riders.map(({ id, t }) => ({ id, t, name: "n" })), offset });
  return { history, phone, listen, say, hear, asks };
}

// What is wrong with the streams, and with `users` as what Redis has.
export const kinds = (history, users = null) => [
  ...new Set(check(history, users ? { [RIDE]: users.map(({ id, t }) => [id, t]) } : {}).map(({ kind }) => kind)),
];
