import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Crew } from "./crew";
import { TestLine } from "./testLine";

const john = { id: "j", name: "John" };
const jane = { id: "a", name: "Jane" };

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function crewWith(...users: (typeof john)[]) {
    const line = new TestLine({});
    line.live = true;
    line.roster = { offset: "17.9f3a01bc-k3J_x0aP", users };
    const crew = new Crew();
    crew.ask(line, () => undefined);
    return crew;
}

test("boardings, exits and losses change who is aboard", () => {
    const crew = crewWith(john);
    crew.apply({ kind: "boarded", rider: jane });
    expect(crew.list()).toEqual([john, jane]);
    crew.apply({ kind: "exited", rider: john });
    crew.apply({ kind: "disconnected", rider: jane });
    expect(crew.size).toBe(0);
});

test("a rider who boards again, with whatever device, is one and shows the latest record", () => {
    const crew = crewWith(john);
    crew.apply({ kind: "boarded", rider: { ...john, name: "Johnny" } });
    expect(crew.list()).toEqual([{ id: "j", name: "Johnny" }]);
    crew.apply({ kind: "exited", rider: john });
    expect(crew.list()).toEqual([]);
});

test("what the gateway cannot say yet is asked for again, as long as the line is up", () => {
    const line = new TestLine({});
    line.live = true;
    line.roster = { ok: false, error: "the presence store cannot be reached now; try again" };
    const crew = new Crew();
    const then = vi.fn();
    crew.ask(line, then);
    line.live = false;
    vi.advanceTimersByTime(10_000);
    line.live = true;
    line.roster = { offset: "1", users: [john] };
    vi.advanceTimersByTime(10_000);
    expect(crew.known).toBe(false);

    line.roster = { ok: false, error: "the presence store cannot be reached now; try again" };
    crew.ask(line, then);
    line.roster = { offset: "1", users: [john] };
    expect(crew.known).toBe(false);
    vi.advanceTimersByTime(10_000);
    expect(crew.list()).toEqual([john]);
    expect(then).toHaveBeenCalledTimes(1);
});
