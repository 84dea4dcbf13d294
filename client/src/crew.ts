// Who is aboard: the gateway's answer to `activeUsers`, and the ride's events after it. A rider is its id, with however
// many connections, so each event says all of what it changes.

import type { Ride, RideEvent, Rider } from "./ridecast";

const ASK_AGAIN_MS = 2000;

export class Crew {
    #riders = new Map<string, Rider>();
    /** Since the first answer. */
    known = false;

    get size(): number {
        return this.#riders.size;
    }

    has(id: string): boolean {
        return this.#riders.has(id);
    }

    list(): Rider[] {
        return [...this.#riders.values()];
    }

    /** After each connection, until the gateway knows; `then` is called once it does. */
    ask(line: Pick<Ride, "live" | "activeUsers">, then: () => void): void {
        if (!line.live) return;
        line.activeUsers((answer) => {
            if ("users" in answer) {
                this.known = true;
                this.#riders = new Map(answer.users.map((rider) => [rider.id, rider]));
                then();
            } else setTimeout(() => this.ask(line, then), ASK_AGAIN_MS);
        });
    }

    apply({ kind, rider }: RideEvent): void {
        if (kind === "boarded") this.#riders.set(rider.id, rider);
        else this.#riders.delete(rider.id);
    }
}
