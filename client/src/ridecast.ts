// ridecast for TypeScript: who is aboard a ride, live.
//
//   const ride = connect({ ride: "/line-7", onEvent: ({ kind, rider }) => console.log(rider.name, kind) });
//   await ride.board({ id: "user123", name: "John Doe" });   // once onConnection says "live"
//   ride.activeUsers(({ users }) => console.log(users));
//   await ride.exit({ id: "user123", name: "John Doe" });    // then the server ends the connection
//
// It needs socket.io-client v4 and nothing else of this folder. After a drop it comes back by itself; within
// the gateway's recovery window it is the same client as before, its rider never left, and what was missed
// follows as ordinary events. A page that is loaded anew does the same with what former() gave the page before it.

import { io, type Socket } from "socket.io-client";

/** A rider's record. Whatever else it holds travels along. */
export interface Rider {
    id: string;
    name: string;
    [more: string]: unknown;
}

export interface RideEvent {
    /** `disconnected`: gone without an exit, and not come back in time. */
    kind: "boarded" | "exited" | "disconnected";
    rider: Rider;
    /** The event's place among those of the ride; the same for every client. Missing where the gateway recovers nobody.
      To be compared as a whole: only what follows the dash says which events its number counts. */
    offset?: string | undefined;
}

export interface Roster {
    offset: string;
    /** The latest record of each rider aboard, in no promised order. */
    users: Rider[];
}

export type Answer = { ok: true; offset: string } | { ok: false; error: string };

export type Connection =
    | { state: "connecting" }
    /** `recovered`: the same client as before the drop, and nothing is missed. */
    | { state: "live"; recovered: boolean }
    | { state: "reconnecting"; why: string }
    /** The ride cannot be joined. */
    | { state: "refused"; why: string }
    /** The server, or close(), has ended it: there is no way back but connect() again. */
    | { state: "ended" };

/** What a later page needs to go on as this client. */
export interface Former {
    socketId: string;
    pid: string;
    offset?: string | undefined;
}

export interface Options {
    /** The gateway; the page's own origin if left out. */
    url?: string;
    /** The ride's name: "/" or like "/line-7". */
    ride?: string;
    former?: Former | null;
    /** What a gateway with `--auth jwt` wants to see, asked for before each connection. None is shown if it fails. */
    token?: () => string | null | Promise<string | null>;
    onEvent?: (event: RideEvent) => void;
    onConnection?: (connection: Connection) => void;
}

// Where socket.io-client keeps what recovery needs. It has no public name for it: `_pid` and `_lastOffset` are what
// the library (4.6 and later) sends along with CONNECT and compares with the answer to set `recovered`.
interface Recovery {
    _pid?: string | undefined;
    _lastOffset?: string | undefined;
}

const EVENTS = { userBoarded: "boarded", userExited: "exited", userDisconnected: "disconnected" } as const;

export class Ride {
    readonly #socket: Socket;
    #connection: Connection = { state: "connecting" };
    #socketId: string | undefined;

    constructor({ url = "", ride = "/", former, token, onEvent, onConnection }: Options = {}) {
        const tell = (connection: Connection) => {
            this.#connection = connection;
            onConnection?.(connection);
        };
        // A connection of its own, because an exit ends the whole connection. WebSocket first: no load balancer
        // needs to keep the requests of a polling session together.
        const socket = io(url + ride, {
            autoConnect: false,
            forceNew: true,
            transports: ["websocket", "polling"],
            tryAllTransports: true,
            timeout: 5000,
            reconnectionDelayMax: 3000,
            ...(token && { auth: (give: (auth: object) => void) => void this.#show(token, give) }),
        });
        this.#socket = socket;
        this.#socketId = former?.socketId;
        if (former)
            Object.assign(socket, { _pid: former.pid, _lastOffset: former.offset } satisfies Recovery);

        for (const [name, kind] of Object.entries(EVENTS))
            socket.on(name, (rider: Rider, offset?: string) => onEvent?.({ kind, rider, offset }));
        socket.on("connect", () => {
            this.#socketId = socket.id;
            tell({ state: "live", recovered: socket.recovered });
        });
        socket.on("disconnect", (reason) =>
            tell(socket.active ? { state: "reconnecting", why: reason } : { state: "ended" }),
        );
        socket.on("connect_error", ({ message }) =>
            tell(
                socket.active ? { state: "reconnecting", why: message } : { state: "refused", why: message },
            ),
        );
        tell({ state: "connecting" });
        socket.connect();
    }

    get live(): boolean {
        return this.#connection.state === "live";
    }

    /** The same as long as the rider stays aboard, over drops and gateways. */
    get socketId(): string | undefined {
        return this.#socketId;
    }

    /** Resolves when every gateway is to hear it, or with why it was refused. Rejects if the connection is lost before
      the answer: then nobody knows. Boarding twice does no harm. */
    board(rider: Rider): Promise<Answer> {
        return this.#say({ ...rider, status: "boarding" });
    }

    exit(rider: Rider): Promise<Answer> {
        return this.#say({ ...rider, status: "exiting" });
    }

    /** Every event told before the answer is in it, none that is told after; a callback and no promise, because a
      promise's continuation might run later than the next event. */
    activeUsers(then: (answer: Roster | { ok: false; error: string }) => void): void {
        this.#socket.emit("activeUsers", then);
    }

    /** Null where there is nothing to come back to. Only one page at a time may go on as a client: they would cut each
      other off. */
    former(): Former | null {
        const { _pid: pid, _lastOffset: offset } = this.#socket as unknown as Recovery;
        const over = this.#connection.state === "ended" || this.#connection.state === "refused";
        return pid && this.#socketId && !over ? { socketId: this.#socketId, pid, offset } : null;
    }

    /** Drops the connection as if the network had done it, and comes back as soon as there is one. */
    drop(): void {
        this.#socket.io.engine.close();
    }

    /** Leaves for good: a rider that is aboard is told as disconnected at once. */
    close(): void {
        this.#socket.disconnect();
    }

    async #show(token: NonNullable<Options["token"]>, give: (auth: object) => void): Promise<void> {
        const shown = await Promise.resolve(token()).catch(() => null);
        give(shown === null ? {} : { token: shown });
    }

    #say(record: Rider & { status: string }): Promise<Answer> {
        return this.#socket.emitWithAck("message", JSON.stringify(record)) as Promise<Answer>;
    }
}

export const connect = (options?: Options): Ride => new Ride(options);
