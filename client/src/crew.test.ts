import { expect, test } from "vitest";
import { Crew } from "./crew";

const john = { id: "j", name: "John" };
const jane = { id: "a", name: "Jane" };

test("boardings, exits and losses change who is aboard", () => {
    const crew = new Crew();
    crew.reset([john]);
    crew.apply({ kind: "boarded", rider: jane, offset: "1" });
    expect(crew.list()).toEqual([john, jane]);
    crew.apply({ kind: "exited", rider: john, offset: "2" });
    crew.apply({ kind: "disconnected", rider: jane, offset: "3" });
    expect(crew.size).toBe(0);
    expect(crew.doubtful).toBe(false);
});

test("a rider who boards again shows the latest record", () => {
    const crew = new Crew();
    crew.reset([john]);
    crew.apply({ kind: "boarded", rider: { ...john, name: "Johnny" }, offset: "1" });
    expect(crew.list()).toEqual([{ id: "j", name: "Johnny" }]);
});

test("the exit of a rider who is aboard twice is in doubt until the gateway has said", () => {
    const crew = new Crew();
    crew.reset([john, john]);
    expect(crew.size).toBe(1);
    crew.apply({ kind: "exited", rider: john, offset: "1" });
    expect(crew.has("j")).toBe(true);
    expect(crew.doubtful).toBe(true);
    crew.reset([]);
    expect(crew.has("j")).toBe(false);
    expect(crew.doubtful).toBe(false);
});
