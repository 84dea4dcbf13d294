import { expect, test } from "vitest";
import { EventLog, matching } from "./EventLog";

const boarded = (id: string, name: string) => ({
    kind: "boarded" as const,
    rider: { id, name },
    offset: "1",
});

test("the latest are kept, in order, and all are counted", () => {
    const log = new EventLog(100);
    for (let i = 0; i < 1234; i++) log.add("/", boarded(String(i), "John"), i);
    const kept = log.latest();
    expect(kept.map(({ key }) => key)).toEqual(Array.from({ length: 100 }, (_, i) => 1134 + i));
    expect(log.counted).toBe(1234);
});

test("a search finds every word in name, id or ride, whatever the case", () => {
    const log = new EventLog();
    log.add("/line-7", boarded("u1", "John Doe"), 0);
    log.add("/line-8", boarded("u2", "홍길동"), 0);
    const found = (query: string) => matching(log.latest(), query).map(({ rider }) => rider.id);
    expect(found("")).toEqual(["u1", "u2"]);
    expect(found("DOE line-7")).toEqual(["u1"]);
    expect(found("길동")).toEqual(["u2"]);
    expect(found("u2 line-7")).toEqual([]);
});
