import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { TestLine } from "../testLine";
import { Session } from "./session";

const me = { id: "me", name: "Me" };

beforeEach(() => {
    vi.useFakeTimers();
    TestLine.opened = [];
});
afterEach(() => void vi.useRealTimers());

// Lets answers arrive and the view be drawn.
const settle = () => vi.advanceTimersByTimeAsync(200);

async function joined() {
    const session = new Session(me, TestLine.connect);
    session.join("/line-7");
    TestLine.last.comesUp("s1");
    await settle();
    return session;
}

test("boards and exits, and shows what the gateway said", async () => {
    const session = await joined();
    const line = TestLine.last;
    session.board("John");
    await settle();
    expect(line.board).toHaveBeenCalledExactlyOnceWith({ id: "me", name: "John" });
    expect(session.view().aboard).toBe(true);
    session.exit();
    await settle();
    expect(line.exit).toHaveBeenCalledTimes(1);
    expect(session.view().aboard).toBe(false);
});

test("a refusal is shown and not tried again", async () => {
    const session = await joined();
    const line = TestLine.last;
    line.answer = Promise.resolve({ ok: false, error: "Too large" });
    session.board("John");
    await settle();
    expect(session.view()).toMatchObject({ aboard: false, refusal: "Too large", pending: null });
    expect(line.board).toHaveBeenCalledTimes(1);
});

// As all of the ride's clients then know.
const aboard = { offset: "1", users: [me] };

test("after a drop the same client is still aboard and says nothing", async () => {
    const session = await joined();
    const line = TestLine.last;
    session.board("John");
    await settle();
    line.goes({ state: "reconnecting", why: "transport close" });
    await settle();
    expect(session.view()).toMatchObject({ aboard: true, connection: { state: "reconnecting" } });
    line.roster = aboard;
    line.comesUp("s1", true);
    await settle();
    expect(session.view().aboard).toBe(true);
    expect(line.board).toHaveBeenCalledTimes(1);
});

test("a client that came back too late boards again", async () => {
    const session = await joined();
    const line = TestLine.last;
    session.board("John");
    await settle();
    line.goes({ state: "reconnecting", why: "transport close" });
    line.comesUp("s2");
    await settle();
    expect(line.board).toHaveBeenCalledTimes(2);
    expect(session.view().aboard).toBe(true);
});

test("an answer that was lost with the connection is asked for again", async () => {
    const session = await joined();
    const line = TestLine.last;
    let lose: (why: Error) => void = () => undefined;
    line.answer = new Promise((_, reject) => (lose = reject));
    session.board("John");
    line.goes({ state: "reconnecting", why: "transport close" });
    lose(new Error("disconnected"));
    await settle();
    expect(session.view().aboard).toBe(false);
    line.answer = null;
    line.comesUp("s1", true);
    await settle();
    expect(line.board).toHaveBeenCalledTimes(2);
    expect(session.view().aboard).toBe(true);
});

test("after an exit the page looks on as somebody new", async () => {
    const session = await joined();
    const first = TestLine.last;
    session.board("John");
    await settle();
    session.exit();
    await settle();
    first.goes({ state: "ended" });
    expect(TestLine.opened).toHaveLength(2);
    expect(TestLine.last.options.former).toBeNull();
});

test("the next page goes on as the same client", async () => {
    const session = await joined();
    session.board("John");
    await settle();
    const voyage = session.voyage();
    expect(voyage).toEqual({ ride: "/line-7", aboard: true, former: { socketId: "s1", pid: "pid" } });

    const next = new Session(me, TestLine.connect);
    next.join("/line-7", voyage);
    expect(TestLine.last.options.former).toEqual(voyage?.former);
    TestLine.last.roster = aboard;
    TestLine.last.comesUp("s1", true);
    await settle();
    expect(next.view().aboard).toBe(true);
    expect(TestLine.last.board).not.toHaveBeenCalled();
});

