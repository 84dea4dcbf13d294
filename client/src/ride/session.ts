// A rider's visit: which ride, whether the rider is aboard, who else is, and what just happened. It survives drops,
// gateways and reloads; the page only draws its view.
//
// The rider is aboard when the ride's events say so, whichever of its devices has boarded. `here` is whether this page
// is one of them: another device's exit ends that, and so does a connection that comes back with another socket id.
// What the rider has asked this page for, `wants`, is made good after every connection.

import { batched } from "../batched";
import { Crew } from "../crew";
import {
    connect,
    type Answer,
    type Connection,
    type Former,
    type Options,
    type Ride,
    type RideEvent,
    type Rider,
} from "../ridecast";
import type { Identity, Voyage } from "../storage";

/** What the session needs of a Ride. */
export type Line = Pick<
    Ride,
    "live" | "socketId" | "board" | "exit" | "activeUsers" | "former" | "drop" | "close"
>;

export interface Happening extends RideEvent {
    key: number;
    at: number;
}

export interface View {
    ride: string;
    connection: Connection;
    /** With any device. */
    aboard: boolean;
    /** With this page. */
    here: boolean;
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

export class Session {
    #identity: Identity;
    #connect: (options: Options) => Line;
    #line: Line | null = null;
    #crew = new Crew();
    #wants: "boarded" | "exited" | null = null;
    #boardedAs: string | undefined;
    #happened: Happening[] = [];
    #counted = 0;
    #ride = "/";
    #connection: Connection = { state: "connecting" };
    #pending: View["pending"] = null;
    #refusal: string | null = null;
    #view: View;
    #listeners = new Set<() => void>();
    #changed = batched(() => this.#draw(), DRAW_MS);

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
        this.#leave();
        this.#ride = ride;
        this.#happened = [];
        this.#wants = former && voyage?.aboard ? "boarded" : null;
        this.#boardedAs = this.#wants ? former?.socketId : undefined;
        this.#refusal = null;
        this.#open(former);
    }

    board(name: string): void {
        this.#identity = { ...this.#identity, name };
        this.#wants = "boarded";
        this.#refusal = null;
        void this.#makeGood();
    }

    exit(): void {
        this.#wants = "exited";
        this.#refusal = null;
        void this.#makeGood();
    }

    /** After a refusal or an end. */
    retry(): void {
        this.#leave();
        this.#open(null);
    }

    /** What the next page of this tab needs; null when there is nothing to go on with. */
    voyage(): Voyage | null {
        const former = this.#line?.former();
        return former ? { ride: this.#ride, aboard: this.#wants === "boarded", former } : null;
    }

    /** The browser says that the network is gone. Waiting for a missed ping would take most of the window. */
    offline(): void {
        if (this.#line?.live) this.#line.drop();
    }

    #leave(): void {
        this.#crew = new Crew(); // so that its end, told before close() returns, opens no other
        this.#line?.close();
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
            const crew = this.#crew;
            if (this.#line)
                crew.ask(this.#line, () => {
                    if (crew === this.#crew) this.#rosterIsKnown();
                });
            // An exit that was lost is said again only if the rider is aboard still.
            if (this.#wants === "boarded") void this.#makeGood();
        } else if (connection.state === "ended") {
            this.#boardedAs = undefined;
            // An exit ends the connection: look on as somebody new.
            if (this.#wants !== "boarded") this.#open(null);
        }
    }

    #heard(event: RideEvent): void {
        this.#crew.apply(event);
        // A boarding that has no answer yet may come after it.
        if (event.kind === "exited" && event.rider.id === this.#identity.id && this.#pending !== "boarding")
            this.#hasExited();
        this.#happened.unshift({ ...event, key: this.#counted++, at: Date.now() });
        this.#happened.length = Math.min(this.#happened.length, KEPT_HAPPENINGS);
        this.#changed();
    }

    #rosterIsKnown(): void {
        if (!this.#aboard) {
            this.#boardedAs = undefined;
            if (this.#wants === "exited") this.#wants = null;
        }
        void this.#makeGood();
    }

    #hasExited(): void {
        this.#boardedAs = undefined;
        this.#wants = null;
    }

    get #aboard(): boolean {
        return this.#crew.known ? this.#crew.has(this.#identity.id) : this.#boardedAs !== undefined;
    }

    get #here(): boolean {
        const { live, socketId } = this.#line ?? { live: false };
        return this.#aboard && this.#boardedAs !== undefined && (!live || this.#boardedAs === socketId);
    }

    async #makeGood(): Promise<void> {
        const line = this.#line;
        const boarding = this.#wants === "boarded";
        if (!line?.live || this.#pending || (boarding ? this.#here : this.#wants === null)) {
            this.#changed();
            return;
        }
        const socketId = line.socketId;
        this.#pending = boarding ? "boarding" : "exiting";
        this.#changed();
        const rider = { id: this.#identity.id, name: this.#identity.name };
        let answer: Answer | null = null;
        try {
            answer = await (boarding ? line.board(rider) : line.exit(rider));
        } catch {
            // The connection was lost first: it is said again on the next one.
        }
        if (line !== this.#line) return;
        this.#pending = null;
        if (answer?.ok) {
            // The event has come before the answer; if it does not show, another device's exit has followed.
            if (boarding && this.#crew.has(rider.id)) this.#boardedAs = socketId;
            else this.#hasExited();
        } else if (answer) {
            this.#refusal = answer.error;
            this.#wants = this.#here ? "boarded" : null;
        }
        // The line may be back already.
        await this.#makeGood();
    }

    #look(): View {
        return {
            ride: this.#ride,
            connection: this.#connection,
            aboard: this.#aboard,
            here: this.#here,
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
