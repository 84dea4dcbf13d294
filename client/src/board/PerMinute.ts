// How many there were in the last minute, in buckets of a second: what it holds does not grow with what it counts.

const SECONDS = 60;

export class PerMinute {
    #buckets = new Uint32Array(SECONDS);
    #second = 0;

    add(nowMs: number): void {
        this.#turnTo(nowMs);
        const bucket = this.#second % SECONDS;
        this.#buckets[bucket] = (this.#buckets[bucket] ?? 0) + 1;
    }

    total(nowMs: number): number {
        this.#turnTo(nowMs);
        return this.#buckets.reduce((sum, count) => sum + count, 0);
    }

    // Empties the buckets of the seconds that have passed since.
    #turnTo(nowMs: number): void {
        const second = Math.floor(nowMs / 1000);
        for (let s = Math.max(this.#second + 1, second - SECONDS + 1); s <= second; s++)
            this.#buckets[s % SECONDS] = 0;
        this.#second = Math.max(this.#second, second);
    }
}
