// All gateways, from what they say of themselves (GET /api/cluster, docs/protocol.md section 14), asked again and again.
// One that has gone without draining stays in view for a while, so that somebody notices.

/** What a gateway does not say, or says in another type, is null. */
export interface Gateway {
    node: string;
    version: string | null;
    /** "ready", "draining" or "broker down"; later gateways may know others. */
    state: string;
    connections: number | null;
    riders: number | null;
    /** Since it started. */
    deliveries: number | null;
    memoryBytes: number | null;
    deliveryP50Ms: number | null;
    deliveryP99Ms: number | null;
}

export interface GatewayRow extends Gateway {
    /** How long nothing has been heard of it; 0: it lives. */
    silentMs: number;
    /** Null until there are two readings to compare. */
    deliveriesPerSecond: number | null;
}

const KEPT_SILENT_MS = 60_000;
// Gateways speak of themselves about once a second: over a shorter time a rate would be mostly chance.
const RATE_OVER_MS = 10_000;

/** Throws where this is no answer of /api/cluster at all. */
export function parseCluster(json: unknown): Gateway[] {
    const { gateways } = Object(json) as { gateways?: unknown };
    if (!Array.isArray(gateways)) throw new Error("not a cluster");
    return gateways.flatMap((one: unknown) => parseGateway(Object(one) as Record<string, unknown>) ?? []);
}

/** The options that are not the same on all gateways, by name. */
export function parseDiffering(json: unknown): string[] {
    const { differing } = Object(json) as { differing?: unknown };
    return typeof differing === "object" && !Array.isArray(differing) ? Object.keys(differing ?? {}) : [];
}

function parseGateway(said: Record<string, unknown>): Gateway | null {
    const text = (name: string) => (typeof said[name] === "string" ? said[name] : null);
    const number = (name: string) => (Number.isFinite(said[name]) ? (said[name] as number) : null);
    const node = text("node");
    if (node === null) return null;
    return {
        node,
        version: text("version"),
        state: text("state") ?? "",
        connections: number("connections"),
        riders: number("riders"),
        deliveries: number("deliveries"),
        memoryBytes: number("memory"),
        deliveryP50Ms: number("deliveryP50"),
        deliveryP99Ms: number("deliveryP99"),
    };
}

interface Known {
    gateway: Gateway;
    at: number;
    counts: { at: number; deliveries: number }[];
}

export class Cluster {
    #known = new Map<string, Known>();
    #at = 0;

    /** A reading, at a time that never goes back. */
    add(gateways: readonly Gateway[], now: number): void {
        this.#at = now;
        for (const gateway of gateways) {
            const counts = this.#known.get(gateway.node)?.counts ?? [];
            if (gateway.deliveries !== null) counts.push({ at: now, deliveries: gateway.deliveries });
            while (counts[1] && counts[1].at <= now - RATE_OVER_MS) counts.shift();
            this.#known.set(gateway.node, { gateway, at: now, counts });
        }
        for (const [node, { gateway, at }] of this.#known) {
            const left = at < now && gateway.state === "draining";
            if (left || at < now - KEPT_SILENT_MS) this.#known.delete(node);
        }
    }

    /** Those that live first, then by name. */
    rows(): GatewayRow[] {
        return Array.from(this.#known.values(), ({ gateway, at, counts }) => ({
            ...gateway,
            silentMs: this.#at - at,
            deliveriesPerSecond: rate(counts),
        })).sort((a, b) => Number(a.silentMs > 0) - Number(b.silentMs > 0) || (a.node < b.node ? -1 : 1));
    }
}

function rate(counts: Known["counts"]): number | null {
    const [first, last] = [counts[0], counts.at(-1)];
    if (!first || !last || last.at <= first.at) return null;
    const grown = last.deliveries - first.deliveries;
    // Less than before: another process of the same name.
    return grown < 0 ? null : (grown * 1000) / (last.at - first.at);
}
