import { expect, test } from "vitest";
import { translator } from "../i18n";
import { Cluster, parseCluster } from "./Cluster";
import { health } from "./Gateways";

test.each(["migrating", "constructor", "toString", "__proto__"])(
    "a state this page does not know, %j, is told in the gateway's own words",
    (state) => {
        const cluster = new Cluster();
        cluster.add(parseCluster({ gateways: [{ node: "a", state }] }), 0);
        for (const row of cluster.rows())
            expect(health(row, translator("en"), String)).toEqual({ tone: "wait", text: state });
        expect(cluster.rows()).toHaveLength(1);
    },
);
