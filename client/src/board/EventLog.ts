// The latest events of all rides that are watched, oldest first.

import type { RideEvent } from "../ridecast";

export interface LoggedEvent extends RideEvent {
    key: number;
    at: number;
    ride: string;
    /** What a search looks through. */
    text: string;
}

export class EventLog {
    #events: LoggedEvent[] = [];
    #kept: number;
    #counted = 0;

    constructor(kept = 10_000) {
        this.#kept = kept;
    }

    /** How many there ever were. */
    get counted(): number {
        return this.#counted;
    }

    add(ride: string, event: RideEvent, at: number): void {
        const text = searchable(event.rider.name, event.rider.id, ride);
        this.#events.push({ ...event, ride, at, text, key: this.#counted++ });
        // Not one by one: that would move all of them for every event.
        if (this.#events.length >= 2 * this.#kept) this.#events = this.#events.slice(-this.#kept);
    }

    latest(): LoggedEvent[] {
        return this.#events.slice(-this.#kept);
    }
}

export const searchable = (...parts: string[]) => parts.join("\n").toLowerCase();

/** Those that hold every word of the query, whatever the case. */
export function matching<T extends { text: string }>(items: T[], query: string): T[] {
    const words = query.toLowerCase().split(/\s+/).filter(Boolean);
    return words.length === 0
        ? items
        : items.filter(({ text }) => words.every((word) => text.includes(word)));
}
