// The checker itself: histories made by hand, right ones and wrong ones.

import assert from "node:assert/strict";
import { test } from "node:test";
import { check } from "./checker.mjs";
import { History } from "./history.mjs";

const RIDE = "/";

// Short words to write a history with.
function story() {
  const history = new History();
  const listen = (who = "listener") => history.open(who, RIDE);
  const say = (kind, id, answer = { ok: true }) => {
    const transition = history.say(RIDE, id, kind);
    if (answer) history.acknowledged(transition, answer);
    return transition;
  };
  const hear = (stream, event, { id, t }, offset) => history.heard(stream, event, { id, t }, offset);
  const asks = (stream, riders, offset) =>
    history.told(stream, { users: riders.map(({ id, t }) => ({ id, t, name: "n" })), offset });
  return { history, listen, say, hear, asks };
}

const kinds = (history, { aboard = [], hash = aboard } = {}) => [
  ...new Set(check(history, { [RIDE]: { aboard, hash } }).map(({ kind }) => kind)),
];

test("a listener who heard everything once and in order is right", () => {
  const { history, listen, say, hear, asks } = story();
  const stream = listen();
  asks(stream, [], "0-epoch001");
  const ann = say("boarding", "ann");
  hear(stream, "userBoarded", ann, "1-epoch001");
  asks(stream, [ann], "1-epoch001");
  const again = say("boarding", "ann");
  hear(stream, "userBoarded", again, "2-epoch001");
  const exit = say("exiting", "ann");
  hear(stream, "userExited", exit, "3-epoch001");
  const bob = say("boarding", "bob");
  hear(stream, "userBoarded", bob, "4-epoch001");
  hear(stream, "userDisconnected", bob, "5-epoch001");
  asks(stream, [], "5-epoch001");
  assert.deepEqual(check(history, { [RIDE]: { aboard: [], hash: [] } }), []);
});

for (const [kind, event] of [
  ["boarding", "userBoarded"],
  ["exiting", "userExited"],
]) {
  test(`an acknowledged ${kind} that a listener has not heard is lost`, () => {
    const { history, listen, say, hear } = story();
    const [one, two] = [listen("one"), listen("two")];
    const transition = say(kind, "ann");
    hear(one, event, transition, "1-epoch001");
    assert.deepEqual(kinds(history), ["lost"]);
    hear(two, event, transition, "1-epoch001");
    assert.deepEqual(kinds(history), []);
  });

  test(`one ${kind} heard twice is doubled`, () => {
    const { history, listen, say, hear } = story();
    const stream = listen();
    const transition = say(kind, "ann");
    hear(stream, event, transition, "1-epoch001");
    hear(stream, event, transition, "1-epoch001");
    assert.deepEqual(kinds(history), ["doubled"]);
  });
}

test("what was said before somebody joined is no loss", () => {
  const { history, listen, say } = story();
  say("boarding", "ann");
  listen();
  assert.deepEqual(kinds(history), []);
});

test("what was said after somebody left is no loss", () => {
  const { history, listen, say } = story();
  listen().connected = false;
  say("boarding", "bob");
  assert.deepEqual(kinds(history), []);
});

test("what was said while a listener was away is a loss once it is recovered", () => {
  const { history, listen, say } = story();
  const stream = listen();
  stream.connected = false;
  say("boarding", "ann");
  stream.connected = true;
  assert.deepEqual(kinds(history), ["lost"]);
});

test("without an answer a transition may be heard or not, but not twice", () => {
  const { history, listen, say, hear } = story();
  const [one, two] = [listen("one"), listen("two")];
  const ann = say("boarding", "ann", null);
  hear(one, "userBoarded", ann, "1-epoch001");
  assert.deepEqual(kinds(history), []);
  hear(one, "userBoarded", ann, "2-epoch001");
  assert.deepEqual(kinds(history), ["doubled"]);
  assert.equal(two.entries.length, 0);
});

test("what was refused must not be heard, and is no loss", () => {
  const { history, listen, say, hear } = story();
  const stream = listen();
  const ann = say("boarding", "ann", { ok: false, error: "the queue is full" });
  assert.deepEqual(kinds(history), []);
  hear(stream, "userBoarded", ann, "1-epoch001");
  assert.deepEqual(kinds(history), ["invented"]);
});

