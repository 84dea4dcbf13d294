// The checker itself: histories made by hand, right ones and wrong ones.

import assert from "node:assert/strict";
import { test } from "node:test";
import { besides, check, HELD_UP_MS } from "./checker.mjs";
import { kinds, RIDE, story } from "./story.mjs";
import { Truth } from "./truth.mjs";

// All is calm, and `users` are aboard.
function calm(history, users) {
  const truth = new Truth(history);
  history.calm({ [RIDE]: users.map(({ id, t }) => [id, t]) }, (connection) => truth.standings(connection));
}

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
  assert.deepEqual(check(history, {}), []);
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

test("what was said before a gateway knew the ride is no loss for whom it had let in", () => {
  const { history, say, asks } = story();
  const stream = history.open("listener", RIDE, true);
  const ann = say("boarding", "ann", { ok: true, offset: "1-epoch001" });
  assert.deepEqual(kinds(history), ["lost"]);
  asks(stream, [ann], "1-epoch001");
  assert.deepEqual(kinds(history), []);
  say("boarding", "bob", { ok: true, offset: "2-epoch001" });
  assert.deepEqual(kinds(history), ["lost"]);
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
  const elsewhere = history.say(history.connect("ann", "/line-7", "ann"), "ann", "boarding");
  hear(stream, "userBoarded", elsewhere, "1-epoch001");
  assert.deepEqual(kinds(history), ["invented"]);
});

test("numbers may jump, but not fall", () => {
  const { history, listen, say, hear } = story();
  const stream = listen();
  for (const offset of ["1-epoch001", "7-epoch001"]) hear(stream, "userBoarded", say("boarding", offset), offset);
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
  const stuck = say("boarding", "ann", null, "ann's other phone");
  hear(stream, "userExited", say("exiting", "ann"), "1-epoch001");
  hear(stream, "userBoarded", stuck, "2-epoch001");
  hear(stream, "userDisconnected", stuck, "3-epoch001");
  assert.deepEqual(kinds(history), []);
});

