import { expect, test } from "vitest";
import { gatewayOf, parseMetrics } from "./metrics";

const TEXT = `# HELP ridecast_connections Open TCP connections
# TYPE ridecast_connections gauge
ridecast_connections 12
ridecast_sessions{protocol="socket.io",transport="websocket"} 7
ridecast_sessions{protocol="plain",transport="websocket"} 3
ridecast_events_total 1e3
`;

test("labels are summed up, comments are none", () => {
    expect([...parseMetrics(TEXT)]).toEqual([
        ["ridecast_connections", 12],
        ["ridecast_sessions", 10],
        ["ridecast_events_total", 1000],
    ]);
});

test("rates come from two readings, and not from a counter that began anew", () => {
    const metrics = (events: number) => new Map([["ridecast_events_total", events]]);
    const first = { at: 1000, ready: true, metrics: metrics(100) };
    const second = { at: 3000, ready: true, metrics: metrics(150) };
    expect(gatewayOf(first, null).eventsPerSecond).toBeNull();
    expect(gatewayOf(second, first).eventsPerSecond).toBe(25);
    expect(gatewayOf({ ...second, metrics: metrics(3) }, first).eventsPerSecond).toBeNull();
});