test("what nobody said is invented", () => {
  const { history, listen, say, hear } = story();
  const stream = listen();
  const ann = say("boarding", "ann");
  hear(stream, "userBoarded", ann, "1-epoch001");
  for (const [event, record] of [
    ["userBoarded", { id: "ann", t: 999 }],
    ["userBoarded", { id: "bob", t: ann.t }],
    ["userExited", { id: "ann", t: ann.t }],
  ]) {
    const { length } = stream.entries;
    hear(stream, event, record, "2-epoch001");
    assert.ok(kinds(history).includes("invented"), `${event} ${JSON.stringify(record)}`);
    stream.entries.length = length;
  }
});

test("an event of another ride is invented", () => {
  const { history, listen, hear } = story();
  const stream = listen();
  const elsewhere = history.say("/line-7", "ann", "boarding");
  hear(stream, "userBoarded", elsewhere, "1-epoch001");
  assert.deepEqual(kinds(history), ["invented"]);
});

test("numbers may jump and stay, but not fall", () => {
  const { history, listen, say, hear } = story();
  const stream = listen();
  for (const offset of ["1-epoch001", "7-epoch001", "7-epoch001"])
    hear(stream, "userBoarded", say("boarding", offset), offset);
  assert.deepEqual(kinds(history), []);
  hear(stream, "userBoarded", say("boarding", "late"), "6-epoch001");
  assert.deepEqual(kinds(history), ["order"]);
});

test("a new epoch begins anew, and the old one does not come back", () => {
  const { history, listen, say, hear } = story();
  const stream = listen();
  for (const offset of ["9-epoch001", "1-epoch002"]) hear(stream, "userBoarded", say("boarding", offset), offset);
  assert.deepEqual(kinds(history), []);
  hear(stream, "userBoarded", say("boarding", "late"), "10-epoch001");
  assert.deepEqual(kinds(history), ["order"]);
});

test("an answer to activeUsers that the events do not lead to is a wrong view", () => {
  const { history, listen, say, hear, asks } = story();
  const stream = listen();
  asks(stream, [], "0-epoch001");
  const ann = say("boarding", "ann");
  hear(stream, "userBoarded", ann, "1-epoch001");
  asks(stream, [], "1-epoch001");
  assert.deepEqual(kinds(history), ["view"]);
  stream.entries.pop();
  asks(stream, [{ id: "ann", t: ann.t - 1 }], "1-epoch001");
  assert.deepEqual(kinds(history), ["view"]);
  stream.entries.pop();
  hear(stream, "userExited", say("exiting", "ann"), "2-epoch001");
  asks(stream, [ann], "2-epoch001");
  assert.deepEqual(kinds(history), ["view"]);
});

test("a rider told as disconnected may be put back, once for each time", () => {
  const { history, listen, say, hear } = story();
  const stream = listen();
  const ann = say("boarding", "ann");
  hear(stream, "userBoarded", ann, "1-epoch001");
  hear(stream, "userDisconnected", ann, "2-epoch001");
  hear(stream, "userBoarded", ann, "3-epoch001");
  hear(stream, "userDisconnected", ann, "4-epoch001");
  hear(stream, "userBoarded", ann, "5-epoch001");
  assert.deepEqual(kinds(history), []);
  hear(stream, "userBoarded", ann, "6-epoch001");
  assert.deepEqual(kinds(history), ["doubled"]);
});

test("nobody is told as disconnected twice, nor after an exit", () => {
  for (const [gone, asked] of ["userDisconnected", "userExited"].flatMap((event) => [
    [event, true],
    [event, false],
  ])) {
    const { history, listen, say, hear, asks } = story();
    const stream = listen();
    if (asked) asks(stream, [], "0-epoch001");
    const ann = say("boarding", "ann");
    hear(stream, "userBoarded", ann, "1-epoch001");
    hear(stream, gone, gone === "userExited" ? say("exiting", "ann") : ann, "2-epoch001");
    assert.deepEqual(kinds(history), []);
    hear(stream, "userDisconnected", ann, "3-epoch001");
    assert.deepEqual(kinds(history), ["doubled"], `${gone}, ${asked}`);
  }
});

