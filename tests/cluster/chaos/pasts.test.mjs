// What positions stand for: streams made by hand, right ones and wrong ones.

import assert from "node:assert/strict";
import { test } from "node:test";
import { check } from "./checker.mjs";
import { checkPasts } from "./pasts.mjs";
import { story } from "./story.mjs";

// Two listeners who hear events at these places, one after the other; what is a function is done in between.
async function hearing(...places) {
  const { history, listen, say, hear } = story();
  for (const [who, heard] of places.entries()) {
    const stream = listen(`listener ${who}`);
    for (const place of heard) {
      if (typeof place === "function") await place(history);
      else hear(stream, "userBoarded", say("boarding", "ann", null), place && `${place}-epoch001`);
    }
  }
  return history;
}

test("two pasts that come together are noticed", async () => {
  for (const [left, right] of [
    [
      ["1.aaaaaaaa", "2.cccccccc"],
      ["1.bbbbbbbb", "2.cccccccc"],
    ],
    [
      ["1.aaaaaaaa", "4.cccccccc"],
      ["1.bbbbbbbb", "2.dddddddd", "4.cccccccc", "5.eeeeeeee"],
    ],
    [["1.aaaaaaaa", "1.bbbbbbbb"], ["1.bbbbbbbb"]],
  ]) {
    const [found, ...others] = checkPasts(await hearing(left, right));
    assert.match(found, /^listener \d on \/ has heard 1\.\w+-epoch001 before \d/);
    assert.deepEqual(others, []);
  }
  const history = await hearing(["1.aaaaaaaa", "2.cccccccc"], ["1.bbbbbbbb", "2.cccccccc"]);
  assert.ok(check(history, {}).some(({ kind }) => kind === "past"));
});

test("what stays apart, was not heard by both, or has no fingerprint is right", async () => {
  for (const places of [
    [
      ["1.aaaaaaaa", "2.cccccccc"],
      ["1.bbbbbbbb", "2.dddddddd"],
    ],
    [["1.aaaaaaaa", "2.cccccccc"], ["2.cccccccc"]],
    [
      ["1.aaaaaaaa", "2.cccccccc"],
      ["2.cccccccc", "3.bbbbbbbb"],
    ],
    [
      ["1.aaaaaaaa", "2.cccccccc"],
      ["1", "2.cccccccc"],
    ],
    [
      ["1.aaaaaaaa", "2.cccccccc"],
      [undefined, undefined],
    ],
  ])
    assert.deepEqual(checkPasts(await hearing(...places)), [], JSON.stringify(places));
});

test("one ride, and one epoch, is nothing to another", () => {
  const { history, say, hear } = story();
  const [ann, bob] = [say("boarding", "ann", null), say("boarding", "bob", null)];
  for (const [ride, epoch, chain] of [
    ["/", "epoch001", "aaaaaaaa"],
    ["/", "epoch002", "bbbbbbbb"],
    ["/b", "epoch001", "bbbbbbbb"],
  ]) {
    const stream = history.open(`${ride} ${epoch}`, ride);
    hear(stream, "userBoarded", ann, `1.${chain}-${epoch}`);
    hear(stream, "userBoarded", bob, `2.cccccccc-epoch001`);
  }
  assert.deepEqual(checkPasts(history), []);
});

test("an answer to activeUsers is not what the next event follows on", () => {
  const { history, listen, say, hear, asks } = story();
  const [left, right] = [listen("left"), listen("right")];
  const [ann, bob] = [say("boarding", "ann", null), say("boarding", "bob", null)];
  asks(left, [], "1.aaaaaaaa-epoch001");
  hear(right, "userBoarded", ann, "1.bbbbbbbb-epoch001");
  for (const stream of [left, right]) hear(stream, "userBoarded", bob, "2.cccccccc-epoch001");
  assert.deepEqual(checkPasts(history), []);
});

test("where the log was lost meanwhile they may come together, until all is calm", async () => {
  const lose = (kind) => (history) => history.wipe((wipe) => void (wipe.kind = kind));
  const calm = (history) => history.calm();
  for (const [left, excused] of [
    [["1.aaaaaaaa", lose("a ride's log"), "2.cccccccc"], true],
    [["1.aaaaaaaa", lose("a ride's users"), "2.cccccccc"], false],
    [[lose("a ride's log"), "1.aaaaaaaa", "2.cccccccc"], true], // who hears late may have been told before
    [[lose("a ride's log"), calm, "1.aaaaaaaa", "2.cccccccc"], false],
    [["1.aaaaaaaa", "2.cccccccc", lose("a ride's log"), calm], false],
  ]) {
    const history = await hearing(left, ["1.bbbbbbbb", "2.cccccccc"]);
    assert.equal(checkPasts(history).length, excused ? 0 : 1, String(left));
  }
});
