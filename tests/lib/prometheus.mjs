// A real Prometheus with the configuration of deploy/prometheus, which asks more often and keeps its data in a folder of
// its own.

import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { onEnd } from "./cleanup.mjs";
import { temporaryFolder } from "./folder.mjs";
import { ROOT } from "./places.mjs";
import { freePort } from "./port.mjs";
import { startProgram } from "./process.mjs";
import { until } from "./wait.mjs";

const DEPLOY = path.join(ROOT, "deploy/prometheus");

export class Prometheus {
  static async start(t, gateways) {
    const folder = temporaryFolder(t, "prometheus");
    const port = await freePort();
    const targets = gateways.map((gateway) => `127.0.0.1:${gateway.port}`);
    const shared = await readFile(path.join(DEPLOY, "prometheus.yml"), "utf8");
    const here = shared
      .replace(/_interval: 5s/g, "_interval: 200ms")
      .replace("rules/", `${DEPLOY}/rules/`)
      .replace(/dns_sd_configs:[^]*$/, `static_configs: [{ targets: ${JSON.stringify(targets)} }]\n`);
    await writeFile(path.join(folder, "prometheus.yml"), here);
    const program = startProgram(t, "prometheus", [
      `--config.file=${folder}/prometheus.yml`,
      `--storage.tsdb.path=${folder}/data`,
      `--web.listen-address=127.0.0.1:${port}`,
    ]);
    onEnd(t, () => (program.exit ? undefined : program.kill("SIGTERM")));
    const prometheus = new Prometheus(`http://127.0.0.1:${port}`);
    await until(
      () => fetch(`${prometheus.url}/-/ready`).then(({ ok }) => ok, () => false),
      () => `waiting for Prometheus\n${program.stderr}`,
    );
    return prometheus;
  }

  constructor(url) {
    this.url = url;
  }

  // The answer to a query as the dashboard has it: now, or with `range` { start, end, step } in seconds over time.
  async ask(expr, range) {
    const query = expr.replaceAll("$__rate_interval", "10s");
    const parameters = new URLSearchParams({ query, ...range });
    const answer = await (await fetch(`${this.url}/api/v1/query${range ? "_range" : ""}?${parameters}`)).json();
    assert.equal(answer.status, "success", `${expr}: ${answer.error}`);
    return answer.data.result;
  }
}
