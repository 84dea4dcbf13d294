// A rider's visit: which ride, whether it wants to be aboard and whether it is, who else is, and what just happened.
// It survives drops, gateways and reloads; the page only draws its view.
//
// `wants` is the rider's, `aboard` what the gateway last said. After every connection the difference is made good:
// the gateway keeps the socket id exactly as long as the rider is aboard, so with another id it must board again.

import { batched } from "../batched";
import { Crew } from "../crew";
import {
    connect,
    type Answer,
    type Connection,
    type Former,
    type Options,
    type RideEvent,
    type Rider,
} from "../ridecast";
import type { Identity, Voyage } from "../storage";

/** What the session needs of a Ride. */
export interface Line {
    readonly live: boolean;
    readonly socketId: string | undefined;
    board(rider: Rider): Promise<Answer>;
    exit(rider: Rider): Promise<Answer>;
    activeUsers(then: (answer: { users: Rider[] } | { ok: false; error: string }) => void): void;
    former(): Former | null;
    drop(): void;
    close(): void;
}

export interface Happening extends RideEvent {
    key: number;
    at: number;
}

export interface View {
    ride: string;
    connection: Connection;
    aboard: boolean;
    /** What was asked for and has no answer yet. */
    pending: "boarding" | "exiting" | null;
    /** Null until the gateway has said. */
    people: Rider[] | null;
    /** The latest first. */
    happened: Happening[];
    refusal: string | null;
}

const KEPT_HAPPENINGS = 40;
const DRAW_MS = 100;
const ASK_AGAIN_MS = 2000;

export class Session {
    #identity: Identity;
    #connect: (options: Options) => Line;
    #line: Line | null = null;
    #crew = new Crew();
    #wants = false;
    #aboardAs: string | undefined;
    #happened: Happening[] = [];
    #counted = 0;
    #ride = "/";
    #connection: Connection = { state: "connecting" };
    #pending: View["pending"] = null;
    #refusal: string | null = null;
    #view: View;
    #listeners = new Set<() => void>();
    #changed = batched(() => this.#draw(), DRAW_MS);
    #askAgain = batched(() => this.#ask(), ASK_AGAIN_MS);

    constructor(identity: Identity, connectTo: (options: Options) => Line = connect) {
        this.#identity = identity;
        this.#connect = connectTo;
        this.#view = this.#look();
    }

    // For useSyncExternalStore.
    subscribe = (listener: () => void): (() => void) => {
        this.#listeners.add(listener);
        return () => this.#listeners.delete(listener);
    };

    view = (): View => this.#view;

    join(ride: string, voyage: Voyage | null = null): void {
        const former = voyage?.ride === ride ? voyage.former : null;
        this.#line?.close();
        this.#ride = ride;
        this.#happened = [];
        this.#wants = former !== null && voyage?.aboard === true;
        this.#aboardAs = this.#wants ? former?.socketId : undefined;
        this.#refusal = null;
        this.#open(former);
    }

    board(name: string): void {
        this.#identity = { ...this.#identity, name };
        this.#wants = true;
        this.#refusal = null;
        void this.#makeGood();
    }

    exit(): void {
        this.#wants = false;
        this.#refusal = null;
        void this.#makeGood();
    }

    /** After a refusal or an end. */
    retry(): void {
        this.#line?.close();
        this.#open(null);
    }

    /** What the next page of this tab needs; null when there is nothing to go on with. */
    voyage(): Voyage | null {
        const former = this.#line?.former();
        return former ? { ride: this.#ride, aboard: this.#wants, former } : null;
    }

    /** The browser says that the network is gone. Waiting for a missed ping would take most of the window. */
    offline(): void {
        if (this.#line?.live) this.#line.drop();
    }

    #open(former: Former | null): void {
        const crew = (this.#crew = new Crew());
        this.#pending = null;
        // A line that was left may still say something.
        const mine = () => crew === this.#crew;
        this.#line = this.#connect({
            ride: this.#ride,
            former,
            onEvent: (event) => {
                if (mine()) this.#heard(event);
            },
            onConnection: (connection) => {
                if (mine()) this.#connectionIs(connection);
            },
        });
        this.#changed();
    }

    #connectionIs(connection: Connection): void {
        const before = this.#connection;
        this.#connection =
            // Before the first connection there is nothing to reconnect to.
            connection.state === "reconnecting" && before.state === "connecting" ? before : connection;
        this.#changed();
        if (connection.state === "live") {
            this.#ask();
            void this.#makeGood();
        } else if (connection.state === "ended") {
            this.#aboardAs = undefined;
            // An exit ends the connection: look on as somebody new.
            if (!this.#wants) this.#open(null);
        }
    }

    #heard(event: RideEvent): void {
        this.#crew.apply(event);
        this.#happened.unshift({ ...event, key: this.#counted++, at: Date.now() });
        this.#happened.length = Math.min(this.#happened.length, KEPT_HAPPENINGS);
        if (this.#crew.doubtful) this.#askAgain();
        this.#changed();
    }

    #ask(): void {
        const crew = this.#crew;
        if (!this.#line?.live) return;
        this.#line.activeUsers((answer) => {
            if (crew !== this.#crew) return;
            if ("users" in answer) crew.reset(answer.users);
            else this.#askAgain();
            this.#changed();
        });
    }

    get #aboard(): boolean {
        return this.#aboardAs !== undefined && (!this.#line?.live || this.#aboardAs === this.#line.socketId);
    }

    async #makeGood(): Promise<void> {
        const line = this.#line;
        if (!line?.live || this.#pending || this.#wants === this.#aboard) {
            this.#changed();
            return;
        }
        const socketId = line.socketId;
        this.#pending = this.#wants ? "boarding" : "exiting";
        this.#changed();
        const rider = { id: this.#identity.id, name: this.#identity.name };
        let answer: Answer | null = null;
        try {
            answer = await (this.#wants ? line.board(rider) : line.exit(rider));
        } catch {
            // The connection was lost first: it is said again on the next one.
        }
        if (line !== this.#line) return;
        const boarding = this.#pending === "boarding";
        this.#pending = null;
        if (answer?.ok) {
            this.#aboardAs = boarding ? socketId : undefined;
        } else if (answer) {
            this.#refusal = answer.error;
            this.#wants = !boarding;
        }
        // The rider may have changed its mind, or the line be back already.
        await this.#makeGood();
    }

    #look(): View {
        return {
            ride: this.#ride,
            connection: this.#connection,
            aboard: this.#aboard,
            pending: this.#pending,
            people: this.#crew.known ? this.#crew.list() : null,
            happened: this.#happened.slice(),
            refusal: this.#refusal,
        };
    }

    #draw(): void {
        this.#view = this.#look();
        for (const listener of this.#listeners) listener();
    }
}
