import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { TestLine } from "../testLine";
import { Watch } from "./Watch";

const john = { id: "j", name: "John" };

beforeEach(() => {
    vi.useFakeTimers();
    TestLine.opened = [];
});
afterEach(() => void vi.useRealTimers());

test("rides are counted apart and their events logged together", () => {
    const watch = new Watch(TestLine.connect);
    watch.watch(["/a", "/b"]);
    const [a, b] = TestLine.opened;
    a?.comesUp("s1");
    b?.comesUp("s2");
    a?.tells("boarded", john);
    b?.tells("boarded", john);
    b?.tells("disconnected", john);
    vi.advanceTimersByTime(1000);
    expect(watch.view().rides).toMatchObject([
        { ride: "/a", aboard: 1, boardings: 1, lost: 0 },
        { ride: "/b", aboard: 0, boardings: 1, lost: 1 },
    ]);
    expect(watch.view().events.map(({ ride, kind }) => `${ride} ${kind}`)).toEqual([
        "/a boarded",
        "/b boarded",
        "/b disconnected",
    ]);
    expect(watch.riders()).toMatchObject([{ ride: "/a", rider: john }]);
    watch.stop();
});

test("a ride is unknown while its line is down, and there is a point for each second", () => {
    const watch = new Watch(TestLine.connect);
    watch.watch(["/a"]);
    TestLine.last.roster = { offset: "1", users: [john] };
    vi.advanceTimersByTime(1000);
    TestLine.last.comesUp("s1");
    vi.advanceTimersByTime(1000);
    TestLine.last.goes({ state: "reconnecting", why: "transport close" });
    vi.advanceTimersByTime(1250);
    expect(watch.view().history.aboard.get("/a")).toEqual([null, 1, null]);
    watch.stop();
});

test("500 events a second are drawn a few times a second, and memory has its ceiling", () => {
    const watch = new Watch(TestLine.connect);
    watch.watch(["/"]);
    TestLine.last.comesUp("s1");
    const draw = vi.fn();
    watch.subscribe(draw);
    for (let i = 0; i < 15_000; i++) {
        TestLine.last.tells(i % 2 ? "exited" : "boarded", john);
        vi.advanceTimersByTime(2);
    }
    expect(draw.mock.calls.length).toBeLessThan(30 * 5);
    expect(watch.view().events).toHaveLength(10_000);
    expect(watch.view().counted).toBeGreaterThan(14_800);
    watch.stop();
});

test("what is not watched any more is closed", () => {
    const watch = new Watch(TestLine.connect);
    watch.watch(["/a", "/b"]);
    watch.watch(["/b"]);
    expect(TestLine.opened.map(({ close }) => close.mock.calls.length)).toEqual([1, 0]);
    watch.stop();
});
