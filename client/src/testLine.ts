// A line without a gateway, for tests: they say what it answers and what it tells.

import { vi } from "vitest";
import type { Answer, Connection, Former, Options, RideEvent, Rider } from "./ridecast";

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
    users: Rider[] = [];
    answer: Promise<Answer> = Promise.resolve({ ok: true, offset: "1" });
    board = vi.fn<(rider: Rider) => Promise<Answer>>(() => this.answer);
    exit = vi.fn<(rider: Rider) => Promise<Answer>>(() => this.answer);
    close = vi.fn();
    drop = vi.fn();
    readonly options: Options;

    constructor(options: Options) {
        this.options = options;
        TestLine.opened.push(this);
    }

    activeUsers(then: (answer: { users: Rider[] }) => void): void {
        then({ users: this.users });
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
}
