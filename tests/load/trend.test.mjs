import assert from "node:assert/strict";
import { test } from "node:test";
import { growth, trend } from "../lib/trend.mjs";

const close = (value, wanted) => assert.ok(Math.abs(value - wanted) < 1e-9 * Math.max(1, Math.abs(wanted)), `${value}`);
const minutes = Array.from({ length: 26 }, (_, i) => i);

test("a line is found exactly", () => {
  const { slope, mean, rise } = trend(minutes.map((x) => [x, 100 + 4 * x]));
  close(slope, 4);
  close(mean, 150);
  close(rise, 100 / 150);
});

test("known points: the slope that least squares gives", () => {
  const { slope, mean } = trend([[1, 2], [2, 3], [4, 7], [5, 8]]);
  close(slope, 1.6);
  close(mean, 5);
});

test("what goes up and down around a level is flat", () => {
  close(trend(minutes.map((x) => [x, 1000 + (x - 12.5) ** 2])).slope, 0);
});

const judged = (perMinute, filesPerMinute = 0) =>
  growth(
    {
      gateway: {
        memory: trend(minutes.map((x) => [x, 12e6 + perMinute * x])),
        files: trend(minutes.map((x) => [x, 350 + filesPerMinute * x])),
      },
    },
    10,
  );

test("64 bytes for each of 200 clients that leave a gateway each minute are noticed, noise is not", () => {
  assert.equal(judged(64 * 200).length, 1);
  assert.deepEqual(judged(500), []);
  assert.deepEqual(judged(-20_000), []);
});

test("a descriptor a minute is noticed", () => assert.equal(judged(0, 1).length, 1));