test("whoever has exited does not come back with what was acknowledged before", () => {
  const { history, listen, say, hear } = story();
  const stream = listen();
  const [first, second] = [say("boarding", "ann"), say("boarding", "ann")];
  hear(stream, "userBoarded", first, "1-epoch001");
  hear(stream, "userExited", say("exiting", "ann"), "2-epoch001");
  hear(stream, "userBoarded", second, "3-epoch001");
  assert.deepEqual(kinds(history), ["doubled"]);
});

test("whoever has exited may board again", () => {
  const { history, listen, say, hear } = story();
  const stream = listen();
  hear(stream, "userBoarded", say("boarding", "ann"), "1-epoch001");
  hear(stream, "userExited", say("exiting", "ann"), "2-epoch001");
  hear(stream, "userBoarded", say("boarding", "ann"), "3-epoch001");
  assert.deepEqual(kinds(history), []);
});

test("what was never acknowledged may surface after an exit, and go", () => {
  const { history, listen, say, hear, asks } = story();
  const stream = listen();
  asks(stream, [], "0-epoch001");
  const stuck = say("boarding", "ann", null);
  hear(stream, "userExited", say("exiting", "ann"), "1-epoch001");
  hear(stream, "userBoarded", stuck, "2-epoch001");
  hear(stream, "userDisconnected", stuck, "3-epoch001");
  assert.deepEqual(kinds(history), []);
});

test("what was said before a wipe is no loss; what was said after it is", async () => {
  const { history, listen, say } = story();
  listen();
  say("boarding", "ann");
  await history.wipe(() => say("boarding", "bob"));
  assert.deepEqual(kinds(history), []);
  say("boarding", "cid");
  assert.deepEqual(kinds(history), ["lost"]);
});

test("what was under way at a wipe may be told once in each epoch", async () => {
  const { history, listen, say, hear } = story();
  const stream = listen();
  const ann = say("boarding", "ann", null);
  await history.wipe(() => {});
  history.acknowledged(ann, { ok: true });
  hear(stream, "userBoarded", ann, "9-epoch001");
  hear(stream, "userBoarded", ann, "1-epoch002");
  assert.deepEqual(kinds(history), []);
  hear(stream, "userBoarded", ann, "2-epoch002");
  assert.deepEqual(kinds(history), ["doubled"]);
});

test("what was acknowledged before a wipe is not told again after it", async () => {
  const { history, listen, say, hear } = story();
  const stream = listen();
  const ann = say("boarding", "ann");
  await history.wipe(() => {});
  hear(stream, "userBoarded", ann, "9-epoch001");
  hear(stream, "userBoarded", ann, "1-epoch002");
  assert.deepEqual(kinds(history), ["doubled"]);
});

test("what was said after a wipe is not told in two epochs", async () => {
  const { history, listen, say, hear } = story();
  const stream = listen();
  await history.wipe(() => {});
  const ann = say("boarding", "ann");
  hear(stream, "userBoarded", ann, "9-epoch001");
  hear(stream, "userBoarded", ann, "1-epoch002");
  assert.deepEqual(kinds(history), ["doubled"]);
});

test("a rider may be put back after an exit that was under way at a wipe, once, unless it was acknowledged", async () => {
  for (const [answer, twice, expected] of [
    [null, false, []],
    [null, true, ["doubled"]],
    [{ ok: true }, false, ["doubled"]],
  ]) {
    const { history, listen, say, hear } = story();
    const stream = listen();
    const ann = say("boarding", "ann");
    hear(stream, "userBoarded", ann, "9-epoch001");
    const exit = say("exiting", "ann", answer);
    await history.wipe(() => {});
    hear(stream, "userExited", exit, "1-epoch002");
    hear(stream, "userBoarded", ann, "2-epoch002");
    if (twice) hear(stream, "userBoarded", ann, "3-epoch002");
    assert.deepEqual(kinds(history), expected, JSON.stringify({ answer, twice }));
  }
});

test("Redis must hold everybody who is aboard, once, under the right socket, and nobody else", () => {
  const { history } = story();
  const rider = ["socket", "ann", 1];
  for (const hash of [[], [["other", "ann", 1]], [["socket", "ann", 2]], [rider, rider], [rider, ["ghost", "bob", 2]]])
    assert.deepEqual(kinds(history, { aboard: [rider], hash }), ["set"], JSON.stringify(hash));
  assert.deepEqual(kinds(history, { aboard: [rider] }), []);
});
