// Who is aboard, by rider id, kept by a ride's events from one answer to `activeUsers` to the next.
//
// Events name the rider and not its connection, and the same rider may be aboard twice (two tabs). Where the events
// alone do not tell whether it still is, `doubtful` says so, and the next answer settles it.

import type { RideEvent, Rider } from "./ridecast";

export class Crew {
    #riders = new Map<string, { rider: Rider; connections: number }>();
    /** Since the first answer. */
    known = false;
    doubtful = false;

    get size(): number {
        return this.#riders.size;
    }

    has(id: string): boolean {
        return this.#riders.has(id);
    }

    list(): Rider[] {
        return Array.from(this.#riders.values(), ({ rider }) => rider);
    }

    reset(users: readonly Rider[]): void {
        this.known = true;
        this.doubtful = false;
        this.#riders.clear();
        for (const rider of users) {
            const connections = (this.#riders.get(rider.id)?.connections ?? 0) + 1;
            this.#riders.set(rider.id, { rider, connections });
        }
    }

    apply({ kind, rider }: RideEvent): void {
        const before = this.#riders.get(rider.id);
        if (kind === "boarded") {
            // Boarding again or a second connection: nobody can tell.
            this.#riders.set(rider.id, { rider, connections: (before?.connections ?? 0) + 1 });
        } else if (before && before.connections > 1) {
            before.connections--;
            this.doubtful = true;
        } else {
            this.#riders.delete(rider.id);
        }
    }
}
