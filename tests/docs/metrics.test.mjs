// docs/metrics.md lists what /metrics says, with either broker; and Prometheus' own tool takes the page.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { startCluster } from "../lib/cluster.mjs";
import { request } from "../lib/http.mjs";
import { boardings } from "../lib/recovery.mjs";
import { Client } from "../lib/official.mjs";
import { UNLIMITED, startGateway } from "../lib/server.mjs";

const text = await readFile(new URL("../../docs/metrics.md", import.meta.url), "utf8");
const documented = [...text.matchAll(/^\| `(\w+)` \| (\w+) \|/gm)].map(([, name, type]) => `${name} ${type}`).sort();

// By metric: each label with the values it may have, none where they are not listed.
const documentedLabels = Object.fromEntries(
  [...text.matchAll(/^\| `(\w+)` \| \w+ \| (.*?) \| [^|]*\|$/gm)].map(([, name, labels]) => [
    name,
    Object.fromEntries(
      [...labels.matchAll(/`(\w+)(?:=(.*?))?`/g)].map(([, label, values]) => [
        label,
        values?.split("\\|").map((value) => value.replaceAll('"', "")).sort() ?? [],
      ]),
    ),
  ]),
);

async function page(t, server) {
  return (await request(t, server, { path: "/metrics" })).body;
}

const named = (body) => [...body.matchAll(/^# TYPE (\w+) (\w+)$/gm)].map(([, name, type]) => `${name} ${type}`).sort();

// The same of the page; of a label whose values are not listed, only the name.
function labels(body) {
  const found = Object.fromEntries([...body.matchAll(/^# TYPE (\w+)/gm)].map(([, name]) => [name, {}]));
  for (const [, series, inside] of body.matchAll(/^(\w+)\{(.*)\} /gm)) {
    const name = series in found ? series : series.replace(/_bucket$/, "");
    for (const [, label, text] of inside.matchAll(/(\w+)="([^"]*)"/g)) {
      if (label === "le" && name !== series) continue; // a histogram's own
      const values = (found[name][label] ??= new Set());
      if (documentedLabels[name]?.[label]?.length !== 0) values.add(text);
    }
  }
  for (const [name, all] of Object.entries(found))
    found[name] = Object.fromEntries(Object.entries(all).map(([label, values]) => [label, [...values].sort()]));
  return found;
}

const value = (body, name) => Number(body.match(new RegExp(`^${name} (\\S+)$`, "m"))[1]);

function assertHistograms(body) {
  for (const [, name] of body.matchAll(/^# TYPE (\w+) histogram$/gm)) {
    const buckets = [...body.matchAll(new RegExp(`^${name}_bucket{le="([^"]+)"} (\\d+)$`, "gm"))];
    const counts = buckets.map(([, , count]) => Number(count));
    assert.equal(buckets.at(-1)[1], "+Inf");
    assert.deepEqual(counts, [...counts].sort((a, b) => a - b));
    assert.equal(counts.at(-1), value(body, `${name}_count`));
  }
}

for (const [broker, start] of Object.entries({
  memory: (t) => startGateway(t, UNLIMITED),
  Redis: async (t) => (await startCluster(t, { size: 1, ...UNLIMITED })).a,
})) {
  test(`${broker}: the table lists every metric with its labels, and the figures fit together`, async (t) => {
    const server = await start(t);
    const before = await page(t, server);
    assert.deepEqual(named(before), documented);
    assert.deepEqual(labels(before), documentedLabels);
    const riders = [await Client.connect(t, server, "WebSocket only"), await Client.connect(t, server, "polling only")];
    await boardings(riders[0], "u", 100);
    for (const rider of riders) await rider.heard(100);

    const body = await page(t, server);
    execFileSync("promtool", ["check", "metrics"], { input: body });
    assertHistograms(body);
    assert.equal(value(body, "ridecast_events_total"), 100);
    assert.equal(value(body, "ridecast_deliveries_total"), 200);
    assert.equal(value(body, "ridecast_batch_events_sum"), 100);
    assert.ok(value(body, "ridecast_delivery_seconds_count") > 0);
    assert.equal(value(body, "ridecast_broker_latency_seconds_count"), broker === "memory" ? 0 : 100);
    for (const transport of ["polling", "websocket"])
      assert.equal(value(body, `ridecast_sessions{protocol="socket.io",transport="${transport}"}`), 1);
    assert.equal(value(body, "ridecast_riders_held"), 1);
    assert.ok(value(body, "process_cpu_seconds_total") >= value(before, "process_cpu_seconds_total"));
    assert.ok(value(body, "process_open_fds") > 5);
    assert.ok(value(body, "process_resident_memory_bytes") > 1e6);
    assert.ok(Math.abs(Date.now() / 1000 - value(body, "process_start_time_seconds")) < 60);
  });
}
