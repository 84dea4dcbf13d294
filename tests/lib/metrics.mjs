// What a gateway says at /metrics.

import assert from "node:assert/strict";
import { request } from "./http.mjs";

export const metricsOf = async (t, server) => (await request(t, server, { path: "/metrics" })).body;

// Gauges and counters, each by its name and labels as printed, all of one moment.
export async function gauges(t, server, ...names) {
  const lines = (await metricsOf(t, server)).split("\n");
  return names.map((name) => {
    const line = lines.find((text) => text.startsWith(`${name} `));
    assert.ok(line, `${name} is not in /metrics`);
    return Number(line.split(" ").at(-1));
  });
}

export const gauge = async (t, server, name) => (await gauges(t, server, name))[0];

// One number for all series of that name.
export async function total(t, server, name) {
  const body = await metricsOf(t, server);
  const values = [...body.matchAll(new RegExp(`^${name}(?:{[^}]*})? (\\d+)$`, "gm"))];
  assert.ok(values.length > 0, `${name} is not in\n${body}`);
  return values.reduce((sum, [, value]) => sum + Number(value), 0);
}

export const residentMiB = async (t, server) => (await gauge(t, server, "process_resident_memory_bytes")) / 2 ** 20;
