import { expect, test } from "vitest";
import { connectionWords } from "./connectionWords";
import { translator } from "./i18n";

const t = translator("en");

test("every state has its words", () => {
    expect(connectionWords({ state: "connecting" }, t).text).toBe("Connecting…");
    expect(connectionWords({ state: "live", recovered: false }, t)).toEqual({ tone: "good", text: "Live" });
    expect(connectionWords({ state: "live", recovered: true }, t).text).toBe(
        "Live again: nothing was missed",
    );
    expect(connectionWords({ state: "reconnecting", why: "ping timeout" }, t).text).toBe(
        "Reconnecting: the gateway has gone silent",
    );
    expect(connectionWords({ state: "refused", why: "Invalid namespace" }, t)).toEqual({
        tone: "bad",
        text: "Refused: this gateway has no such ride",
    });
});

test("a device that is offline is told so, whatever the connection says", () => {
    expect(connectionWords({ state: "reconnecting", why: "transport close" }, t, false).text).toBe(
        "Reconnecting: this device is offline",
    );
});

test("what has no words is told as it came", () => {
    for (const why of ["Full", "constructor", "toString", "__proto__"])
        expect(connectionWords({ state: "refused", why }, t).text).toBe(`Refused: ${why}`);
});
