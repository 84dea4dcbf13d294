// A line without a gateway, for tests: they say what it answers and what it tells.

import { vi } from "vitest";
import type { Answer, Connection, Former, Options, RideEvent, Rider, Roster } from "./ridecast";

export class TestLine {
    static opened: TestLine[] = [];
    static readonly connect = (options: Options) => new TestLine(options);
    static get last(): TestLine {
        const line = TestLine.opened.at(-1);
        if (!line) throw new Error("no line was opened");
        return line;
    }

    live = false;
    socketId: string | undefined;
    /** What it answers instead of doing it. */
    answer: Promise<Answer> | null = null;
    roster: Roster | { ok: false; error: string } = { offset: "1", users: [] };
    board = vi.fn((rider: Rider) => this.answer ?? this.#does("boarded", rider));
    exit = vi.fn((rider: Rider) => this.answer ?? this.#does("exited", rider));
    // As the real one: it has ended before close() returns.
    close = vi.fn(() => this.goes({ state: "ended" }));
    drop = vi.fn();
    readonly options: Options;

    constructor(options: Options) {
        this.options = options;
        TestLine.opened.push(this);
    }

    activeUsers(then: (answer: Roster | { ok: false; error: string }) => void): void {
        then(this.roster);
    }

    former(): Former | null {
        return this.socketId === undefined ? null : { socketId: this.socketId, pid: "pid" };
    }

    comesUp(socketId: string, recovered = false): void {
        this.live = true;
        this.socketId = socketId;
        this.options.onConnection?.({ state: "live", recovered });
    }

    goes(connection: Connection): void {
        this.live = false;
        this.options.onConnection?.(connection);
    }

    tells(kind: RideEvent["kind"], rider: Rider): void {
        this.options.onEvent?.({ kind, rider, offset: "1" });
    }

    // The event comes before the answer.
    #does(kind: RideEvent["kind"], rider: Rider): Promise<Answer> {
        this.tells(kind, rider);
        return Promise.resolve({ ok: true, offset: "1" });
    }
}