test("a rider who boards with another device is aboard, and may board here too", async () => {
    const session = await joined();
    const line = TestLine.last;
    line.tells("boarded", me);
    await settle();
    expect(session.view()).toMatchObject({ aboard: true, here: false });
    session.board("Me");
    await settle();
    expect(line.board).toHaveBeenCalledTimes(1);
    expect(session.view()).toMatchObject({ aboard: true, here: true, people: [me] });
});

test("another device's exit counts here, and is not made good", async () => {
    const session = await joined();
    const line = TestLine.last;
    session.board("Me");
    await settle();
    line.tells("exited", me);
    await settle();
    expect(session.view()).toMatchObject({ aboard: false, here: false, people: [] });
    // Nor when the rider boards there again, nor after a drop.
    line.tells("boarded", me);
    line.goes({ state: "reconnecting", why: "transport close" });
    line.roster = aboard;
    line.comesUp("s1", true);
    await settle();
    expect(session.view()).toMatchObject({ aboard: true, here: false });
    expect(line.board).toHaveBeenCalledTimes(1);
    expect(session.voyage()?.aboard).toBe(false);
});

test("another device's exit right behind a boarding counts", async () => {
    const session = await joined();
    const line = TestLine.last;
    line.tells("boarded", me);
    session.board("Me");
    line.tells("exited", me);
    await settle();
    expect(session.view()).toMatchObject({ aboard: false, here: false, pending: null });
    expect(line.board).toHaveBeenCalledTimes(1);
});

test("another device's exit right before a boarding does not", async () => {
    const session = await joined();
    const line = TestLine.last;
    session.board("Me");
    await settle();
    line.goes({ state: "reconnecting", why: "transport close" });
    line.roster = aboard;
    line.comesUp("s2");
    line.tells("exited", me);
    line.tells("boarded", me);
    await settle();
    expect(session.view()).toMatchObject({ aboard: true, here: true });
    expect(session.voyage()?.aboard).toBe(true);
});

test("an exit takes a rider off who is aboard with another device alone", async () => {
    const session = await joined();
    const line = TestLine.last;
    line.tells("boarded", me);
    session.exit();
    await settle();
    expect(line.exit).toHaveBeenCalledTimes(1);
    line.goes({ state: "ended" });
    TestLine.last.comesUp("s2");
    await settle();
    expect(session.view()).toMatchObject({ aboard: false, connection: { state: "live" } });
    expect(TestLine.last.exit).not.toHaveBeenCalled();
});

test.each([
    ["is said again if the rider is aboard still", [me], 2],
    ["is done if the rider is not aboard any more", [], 1],
])("an exit whose answer was lost %s", async (_, users, times) => {
    const session = await joined();
    const line = TestLine.last;
    session.board("Me");
    await settle();
    line.answer = Promise.reject(new Error("disconnected"));
    session.exit();
    line.goes({ state: "reconnecting", why: "transport close" });
    await settle();
    line.answer = null;
    line.roster = { offset: "1", users };
    line.activeUsers = (then) => void Promise.resolve(line.roster).then(then);
    line.comesUp(users.length > 0 ? "s1" : "s2");
    await settle();
    expect(line.exit).toHaveBeenCalledTimes(times);
    expect(session.view()).toMatchObject({ aboard: false, pending: null });
});

test("a page for another ride is somebody new", () => {
    const session = new Session(me, TestLine.connect);
    session.join("/line-8", { ride: "/line-7", aboard: true, former: { socketId: "s1", pid: "pid" } });
    expect(TestLine.last.options.former).toBeNull();
});

test("a page that goes to another ride has one line", async () => {
    const session = await joined();
    session.join("/line-8");
    session.retry();
    expect(TestLine.opened.map(({ options, close }) => [options.ride, close.mock.calls.length])).toEqual([
        ["/line-7", 1],
        ["/line-8", 1],
        ["/line-8", 0],
    ]);
});

test("a line that was left is not listened to any more", async () => {
    const session = await joined();
    const left = TestLine.last;
    session.join("/line-8");
    left.tells("boarded", { id: "x", name: "X" });
    left.goes({ state: "ended" });
    await settle();
    expect(session.view()).toMatchObject({ ride: "/line-8", happened: [], connection: { state: "live" } });
});
