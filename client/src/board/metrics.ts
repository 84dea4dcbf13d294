// The figures of the gateway that serves this page, from its /metrics (Prometheus text).

export interface Gateway {
    ready: boolean;
    connections: number;
    clients: number;
    rides: number;
    riders: number;
    /** Null until there are two readings to compare. */
    eventsPerSecond: number | null;
    deliveriesPerSecond: number | null;
}

export interface Reading {
    at: number;
    ready: boolean;
    metrics: Map<string, number>;
}

/** The sum of each metric over its labels. */
export function parseMetrics(text: string): Map<string, number> {
    const metrics = new Map<string, number>();
    for (const [, name, value] of text.matchAll(/^([a-zA-Z_:][\w:]*)(?:\{.*\})? (\S+)/gm))
        if (name !== undefined) metrics.set(name, (metrics.get(name) ?? 0) + Number(value));
    return metrics;
}

export function gatewayOf({ at, ready, metrics }: Reading, before: Reading | null): Gateway {
    const value = (name: string) => metrics.get(`ridecast_${name}`) ?? 0;
    const perSecond = (name: string) => {
        if (!before || at <= before.at) return null;
        const grown = value(name) - (before.metrics.get(`ridecast_${name}`) ?? 0);
        // Less than before: another gateway, or this one anew.
        return grown < 0 ? null : (grown * 1000) / (at - before.at);
    };
    return {
        ready,
        connections: value("connections"),
        clients: value("sessions"),
        rides: value("rides"),
        riders: value("riders_held"),
        eventsPerSecond: perSecond("events_total"),
        deliveriesPerSecond: perSecond("deliveries_total"),
    };
}

/** Rejects when the gateway cannot be reached. */
export async function readGateway(signal: AbortSignal): Promise<Reading> {
    const [metrics, ready] = await Promise.all([fetch("/metrics", { signal }), fetch("/readyz", { signal })]);
    if (!metrics.ok) throw new Error(`/metrics: ${metrics.status}`);
    return { at: performance.now(), ready: ready.ok, metrics: parseMetrics(await metrics.text()) };
}
