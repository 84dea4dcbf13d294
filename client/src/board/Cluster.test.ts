import { expect, test } from "vitest";
import { Cluster, parseCluster, parseDiffering, type Gateway } from "./Cluster";

const SAID = {
    node: "a",
    version: "0.1.0",
    state: "ready",
    connections: 12,
    riders: 7,
    deliveries: 100,
    memory: 9437184,
    deliveryP50: 0.25,
    deliveryP99: null,
};

const [said] = parseCluster({ gateways: [SAID] });
const gateway = (more: Partial<Gateway>): Gateway => Object.assign({}, said, more);

test("what a gateway says of itself is read", () => {
    expect(parseCluster({ gateways: [SAID], totals: {} })).toEqual([
        {
            node: "a",
            version: "0.1.0",
            state: "ready",
            connections: 12,
            riders: 7,
            deliveries: 100,
            memoryBytes: 9437184,
            deliveryP50Ms: 0.25,
            deliveryP99Ms: null,
        },
    ]);
});

test("what is missing or of another type is unknown, and who has no name is nobody", () => {
    const odd = [
        null,
        7,
        "a",
        [],
        {},
        { node: 7 },
        { node: "b", connections: "12", riders: Infinity, state: [] },
    ];
    const [b, ...others] = parseCluster({ gateways: odd });
    expect(others).toEqual([]);
    expect(b).toMatchObject({
        node: "b",
        state: "",
        version: null,
        connections: null,
        riders: null,
        memoryBytes: null,
    });
});

test.each([null, 7, "x", [], {}, { gateways: {} }])("%j is no answer", (json) => {
    expect(() => parseCluster(json)).toThrow();
});

test("options that differ are told by name, and gateways that do not know of it tell of none", () => {
    const differing = { "recovery-window": { 5000: ["b"], 15000: ["a"] }, auth: { none: ["a"], jwt: ["b"] } };
    expect(parseDiffering({ gateways: [], differing })).toEqual(["recovery-window", "auth"]);
    for (const other of [{}, null, 7, { differing: null }, { differing: [] }, { differing: "auth" }])
        expect(parseDiffering(other)).toEqual([]);
});

test("rates come from readings of the last ten seconds, and not from a counter that began anew", () => {
    const cluster = new Cluster();
    const deliveries = () => cluster.rows()[0]?.deliveriesPerSecond;
    cluster.add([gateway({ deliveries: 1_000_000 })], 0);
    expect(deliveries()).toBeNull();
    cluster.add([gateway({ deliveries: 1_000_100 })], 2000);
    expect(deliveries()).toBe(50);
    for (let at = 4000; at <= 20_000; at += 2000) cluster.add([gateway({ deliveries: 1_000_100 })], at);
    expect(deliveries()).toBe(0);
    cluster.add([gateway({ deliveries: 3 })], 22_000);
    expect(deliveries()).toBeNull();
});

test("a gateway that has gone stays in view for a minute, after those that live", () => {
    const cluster = new Cluster();
    cluster.add([gateway({ node: "b" }), gateway({ node: "a" })], 0);
    cluster.add([gateway({ node: "b" })], 2000);
    expect(cluster.rows().map(({ node, silentMs }) => [node, silentMs])).toEqual([
        ["b", 0],
        ["a", 2000],
    ]);
    cluster.add([gateway({ node: "a" }), gateway({ node: "b" })], 4000);
    expect(cluster.rows().every(({ silentMs }) => silentMs === 0)).toBe(true);
    cluster.add([gateway({ node: "b" })], 65_000);
    expect(cluster.rows().map(({ node }) => node)).toEqual(["b"]);
});

test("a gateway that has drained has left", () => {
    const cluster = new Cluster();
    cluster.add([gateway({ state: "draining" })], 0);
    cluster.add([], 2000);
    expect(cluster.rows()).toEqual([]);
});
