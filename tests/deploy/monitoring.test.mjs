// deploy/prometheus and deploy/grafana: taken by Prometheus, in step with /metrics and docs/operations.md, and every
// query of the dashboard is answered for a cluster under load.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { test } from "node:test";
import { startCluster } from "../lib/cluster.mjs";
import { Client, MODES } from "../lib/official.mjs";
import { ROOT } from "../lib/places.mjs";
import { Prometheus } from "../lib/prometheus.mjs";
import { boardings } from "../lib/recovery.mjs";
import { until } from "../lib/wait.mjs";

const read = (name) => readFile(path.join(ROOT, name), "utf8");
const promtool = (...args) => execFileSync("promtool", args, { cwd: ROOT, encoding: "utf8" });

const rules = await read("deploy/prometheus/rules/ridecast.yml");
const dashboard = JSON.parse(await read("deploy/grafana/dashboards/ridecast.json"));
const queries = dashboard.panels.flatMap(({ title, targets = [] }) => targets.map(({ expr }) => ({ title, expr })));

test("promtool takes configuration and rules, and each alert fires when it should and only then", () => {
  promtool("check", "config", "deploy/prometheus/prometheus.yml");
  promtool("test", "rules", "tests/deploy/rules.yml");
});

test("every alert is tested", async () => {
  const tested = await read("tests/deploy/rules.yml");
  for (const [, alert] of rules.matchAll(/- alert: (\w+)/g)) assert.match(tested, new RegExp(`alertname="${alert}"`), alert);
});

test("every alert's runbook is a heading of docs/operations.md", async () => {
  const headings = [...(await read("docs/operations.md")).matchAll(/^#+ (.*)$/gm)].map(([, heading]) =>
    heading.toLowerCase().replace(/[^\w -]/g, "").replaceAll(" ", "-"),
  );
  const runbooks = [...rules.matchAll(/runbook: docs\/operations\.md#(\S+)/g)].map(([, heading]) => heading);
  assert.equal(runbooks.length, rules.match(/- alert:/g).length);
  for (const runbook of runbooks) assert.ok(headings.includes(runbook), runbook);
});

test("rules and dashboard name metrics that docs/metrics.md lists", async () => {
  const listed = [...(await read("docs/metrics.md")).matchAll(/^\| `(\w+)` \| (\w+)/gm)].flatMap(([, name, type]) =>
    type === "histogram" ? ["_bucket", "_sum", "_count"].map((end) => name + end) : [name],
  );
  const text = rules.replace(/^\s+(description|summary|runbook|# ).*$/gm, "") + queries.map(({ expr }) => expr).join("\n");
  for (const [name] of text.matchAll(/\b(ridecast|process)_\w+/g)) assert.ok(listed.includes(name), name);
});

test("every query of the dashboard is answered", async (t) => {
  const { gateways } = await startCluster(t, { size: 3, trustedProxy: "127.0.0.0/8", messagesPerSecond: 0, transitionsPerSecond: 0 });
  const prometheus = await Prometheus.start(t, gateways);
  const riders = [];
  for (const [i, mode] of Object.keys(MODES).entries()) riders.push(await Client.connect(t, gateways[i], mode));
  const ask = (expr) => prometheus.ask(expr);
  await until(
    async () => {
      await boardings(riders[0], "u", 20);
      const [count] = await ask("sum(increase(ridecast_deliveries_total[10s]))");
      return Number(count?.value[1]) > 0;
    },
    () => "waiting for samples",
  );
  for (const { title, expr } of queries) {
    const result = await ask(expr);
    assert.ok(result.length > 0, `${title}: ${expr} has no answer`);
    for (const { value } of result) assert.ok(!Number.isNaN(Number(value[1])) || /histogram_quantile|\//.test(expr), expr);
  }
  const [{ value }] = await ask('sum(up{job="ridecast"})');
  assert.equal(value[1], "3");
});
