import { expect, test } from "vitest";
import { PerMinute } from "./PerMinute";

test("what was counted is forgotten a minute later", () => {
    const perMinute = new PerMinute();
    for (let second = 0; second < 60; second++) perMinute.add(second * 1000);
    expect(perMinute.total(59_999)).toBe(60);
    expect(perMinute.total(60_000)).toBe(59);
    expect(perMinute.total(118_000)).toBe(1);
    expect(perMinute.total(119_000)).toBe(0);
});

test("a long silence empties it, and a clock that steps back does not", () => {
    const perMinute = new PerMinute();
    perMinute.add(1_000_000);
    perMinute.add(900_000);
    expect(perMinute.total(900_000)).toBe(2);
    expect(perMinute.total(9_000_000)).toBe(0);
});
