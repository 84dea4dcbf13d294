import { expect, test } from "vitest";
import { rideName } from "./rideName";

test.each([
    ["", "/"],
    ["/", "/"],
    ["line-7", "/line-7"],
    [" /line/7 ", "/line/7"],
    [`/${"x".repeat(127)}`, `/${"x".repeat(127)}`],
])("%j is a ride's name", (typed, name) => expect(rideName(typed)).toBe(name));

test.each(["line 7", "/노선", "/a,b", "/a?b", "line-7/", "//line-7", "/a//b", "//", `/${"x".repeat(128)}`])(
    "%j is none",
    (typed) => expect(rideName(typed)).toBeNull(),
);
