// Watches rides without boarding any: who is aboard, what happens, and how both go over time. The board only draws
// its view, a few times a second however much happens.

import { batched } from "../batched";
import { Crew } from "../crew";
import { connect, type Connection, type Options, type Ride, type RideEvent, type Rider } from "../ridecast";
import { EventLog, searchable, type LoggedEvent } from "./EventLog";
import { PerMinute } from "./PerMinute";

/** What watching needs of a Ride. */
export type Line = Pick<Ride, "live" | "activeUsers" | "close">;

export interface WatchedRide {
    ride: string;
    connection: Connection;
    /** Null until the gateway has said. */
    aboard: number | null;
    boardings: number;
    exits: number;
    lost: number;
}

export interface ListedRider {
    rider: Rider;
    ride: string;
    text: string;
}

/** A point for each second, oldest first. */
export interface History {
    /** In seconds since 1970. */
    at: number[];
    aboard: Map<string, (number | null)[]>;
    boardings: number[];
    exits: number[];
}

export interface View {
    rides: WatchedRide[];
    history: History;
    events: LoggedEvent[];
    counted: number;
}

interface Watched {
    line: Line | null;
    crew: Crew;
    connection: Connection;
    perMinute: Record<RideEvent["kind"], PerMinute>;
    aboard: (number | null)[];
}

const DRAW_MS = 250;
const SAMPLE_MS = 1000;
const KEPT_SAMPLES = 600;

export class Watch {
    #connect: (options: Options) => Line;
    #watched = new Map<string, Watched>();
    #log = new EventLog();
    #at: number[] = [];
    #boardings: number[] = [];
    #exits: number[] = [];
    #listeners = new Set<() => void>();
    #changed = batched(() => this.#draw(), DRAW_MS);
    #sampler: ReturnType<typeof setInterval> | undefined;
    #view: View;

    constructor(connectTo: (options: Options) => Line = connect) {
        this.#connect = connectTo;
        this.#view = this.#look();
    }

    // For useSyncExternalStore.
    subscribe = (listener: () => void): (() => void) => {
        this.#listeners.add(listener);
        return () => this.#listeners.delete(listener);
    };

    view = (): View => this.#view;

    /** Rides that are watched already stay as they are. */
    watch(rides: readonly string[]): void {
        this.#sampler ??= setInterval(() => this.sample(), SAMPLE_MS);
        for (const [ride, { line }] of this.#watched)
            if (!rides.includes(ride)) {
                line?.close();
                this.#watched.delete(ride);
            }
        for (const ride of rides) if (!this.#watched.has(ride)) this.#open(ride);
        this.#changed();
    }

    stop(): void {
        this.watch([]);
        clearInterval(this.#sampler);
        this.#sampler = undefined;
        this.#changed.cancel();
    }

    /** Everybody aboard, one entry for each rider on each ride. Made when asked for: there may be many. */
    riders(): ListedRider[] {
        return Array.from(this.#watched).flatMap(([ride, { crew }]) =>
            crew.list().map((rider) => ({ rider, ride, text: searchable(rider.name, rider.id, ride) })),
        );
    }

    sample(now = Date.now()): void {
        const perMinute = (kind: RideEvent["kind"]) =>
            Array.from(this.#watched.values(), (watched) => watched.perMinute[kind].total(now)).reduce(
                (a, b) => a + b,
                0,
            );
        keep(this.#at, now / 1000);
        keep(this.#boardings, perMinute("boarded"));
        keep(this.#exits, perMinute("exited") + perMinute("disconnected"));
        for (const { aboard, crew, line } of this.#watched.values())
            keep(aboard, line?.live && crew.known ? crew.size : null);
        this.#changed();
    }

    #open(ride: string): void {
        const watched: Watched = {
            line: null,
            crew: new Crew(),
            connection: { state: "connecting" },
            perMinute: { boarded: new PerMinute(), exited: new PerMinute(), disconnected: new PerMinute() },
            aboard: this.#at.map(() => null),
        };
        this.#watched.set(ride, watched);
        watched.line = this.#connect({
            ride,
            onEvent: (event) => {
                if (this.#watched.get(ride) === watched) this.#heard(ride, watched, event);
            },
            onConnection: (connection) => {
                if (this.#watched.get(ride) !== watched) return;
                watched.connection = connection;
                if (connection.state === "live" && watched.line)
                    watched.crew.ask(watched.line, this.#changed);
                this.#changed();
            },
        });
    }

    #heard(ride: string, { crew, perMinute }: Watched, event: RideEvent): void {
        const now = Date.now();
        crew.apply(event);
        perMinute[event.kind].add(now);
        this.#log.add(ride, event, now);
        this.#changed();
    }

    #look(): View {
        const now = Date.now();
        return {
            rides: Array.from(this.#watched, ([ride, { connection, crew, perMinute }]) => ({
                ride,
                connection,
                aboard: crew.known ? crew.size : null,
                boardings: perMinute.boarded.total(now),
                exits: perMinute.exited.total(now),
                lost: perMinute.disconnected.total(now),
            })),
            history: {
                at: this.#at.slice(),
                aboard: new Map(Array.from(this.#watched, ([ride, { aboard }]) => [ride, aboard.slice()])),
                boardings: this.#boardings.slice(),
                exits: this.#exits.slice(),
            },
            events: this.#log.latest(),
            counted: this.#log.counted,
        };
    }

    #draw(): void {
        this.#view = this.#look();
        for (const listener of this.#listeners) listener();
    }
}

function keep<T>(samples: T[], sample: T): void {
    samples.push(sample);
    if (samples.length > KEPT_SAMPLES) samples.shift();
}