test("what was never acknowledged does not surface after an acknowledged exit of its own client, unless after a wipe", async () => {
  for (const [answer, wiped] of [
    [{ ok: true }, false],
    [null, false],
    [{ ok: true }, true],
  ]) {
    const { history, listen, say, hear } = story();
    const stream = listen();
    const stuck = say("boarding", "ann", null);
    hear(stream, "userExited", say("exiting", "ann", answer), "1-epoch001");
    if (wiped) await history.wipe(() => {});
    hear(stream, "userBoarded", stuck, wiped ? "1-epoch002" : "2-epoch001");
    assert.deepEqual(kinds(history), answer && !wiped ? ["doubled"] : []);
  }
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

test("what a new epoch had before a listener came to it may be lost after a wipe; what came then is not", async () => {
  for (const [wiped, first, expected] of [
    [true, 3, []],
    [true, 2, ["lost"]],
    [false, 3, ["lost"]],
  ]) {
    const { history, listen, say, asks } = story();
    const stream = listen();
    if (wiped) await history.wipe(() => {});
    say("boarding", "ann", { ok: true, offset: "3-epoch002" });
    asks(stream, [], `${first}-epoch002`);
    assert.deepEqual(kinds(history), expected, `${wiped}, ${first}`);
  }
});

test("who was away when a rider was put back after a wipe, and is recovered, may hear of it", async () => {
  for (const [wiped, recovered, expected] of [
    [true, true, []],
    [true, false, ["doubled"]],
    [false, true, ["doubled"]],
  ]) {
    const { history, listen, say, hear, asks } = story();
    const stream = listen();
    asks(stream, [], "0-epoch001");
    const ann = say("boarding", "ann");
    hear(stream, "userBoarded", ann, "1-epoch001");
    if (wiped) await history.wipe(() => {});
    if (recovered) history.goOn(stream);
    hear(stream, "userBoarded", ann, "2-epoch001");
    assert.deepEqual(kinds(history), expected, `${wiped}, ${recovered}`);
  }
});

test("what a wipe has brought back may be told where it changes what is known, and so what mends that", async () => {
  for (const [wiped, expected] of [
    [true, []],
    [false, ["doubled"]],
  ]) {
    const { history, listen, say, hear, asks } = story();
    const stream = listen();
    asks(stream, [], "0-epoch001");
    const [older, newer] = [say("boarding", "ann"), say("boarding", "ann")];
    hear(stream, "userBoarded", older, "1-epoch001");
    hear(stream, "userBoarded", newer, "2-epoch001");
    if (wiped) await history.wipe(() => {});
    hear(stream, "userBoarded", older, "2-");
    hear(stream, "userBoarded", newer, "3-epoch001");
    assert.deepEqual(kinds(history), expected);
    hear(stream, "userBoarded", newer, "4-epoch001");
    assert.deepEqual(kinds(history), ["doubled"]);
  }
});

test("who is recovered after a wipe may find less than it knew, once, until all is calm", async () => {
  for (const [wiped, calm, expected] of [
    [true, false, []],
    [true, true, ["view"]],
    [false, false, ["view"]],
  ]) {
    const { history, listen, say, hear, asks } = story();
    const stream = listen();
    asks(stream, [], "0-epoch001");
    const ann = say("boarding", "ann");
    hear(stream, "userBoarded", ann, "1-epoch001");
    if (wiped) await history.wipe(() => {});
    if (calm) history.calm();
    history.goOn(stream);
    asks(stream, [], "1-epoch001");
    assert.deepEqual(kinds(history), expected, `${wiped}, ${calm}`);
    asks(stream, [ann], "1-epoch001");
    assert.deepEqual(kinds(history), ["view"]);
  }
});

test("who has heard nothing since a wipe and is recovered later hears of it from the log, until it asks", async () => {
  for (const [heardSince, expected] of [
    [false, []],
    [true, ["doubled", "order"]],
  ]) {
    const { history, listen, say, hear, asks } = story();
    const stream = listen();
    asks(stream, [], "0-epoch001");
    const [ann, bob] = [say("boarding", "ann"), say("boarding", "bob")];
    hear(stream, "userBoarded", ann, "1-epoch001");
    hear(stream, "userBoarded", bob, "2-epoch001");
    hear(stream, "userDisconnected", bob, "3-epoch001");
    await history.wipe(() => {});
    history.calm();
    asks(stream, [ann], "5-epoch001");
    const eve = say("boarding", "eve");
    if (heardSince) hear(stream, "userBoarded", eve, "6-epoch001");
    history.goOn(stream);
    hear(stream, "userBoarded", ann, "4-epoch001");
    hear(stream, "userDisconnected", bob, "5-epoch001");
    if (!heardSince) hear(stream, "userBoarded", eve, "6-epoch001");
    asks(stream, [ann, eve], "6-epoch001");
    assert.deepEqual(kinds(history).sort(), expected);
    hear(stream, "userDisconnected", bob, "7-epoch001");
    assert.deepEqual(kinds(history).sort(), expected.length ? expected : ["doubled"]);
  }
});

test("who has heard nothing since it joined and is recovered hears of nothing before that", () => {
  for (const [number, expected] of [
    [1, ["order"]],
    [2, ["order"]],
    [3, []],
  ]) {
    const { history, listen, say, hear, asks } = story();
    const [ann, bob] = [say("boarding", "ann"), say("boarding", "bob")];
    const stream = listen();
    asks(stream, [ann, bob], "2-epoch001");
    const eve = say("boarding", "eve");
    history.goOn(stream);
    [ann, bob, eve].slice(number - 1).forEach((one, i) => hear(stream, "userBoarded", one, `${number + i}-epoch001`));
    assert.deepEqual(kinds(history), expected, `from ${number}`);
  }
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

test("two events under one position are noticed, also with a fingerprint", () => {
  for (const [one, other, expected] of [
    ["1-epoch001", "1-epoch001", ["position"]],
    ["1.0123abcd-epoch001", "1.0123abcd-epoch001", ["position"]],
    ["1.0123abcd-epoch001", "1.0123abce-epoch001", []],
    ["1-", "1-", []],
  ]) {
    const { history, listen, say, hear } = story();
    const [left, right] = [listen("left"), listen("right")];
    const [ann, bob] = [say("boarding", "ann", null), say("boarding", "bob", null)];
    hear(left, "userBoarded", ann, one);
    hear(right, "userBoarded", bob, other);
    assert.deepEqual(kinds(history), expected, one);
  }
});

test("an exit is not refused because Redis cannot record it", () => {
  const UNRECORDED = { ok: false, error: "the broker cannot record it" };
  for (const [kind, answer, expected] of [
    ["exiting", UNRECORDED, ["refused"]],
    ["exiting", { ok: false, error: "the broker is away and its queue is full; try again" }, []],
    ["boarding", UNRECORDED, []],
  ]) {
    const { history, say } = story();
    say(kind, "ann", answer);
    assert.deepEqual(kinds(history), expected, `${kind}, ${answer.error}`);
  }
});

test("a client that declines positions is judged by what it hears", () => {
  const { history, listen, say, hear, asks } = story();
  const stream = listen();
  asks(stream, [], "0-epoch001");
  const ann = say("boarding", "ann");
  hear(stream, "userBoarded", ann, undefined);
  asks(stream, [ann], "1-epoch001");
  assert.deepEqual(kinds(history, [ann]), []);
  hear(stream, "userBoarded", ann, undefined);
  assert.deepEqual(kinds(history), ["doubled"]);
});

test("what was acknowledged before something else was said stands before it", () => {
  for (const [first, second, expected] of [
    ["1-epoch001", "2-epoch001", []],
    ["2-epoch001", "1-epoch001", ["order"]],
    ["2-epoch001", "1-epoch002", []],
  ]) {
    const { history, say } = story();
    say("boarding", "ann", { ok: true, offset: first });
    say("boarding", "bob", { ok: true, offset: second });
    assert.deepEqual(kinds(history), expected, `${first}, ${second}`);
  }
});

const OK = (number) => ({ ok: true, offset: `${number}-epoch001` });

test("Redis must hold everybody who is aboard, once, with the last record, and nobody else", () => {
  const { history, say } = story();
  const first = say("boarding", "ann", OK(1));
  const ann = say("boarding", "ann", OK(2));
  const nobody = say("boarding", "bob", { ok: false, error: "no" });
  for (const users of [[], [first], [ann, ann], [ann, nobody]])
    assert.deepEqual(kinds(history, users), ["set"], JSON.stringify(users.map(({ t }) => t)));
  assert.deepEqual(kinds(history, [ann]), []);
});

test("whoever has left, or exited, or boarded as somebody else is not aboard", () => {
  for (const leave of [
    ({ phone }) => (phone("ann").living = false),
    ({ say }) => say("exiting", "ann", OK(2)),
    ({ say }) => say("exiting", "bob", OK(2), "ann"),
  ]) {
    const told = story();
    const ann = told.say("boarding", "ann", OK(1));
    assert.deepEqual(kinds(told.history, [ann]), []);
    leave(told);
    assert.deepEqual(kinds(told.history, [ann]), ["set"]);
    assert.deepEqual(kinds(told.history, []), []);
  }
  const { history, say } = story();
  const ann = say("boarding", "ann", OK(1));
  const bob = say("boarding", "bob", OK(2), "ann");
  assert.deepEqual(kinds(history, [bob]), []);
  assert.deepEqual(kinds(history, [ann, bob]), ["set"]);
});

test("a person is aboard as long as one phone is, with the last record of any", () => {
  const { history, phone, say } = story();
  const first = say("boarding", "ann", OK(1), "phone");
  const second = say("boarding", "ann", OK(2), "laptop");
  assert.deepEqual(kinds(history, [second]), []);
  assert.deepEqual(kinds(history, [first]), ["set"]);
  phone("laptop").living = false;
  assert.deepEqual(kinds(history, [second]), []);
  assert.deepEqual(kinds(history, []), ["set"]);
  phone("phone").living = false;
  assert.deepEqual(kinds(history, []), []);
});

test("an exit by one phone ends what the others had before it, in the order of the stream", () => {
  for (const [boarded, exited, isAboard] of [
    [1, 2, false],
    [2, 1, true],
  ]) {
    const { history, phone, say } = story();
    say("boarding", "ann", OK(0), "phone");
    // Both are said at the same time.
    const boarding = say("boarding", "ann", null, "laptop");
    say("exiting", "ann", OK(exited), "phone");
    history.acknowledged(boarding, OK(boarded));
    phone("phone").living = false;
    assert.deepEqual(kinds(history, [boarding]), isAboard ? [] : ["set"]);
    assert.deepEqual(kinds(history, []), isAboard ? ["set"] : []);
  }
});

test("what was not acknowledged leaves open who is aboard, and what was heard does not", () => {
  const { history, listen, say, hear } = story();
  const stream = listen();
  const ann = say("boarding", "ann", OK(1), "phone");
  hear(stream, "userBoarded", ann, "1-epoch001");
  const exit = say("exiting", "ann", null, "laptop");
  assert.deepEqual(kinds(history, [ann]), []);
  assert.deepEqual(kinds(history, []), []);
  hear(stream, "userExited", exit, "2-epoch001");
  stream.connected = false;
  assert.deepEqual(kinds(history, [ann]), ["set"]);
  assert.deepEqual(kinds(history, []), []);
});

test("who came back after a wipe may be aboard or not; who was there all the time is", async () => {
  const { history, phone, say } = story();
  const [ann, bob] = [say("boarding", "ann"), say("boarding", "bob")];
  await history.wipe(() => {});
  history.reconnect(phone("ann"));
  assert.deepEqual(kinds(history, [ann, bob]), []);
  assert.deepEqual(kinds(history, [bob]), []);
  assert.deepEqual(kinds(history, [ann]), ["set"]);
});

test("who was away when Redis was wiped may be aboard or not, however long all has been calm", async () => {
  for (const [away, expected] of [
    [true, []],
    [false, ["set"]],
  ]) {
    const { history, phone, say } = story();
    const ann = say("boarding", "ann");
    if (away) history.leave(phone("ann"));
    await history.wipe(() => {});
    calm(history, [ann]);
    if (!away) history.leave(phone("ann"));
    history.reconnect(phone("ann"));
    assert.deepEqual(kinds(history, [ann]), []);
    assert.deepEqual(kinds(history, []), expected);
  }
});

test("what a wipe has taken back may be so for who came back after it, and not for who was there", async () => {
  for (const [wiped, back, mayBe] of [
    [true, true, true],
    [true, false, false],
    [false, true, false],
  ]) {
    const { history, phone, say } = story();
    const [older, newer] = [say("boarding", "ann", OK(1)), say("boarding", "ann", OK(2))];
    const bob = say("boarding", "bob", OK(3));
    say("exiting", "bob", OK(4));
    if (wiped) await history.wipe(() => {});
    if (back) history.reconnect(phone("ann"));
    if (back && wiped) history.reconnect(phone("bob")); // else nobody comes back to it
    assert.deepEqual(kinds(history, [newer]), []);
    assert.deepEqual(kinds(history, [older]), mayBe ? [] : ["set"]);
    assert.deepEqual(kinds(history, [newer, bob]), mayBe ? [] : ["set"]);
  }
});

test("what was open is settled once all is calm", async () => {
  for (const stays of [true, false]) {
    const { history, phone, say } = story();
    const ann = say("boarding", "ann");
    await history.wipe(() => {});
    history.reconnect(phone("ann"));
    const users = stays ? [ann] : [];
    calm(history, users);
    assert.deepEqual(kinds(history, users), []);
    assert.deepEqual(kinds(history, stays ? [] : [ann]), ["set"]);
  }
});

test("a boarding without an answer, whose client has come back after a wipe, is settled at the second calm", async () => {
  for (const [back, wiped, expected] of [
    [true, true, []],
    [true, false, ["set"]],
    [false, true, ["set"]],
  ]) {
    const { history, phone, say } = story();
    const ann = say("boarding", "ann", null);
    if (wiped) await history.wipe(() => {});
    if (back) history.reconnect(phone("ann"));
    calm(history, [ann]);
    assert.deepEqual(kinds(history, [ann]), []);
    assert.deepEqual(kinds(history, []), expected);
    calm(history, [ann]);
    assert.deepEqual(kinds(history, []), ["set"]);
  }
});

test("who is aboard although a wipe has taken back an exit elsewhere is settled at the second calm", async () => {
  for (const wiped of [true, false]) {
    const { history, say } = story();
    const ann = say("boarding", "ann", OK(1), "phone");
    if (wiped) {
      say("exiting", "ann", OK(2), "laptop");
      await history.wipe(() => {});
    }
    calm(history, [ann]);
    assert.deepEqual(kinds(history, [ann]), []);
    assert.deepEqual(kinds(history, []), wiped ? [] : ["set"]);
    calm(history, [ann]);
    assert.deepEqual(kinds(history, []), ["set"]);
  }
});

test("nobody is told as gone while a phone is there, unless something was broken", async () => {
  const tell = ({ listen, say, hear }) => {
    const stream = listen();
    const ann = say("boarding", "ann", OK(1), "phone");
    hear(stream, "userBoarded", ann, "1-epoch001");
    hear(stream, "userDisconnected", ann, "2-epoch001");
    hear(stream, "userBoarded", ann, "3-epoch001");
  };
  const healthy = story({ healthy: true });
  tell(healthy);
  assert.deepEqual(kinds(healthy.history), ["gone"]);
  healthy.phone("phone").living = false;
  assert.deepEqual(kinds(healthy.history), []);
  const broken = story({ healthy: true });
  await broken.history.trouble(() => {});
  tell(broken);
  assert.deepEqual(kinds(broken.history), []);
});

test("an exit elsewhere that a wipe has taken back may be followed by who was put back, once", async () => {
  for (const [by, wiped, expected] of [
    ["laptop", true, []],
    ["laptop", false, ["doubled"]],
    ["phone", true, ["doubled"]],
  ]) {
    const { history, listen, say, hear } = story();
    const stream = listen();
    const ann = say("boarding", "ann", { ok: true }, "phone");
    hear(stream, "userBoarded", ann, "1-epoch001");
    hear(stream, "userExited", say("exiting", "ann", { ok: true }, by), "2-epoch001");
    if (wiped) await history.wipe(() => {});
    hear(stream, "userBoarded", ann, "1-epoch002");
    assert.deepEqual(kinds(history), expected, `${by}, ${wiped}`);
  }
});

test("an exit that a wipe has taken back may be of a connection whose client had come back to it elsewhere", async () => {
  for (const [moves, wiped, expected] of [
    [true, true, []],
    [true, false, ["doubled"]],
    [false, true, ["doubled"]],
  ]) {
    const { history, phone, listen, say, hear } = story();
    const stream = listen();
    const ann = say("boarding", "ann", { ok: true }, "phone");
    hear(stream, "userBoarded", ann, "1-epoch001");
    if (moves) {
      history.leave(phone("phone"));
      history.reconnect(phone("phone"));
    }
    hear(stream, "userExited", say("exiting", "ann", { ok: true }, "phone"), "2-epoch001");
    if (wiped) await history.wipe(() => {});
    hear(stream, "userBoarded", ann, "1-epoch002");
    assert.deepEqual(kinds(history), expected, `${moves}, ${wiped}`);
  }
});

test("what a wipe has taken back of an exit may be another connection's, with the person's record", async () => {
  for (const [last, wiped, expected] of [
    ["boarding", true, []],
    ["boarding", false, ["doubled"]],
    ["exiting", true, ["doubled"]], // it is not aboard, and no gateway puts it back
  ]) {
    const { history, listen, say, hear } = story();
    const stream = listen();
    hear(stream, "userBoarded", say("boarding", "ann", { ok: true }, "laptop"), "1-epoch001");
    if (last === "exiting") hear(stream, "userExited", say("exiting", "ann", { ok: true }, "laptop"), "2-epoch001");
    const ann = say("boarding", "ann", { ok: true }, "phone");
    hear(stream, "userBoarded", ann, "3-epoch001");
    hear(stream, "userExited", say("exiting", "ann", { ok: true }, "phone"), "4-epoch001");
    if (wiped) await history.wipe(() => {});
    hear(stream, "userBoarded", ann, "1-epoch002");
    assert.deepEqual(kinds(history), expected, `${last}, ${wiped}`);
  }
});

test("nobody comes back to a connection on which it has exited, unless a wipe has taken that back", async () => {
  for (const [last, answer, wiped, expected] of [
    ["exiting", OK(2), false, ["revived"]],
    ["exiting", OK(2), true, []],
    ["exiting", null, false, []],
    ["boarding", OK(2), false, []],
  ]) {
    const { history, phone, say } = story();
    say("exiting", "ann", OK(1));
    say(last, "ann", answer);
    if (wiped) await history.wipe(() => {});
    history.reconnect(phone("ann"));
    assert.deepEqual(kinds(history), expected, `${last}, ${answer}, ${wiped}`);
  }
});

test("whoever has left and comes back to its connection is aboard by it, or a new one", () => {
  const { history, phone, say } = story();
  const ann = say("boarding", "ann", OK(1));
  phone("ann").living = false;
  assert.deepEqual(kinds(history, []), []);
  history.reconnect(phone("ann"));
  assert.deepEqual(kinds(history, [ann]), []);
  assert.deepEqual(kinds(history, []), ["set"]);
});

test("who hears late of somebody who went is not told so now", () => {
  for (const [first, expected] of [
    [true, []],
    [false, ["gone"]],
  ]) {
    const { history, phone, listen, say, hear } = story({ healthy: true });
    const stream = listen();
    const ann = say("boarding", "ann", OK(1), "phone");
    phone("phone").living = false;
    if (first) hear(stream, "userDisconnected", ann, "2-epoch001");
    stream.connected = false;
    say("boarding", "ann", OK(3), "laptop");
    history.calm({ [RIDE]: [["ann", 3]] }, (connection) => new Truth(history).standings(connection));
    hear(listen("late"), "userDisconnected", ann, "2-epoch001");
    assert.deepEqual(kinds(history), expected);
  }
});

test("who was put back has the record of a connection that was there, and no older one of it", async () => {
  const goes = ({ listen, hear }, rider) => hear(listen(), "userDisconnected", rider, "3-epoch001");
  for (const [what, putBack, mayBe] of [
    ["nothing", () => {}, false],
    ["a wipe", ({ history }) => history.wipe(() => {}), true],
    ["a gateway that was taken for dead", goes, true],
  ]) {
    const told = story();
    const older = told.say("boarding", "ann", OK(1), "phone");
    const first = told.say("boarding", "ann", OK(2), "phone");
    const last = told.say("boarding", "ann", OK(3), "laptop");
    await putBack(told, last);
    assert.ok(!kinds(told.history, [last]).includes("set"), what);
    assert.equal(kinds(told.history, [first]).includes("set"), !mayBe, what);
    assert.ok(kinds(told.history, [older]).includes("set"), what);
  }
});

test("who was put back by a gateway that has not heard of the last boarding has the one before", async () => {
  for (const [wiped, expected] of [
    [false, ["set"]],
    [true, []],
  ]) {
    const { history, phone, say } = story();
    say("boarding", "ann", OK(1), "phone");
    const heard = say("boarding", "ann", OK(2), "tablet");
    phone("tablet").living = false;
    say("boarding", "ann", OK(3), "laptop");
    if (wiped) await history.wipe(() => {});
    assert.deepEqual(kinds(history, [heard]), expected, `${wiped}`);
  }
});

// What each rule excuses after a wipe it does not excuse where the wipe was of other rides.
test("a wipe of other rides excuses nothing", async () => {
  for (const [rides, excused] of [
    [null, true],
    [["/line-7", RIDE], true],
    [["/line-7"], false],
  ]) {
    const wipe = ({ history }) => history.wipe((one) => void (one.rides = rides));
    const rules = {
      async lost(told) {
        told.listen();
        told.say("boarding", "ann");
        await wipe(told);
      },
      async doubled(told) {
        const stream = told.listen();
        const ann = told.say("boarding", "ann", null);
        told.hear(stream, "userBoarded", ann, "1-epoch001");
        await wipe(told);
        told.hear(stream, "userBoarded", ann, "1-epoch002");
      },
      async view(told) {
        const stream = told.listen();
        const ann = told.say("boarding", "ann");
        told.hear(stream, "userBoarded", ann, "1-epoch001");
        told.asks(stream, [ann], "1-epoch001");
        await wipe(told);
        told.history.goOn(stream);
        told.asks(stream, [], "1-epoch002");
      },
      async order(told) {
        const late = told.say("boarding", "ann", { ok: true, offset: "2-epoch001" });
        told.say("boarding", "bob", { ok: true, offset: "1-epoch001" });
        await wipe(told);
        return late;
      },
      async past(told) {
        const [left, right] = [told.listen("left"), told.listen("right")];
        const [ann, bob] = [told.say("boarding", "ann", null), told.say("boarding", "bob", null)];
        told.hear(left, "userBoarded", ann, "1.aaaaaaaa-epoch001");
        told.hear(right, "userBoarded", ann, "1.bbbbbbbb-epoch001");
        await told.history.wipe((one) => void Object.assign(one, { rides, kind: "a ride's log" }));
        for (const stream of [left, right]) told.hear(stream, "userBoarded", bob, "2.cccccccc-epoch001");
      },
      async revived(told) {
        told.say("exiting", "ann");
        await wipe(told);
        told.history.reconnect(told.phone("ann"));
      },
      async set(told) {
        told.say("boarding", "ann");
        told.phone("ann").living = false;
        await wipe(told);
        told.history.reconnect(told.phone("ann"));
      },
    };
    for (const [kind, rule] of Object.entries(rules)) {
      const told = story();
      await rule(told);
      assert.equal(kinds(told.history, []).includes(kind), !excused, `${kind}, ${rides}`);
    }
    const told = story({ healthy: true });
    const stream = told.listen();
    const ann = told.say("boarding", "ann", { ok: true, offset: "1-epoch001" });
    told.hear(stream, "userBoarded", ann, "1-epoch001");
    await wipe(told);
    told.hear(stream, "userDisconnected", ann, "2-epoch001");
    assert.equal(kinds(told.history).includes("gone"), !excused, `gone, ${rides}`);
  }
});

test("what is broken for other rides is no reason to be told as gone", () => {
  for (const [rides, expected] of [
    [null, []],
    [[RIDE], []],
    [["/line-7"], ["gone"]],
  ]) {
    const { history, listen, say, hear } = story({ healthy: true });
    history.trouble((trouble) => void (trouble.rides = rides));
    const stream = listen();
    const ann = say("boarding", "ann", { ok: true, offset: "1-epoch001" });
    hear(stream, "userBoarded", ann, "1-epoch001");
    hear(stream, "userDisconnected", ann, "2-epoch001");
    assert.deepEqual(kinds(history), expected, `${rides}`);
  }
});

// What somebody says while a shard is away for a minute, that many ms after its beginning: [ms, took, ride, answer].
async function beside(words) {
  const { history } = story();
  await history.absence([RIDE], () => {});
  const [absence] = history.absences;
  absence.to = absence.from + 60_000;
  for (const [ms, took, ride = "/line-7", answer = { ok: true }, kind = "boarding"] of words) {
    const word = history.say(history.connect("ann", ride, "ann"), "ann", kind);
    if (took !== null) history.acknowledged(word, answer);
    Object.assign(word, { ms: absence.from + ms, took });
  }
  return history;
}

test("while a shard is away, boardings on rides of others are acknowledged, and not late", async () => {
  const LATE = HELD_UP_MS + 1;
  const away = { ok: false, error: "the broker cannot record it" };
  for (const [words, expected, count] of [
    [[[5, 10]], [], 1],
    [[[5, LATE]], ["held up"], 1],
    [[[5, LATE, RIDE]], [], 0],
    [[[-5, LATE]], [], 0],
    [[[60_005, LATE]], [], 0],
    [[[5, LATE, "/line-7", { ok: true }, "exiting"]], [], 0],
    [[[5, 10, "/line-7", away]], ["held up"], 1],
    [[[5, 10, "/line-7", { ok: false, error: "you have exited" }]], [], 1],
    [[[5, null]], ["held up"], 0], // its client has gone
    [[[55_000, null]], [], 0],
    [[[5, null], [10, 10]], [], 1],
    [[[5, null], [10, 10, "/line-8"]], ["held up"], 1],
    [[[5, null], [10, 10, "/line-7", { ok: false, error: "no" }]], ["held up"], 1],
    [[[5, null], [LATE + 5, 10]], ["held up"], 1],
  ]) {
    const history = await beside(words);
    assert.deepEqual(kinds(history), expected, JSON.stringify(words));
    assert.equal(besides(history).length, count, JSON.stringify(words));
  }
});

test("what a wipe was of is known from then on, though nobody had it in mind", () => {
  const { history, listen, say } = story();
  listen();
  say("boarding", "ann");
  history.wiped(["/line-7"]);
  assert.deepEqual(kinds(history), ["lost"]);
  history.wiped([RIDE]);
  assert.deepEqual(kinds(history), []);
});
